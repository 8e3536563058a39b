using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Limits;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Downstream.Listener;

namespace Managed.Proxy.Downstream.NetworkFilters.ConnectionLimit;

[Description("Closes connections of its chain beyond so many at one time.")]
public sealed record ConnectionLimitConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Stands in the statistics behind connection_limit.")]
    public string StatPrefix { get; init; } = "";

    [Required, Range(1L, int.MaxValue), Description("How many there may be at one time, over all workers.")]
    public long MaxConnections { get; init; }

    [Description("How long a refused connection waits before it is closed, so that clients that try again at once do not do it so often. "
        + "Nothing is read meanwhile. Absent: not at all.")]
    public TimeSpan Delay { get; init; }

    [Description("Whether it limits. Absent: yes.")]
    public RuntimeFeatureFlagConfig? RuntimeEnabled { get; init; }
}

internal sealed class ConnectionLimitDefinition : NetworkFilterDefinition
{
    public override string Name => "envoy.filters.network.connection_limit";
    public override string TypeName => "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit";
    public override Type ConfigType => typeof(ConnectionLimitConfig);
    public override string Summary => "Closes connections of its chain beyond so many at one time.";
    public override bool IsTerminal => false;

    internal override NetworkFilterFactory? BuildFilter(ConfigNode? typedConfig, NetworkBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "connection_limit needs a typed_config",
                "give stat_prefix and max_connections");
            return null;
        }
        if (ConfigBinder.Bind<ConnectionLimitConfig>(typedConfig, context.Errors) is not { } config) return null;
        // Versions count together: a connection stays when one comes.
        var count = context.Shared.GetOrAdd($"connection_limit/{context.Listener.Name}/{context.ChainName}/{config.StatPrefix}",
            static () => new ConnectionCount());
        return new ConnectionLimitFactory(config, count, context.Stats);
    }
}

internal sealed class ConnectionLimitFactory(ConnectionLimitConfig config, ConnectionCount count, StatScope stats) : NetworkFilterFactory
{
    private readonly Gauge _active = stats.Gauge($"connection_limit.{config.StatPrefix}.active_connections");
    private readonly Counter _limited = stats.Counter($"connection_limit.{config.StatPrefix}.limited_connections");
    private readonly long _delayMicros = (long)config.Delay.TotalMicroseconds;
    private readonly bool _enabled = config.RuntimeEnabled?.IsOn ?? true;

    public override bool SeesBytes => false;

    public override IoTask<bool> AdmitAsync(DownstreamConnection connection)
    {
        var worker = connection.Worker;
        if (!count.TryEnter(_enabled ? (int)config.MaxConnections : int.MaxValue))
        {
            worker.Stats.Increment(_limited);
            return _delayMicros > 0 ? new Refusal(connection).WaitAsync(_delayMicros) : new IoTask<bool>(false);
        }
        worker.Stats.Increment(_active);
        return new IoTask<bool>(true);
    }

    public override void Leave(DownstreamConnection connection)
    {
        count.Leave();
        connection.Worker.Stats.Decrement(_active);
    }

    /// <summary>A connection that waits for its end: its time, the client's leave, or a drain that is over.</summary>
    private sealed class Refusal(DownstreamConnection connection)
    {
        private readonly Signal _over = new();

        public async IoTask<bool> WaitAsync(long micros)
        {
            var timer = new WheelTimer(static r => ((Refusal)r!)._over.Set(), this);
            connection.HookState = this;
            connection.OnCut = connection.OnPressed = static r => ((Refusal)r)._over.Set();
            connection.Transport.PeerGone = static (r, _) => ((Refusal)r!)._over.Set();
            connection.Transport.PeerGoneState = this;
            connection.Worker.Timers.Arm(timer, micros);
            await _over.WaitAsync();
            connection.Worker.Timers.Remove(timer);
            return false;
        }
    }
}
