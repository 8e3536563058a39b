using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Limits;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Downstream.Listener;

namespace Managed.Proxy.Downstream.ListenerFilters.LocalRateLimit;

[Description("A token for each connection, before anything of it is read; without one it is closed.")]
public sealed record ListenerRateLimitConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Stands in the statistics behind listener_local_ratelimit.")]
    public string StatPrefix { get; init; } = "";

    [Required, Description("The bucket, shared by all workers. It keeps its tokens from version to version while it is the same.")]
    public TokenBucketConfig? TokenBucket { get; init; }

    [Description("Share of the connections that the bucket counts. Absent: all of them.")]
    public RuntimeFractionConfig? RuntimeEnabled { get; init; }
}

internal sealed class ListenerRateLimitDefinition : ListenerFilterDefinition
{
    public override string Name => "envoy.filters.listener.local_ratelimit";
    public override string TypeName => "envoy.extensions.filters.listener.local_ratelimit.v3.LocalRateLimit";
    public override Type ConfigType => typeof(ListenerRateLimitConfig);
    public override string Summary => "Limits the rate of new connections by a token bucket, before anything is read of them.";

    internal override ListenerFilterFactory? Build(ConfigNode? typedConfig, ListenerFilterContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "local_ratelimit needs a typed_config",
                "give stat_prefix and token_bucket");
            return null;
        }
        if (ConfigBinder.Bind<ListenerRateLimitConfig>(typedConfig, context.Errors) is not { TokenBucket: { } bucket } config) return null;
        uint max = (uint)bucket.MaxTokens, perFill = (uint)bucket.TokensPerFill;
        long fill = (long)bucket.FillInterval.TotalMicroseconds;
        var shared = context.Shared.GetOrAdd($"listener_local_ratelimit/{context.Identity}/{max}/{perFill}/{fill}",
            () => new TokenBucket(max, perFill, fill));
        return new Factory(shared, config.RuntimeEnabled?.DefaultValue?.PartsPerMillion ?? 1_000_000,
            context.Stats.Counter($"listener_local_ratelimit.{config.StatPrefix}.rate_limited"));
    }

    private sealed class Factory(TokenBucket bucket, int enabled, Counter limited) : ListenerFilterFactory
    {
        public override ListenerFilter Create(WorkerContext worker) => new ListenerRateLimitFilter(worker, bucket, enabled, limited);
    }
}

internal sealed class ListenerRateLimitFilter(WorkerContext worker, TokenBucket bucket, int enabled, Counter limited) : ListenerFilter
{
    public override int MaxBytes => 0;

    public override ListenerFilterStatus? OnAccept(Transport transport, ConnectionFacts facts)
    {
        if (enabled < 1_000_000 && (enabled == 0 || worker.NextRandom() % 1_000_000 >= (ulong)enabled)) return ListenerFilterStatus.Done;
        if (bucket.TryTake(worker.NowMicros, out _)) return ListenerFilterStatus.Done;
        worker.Stats.Increment(limited);
        return ListenerFilterStatus.Reject;
    }

    public override ListenerFilterStatus Inspect(ReadOnlySpan<byte> bytes, ConnectionFacts facts) => ListenerFilterStatus.Done;
}
