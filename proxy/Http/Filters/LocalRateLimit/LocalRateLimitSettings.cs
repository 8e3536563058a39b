using Managed.Proxy.Core.Limits;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.LocalRateLimit;

/// <summary>What the filter, or a route's entry for it, was built with.</summary>
internal sealed class LocalRateLimitSettings
{
    private readonly TokenBucket? _shared;
    private readonly ConnectionBuckets? _perConnection;

    // Counters, under Envoy's <stat_prefix>.http_local_rate_limit.
    public Counter EnabledRequests { get; }
    public Counter Ok { get; }
    public Counter RateLimited { get; }
    public Counter Enforced { get; }

    public int EnabledPerMillion { get; }
    public int EnforcedPerMillion { get; }
    public int Status { get; }
    public bool AddsRateLimitHeaders { get; }
    public HeaderMutations RequestHeaders { get; }
    public HeaderMutations ResponseHeaders { get; }

    public LocalRateLimitSettings(LocalRateLimitConfig config, FilterBuildContext context)
    {
        string prefix = config.StatPrefix + ".http_local_rate_limit.";
        EnabledRequests = context.Stats.Counter(prefix + "enabled");
        Ok = context.Stats.Counter(prefix + "ok");
        RateLimited = context.Stats.Counter(prefix + "rate_limited");
        Enforced = context.Stats.Counter(prefix + "enforced");
        EnabledPerMillion = config.FilterEnabled?.DefaultValue?.PartsPerMillion ?? 1_000_000;
        EnforcedPerMillion = config.FilterEnforced?.DefaultValue?.PartsPerMillion ?? 1_000_000;
        Status = config.Status?.Code ?? 429;
        AddsRateLimitHeaders = config.EnableXRatelimitHeaders == XRateLimitHeadersVersion.DraftVersion03;
        RequestHeaders = HeaderMutations.Build(config.RequestHeadersToAddWhenNotEnforced, [], context.Errors, null);
        ResponseHeaders = HeaderMutations.Build(config.ResponseHeadersToAdd, [], context.Errors, null);
        if (config.TokenBucket is not { } bucket) return;
        uint max = (uint)bucket.MaxTokens, perFill = (uint)bucket.TokensPerFill;
        long fill = bucket.FillInterval.Ticks / TimeSpan.TicksPerMicrosecond;
        // The tokens outlive the version for as long as the bucket is the same one at the same place.
        string key = $"local_ratelimit/{context.Identity}/{max}/{perFill}/{fill}";
        if (config.LocalRateLimitPerDownstreamConnection)
            _perConnection = context.Shared.GetOrAdd(key + "/connections",
                () => new ConnectionBuckets(() => new TokenBucket(max, perFill, fill)));
        else _shared = context.Shared.GetOrAdd(key, () => new TokenBucket(max, perFill, fill));
    }

    /// <summary>The bucket of a connection; null when there is none here.</summary>
    public TokenBucket? Bucket(int workerId, ulong connectionId, long nowMicros)
        => _shared ?? _perConnection?.Of(workerId, connectionId, nowMicros);
}
