using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Limits;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Router.RateLimits;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.LocalRateLimit;

/// <summary>What the filter, or a route's entry for it, was built with.</summary>
internal sealed class LocalRateLimitSettings
{
    private readonly TokenBucket? _shared;
    private readonly ConnectionBuckets? _perConnection;
    private readonly Dictionary<byte[], TokenBucket>? _byDescriptor;

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
        Config = config;
        RateLimits = RateLimitPolicy.Build(config.RateLimits, context.Errors);
        if (config.Descriptors.Count > 0) _byDescriptor = Buckets(config, context);
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

    public LocalRateLimitConfig Config { get; }
    /// <summary>In place of those of the route.</summary>
    public RateLimitPolicy? RateLimits { get; }
    public bool HasDescriptors => _byDescriptor is not null;

    private static Dictionary<byte[], TokenBucket> Buckets(LocalRateLimitConfig config, FilterBuildContext context)
    {
        if (config.LocalRateLimitPerDownstreamConnection)
            context.Errors.ErrorAt(config.Node, "local_rate_limit_per_downstream_connection", ConfigCode.Conflict,
                "descriptors have buckets that all connections share");
        var buckets = new Dictionary<byte[], TokenBucket>(ByteKeys.Comparer);
        var list = new DescriptorList();
        foreach (var descriptor in config.Descriptors)
        {
            list.Clear();
            list.Begin();
            foreach (var entry in descriptor.Entries) list.Add(Encoding.UTF8.GetBytes(entry.Key), Encoding.UTF8.GetBytes(entry.Value));
            list.End(keep: true);
            byte[] key = list[0].ToArray();
            var bucket = descriptor.TokenBucket!;
            uint max = (uint)bucket.MaxTokens, perFill = (uint)bucket.TokensPerFill;
            long fill = bucket.FillInterval.Ticks / TimeSpan.TicksPerMicrosecond;
            string identity = $"local_ratelimit/{context.Identity}/{max}/{perFill}/{fill}/{Convert.ToHexString(key)}";
            if (!buckets.TryAdd(key, context.Shared.GetOrAdd(identity, () => new TokenBucket(max, perFill, fill))))
                context.Errors.Error(descriptor.Node, ConfigCode.DuplicateName, "there is a descriptor of the same entries already");
        }
        return buckets;
    }

    /// <summary>The bucket of a descriptor; null when it has none.</summary>
    public TokenBucket? BucketOf(ReadOnlySpan<byte> descriptor)
        => _byDescriptor!.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(descriptor, out var bucket) ? bucket : null;

    /// <summary>The bucket of a connection; null when there is none here.</summary>
    public TokenBucket? Bucket(int workerId, ulong connectionId, long nowMicros)
        => _shared ?? _perConnection?.Of(workerId, connectionId, nowMicros);
}
