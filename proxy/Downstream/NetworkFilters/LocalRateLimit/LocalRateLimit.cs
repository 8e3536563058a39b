using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Limits;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Downstream.Listener;

namespace Managed.Proxy.Downstream.NetworkFilters.LocalRateLimit;

[Description("A token for each connection of its chain; without one it is closed.")]
public sealed record NetworkRateLimitConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Stands in the statistics behind local_rate_limit.")]
    public string StatPrefix { get; init; } = "";

    [Required, Description("The bucket, shared by all workers. It keeps its tokens from version to version while it is the same.")]
    public TokenBucketConfig? TokenBucket { get; init; }

    [Description("Share of the connections that the bucket counts. Absent: all of them.")]
    public RuntimeFractionConfig? RuntimeEnabled { get; init; }

    [Length(0, 256), Description("Filters with the same key, and the same numbers in token_bucket, have one bucket. Absent: its own.")]
    public string ShareKey { get; init; } = "";
}

internal sealed class NetworkRateLimitDefinition : NetworkFilterDefinition
{
    public override string Name => "envoy.filters.network.local_ratelimit";
    public override string TypeName => "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit";
    public override Type ConfigType => typeof(NetworkRateLimitConfig);
    public override string Summary => "Limits the rate of new connections by a token bucket that filters may share.";
    public override bool IsTerminal => false;

    internal override NetworkFilterFactory? BuildFilter(ConfigNode? typedConfig, NetworkBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "local_ratelimit needs a typed_config",
                "give stat_prefix and token_bucket");
            return null;
        }
        if (ConfigBinder.Bind<NetworkRateLimitConfig>(typedConfig, context.Errors) is not { TokenBucket: { } bucket } config) return null;
        uint max = (uint)bucket.MaxTokens, perFill = (uint)bucket.TokensPerFill;
        long fill = (long)bucket.FillInterval.TotalMicroseconds;
        string owner = config.ShareKey.Length > 0 ? $"shared/{config.ShareKey}"
            : $"own/{context.Listener.Name}/{context.ChainName}/{config.StatPrefix}";
        var shared = context.Shared.GetOrAdd($"network_local_ratelimit/{owner}/{max}/{perFill}/{fill}",
            () => new TokenBucket(max, perFill, fill));
        return new Factory(shared, config.RuntimeEnabled?.DefaultValue?.PartsPerMillion ?? 1_000_000,
            context.Stats.Counter($"local_rate_limit.{config.StatPrefix}.rate_limited"));
    }

    private sealed class Factory(TokenBucket bucket, int enabled, Counter limited) : NetworkFilterFactory
    {
        public override bool SeesBytes => false;

        public override IoTask<bool> AdmitAsync(DownstreamConnection connection)
        {
            var worker = connection.Worker;
            if (enabled < 1_000_000 && (enabled == 0 || worker.NextRandom() % 1_000_000 >= (ulong)enabled)) return new IoTask<bool>(true);
            if (bucket.TryTake(worker.NowMicros, out _)) return new IoTask<bool>(true);
            worker.Stats.Increment(limited);
            return new IoTask<bool>(false);
        }
    }
}
