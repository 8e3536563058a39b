using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Downstream.NetworkFilters.SetFilterState;

[Description("Sets objects of the filter state of a connection, which each of its requests begins with.")]
[UnsupportedField("on_downstream_tls_handshake on_downstream_data", "use on_new_connection: TLS is agreed on before it")]
public sealed record SetFilterStateNetworkConfig : ConfigRecord
{
    [Length(0, 100), Description("What is set when the connection begins, in order.")]
    public IReadOnlyList<StateValueConfig> OnNewConnection { get; init; } = [];
}

internal sealed class SetFilterStateNetworkFilterDefinition : NetworkFilterDefinition
{
    public override string Name => "envoy.filters.network.set_filter_state";
    public override string TypeName => "envoy.extensions.filters.network.set_filter_state.v3.Config";
    public override Type ConfigType => typeof(SetFilterStateNetworkConfig);
    public override string Summary => "Sets objects of the filter state of a connection, for all that comes on it.";
    public override bool IsTerminal => false;

    internal override NetworkFilterFactory? BuildFilter(ConfigNode? typedConfig, NetworkBuildContext context)
    {
        var config = typedConfig is null ? new() : ConfigBinder.Bind<SetFilterStateNetworkConfig>(typedConfig, context.Errors);
        return config is not null && StateValue.BuildAll(config.OnNewConnection, context.Errors) is { } values ? new Factory(values) : null;
    }

    private sealed class Factory(StateValue[] values) : NetworkFilterFactory
    {
        public override NetworkFilter Create(DownstreamConnection connection) => new SetFilterStateNetworkFilter(values);
    }
}

/// <summary>Sets the objects once, before a byte is read.</summary>
internal sealed class SetFilterStateNetworkFilter(StateValue[] values) : NetworkFilter
{
    public override NetworkStatus OnNewConnection()
    {
        var info = Connection.Describe();
        foreach (var value in values) value.Set(info, Connection.Worker.Scratch);
        Connection.State = info;
        return NetworkStatus.Continue;
    }
}
