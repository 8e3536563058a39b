using System.ComponentModel.DataAnnotations;
using System.ComponentModel;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Router.RateLimits;

namespace Managed.Proxy.Http.Filters.LocalRateLimit;

[Description(
    "A token bucket: one for the listener's chain, shared by all workers. As per-route configuration the route has a bucket of its own.")]
[UnsupportedField("local_cluster_rate_limit", "each proxy has its buckets for itself in this version")]
[UnsupportedField("max_dynamic_descriptors", "descriptors without a value, which stand for any, are not available in this version")]
public sealed record LocalRateLimitConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Name in the statistics.")]
    public string StatPrefix { get; init; } = "";

    [Description("Status of a refused request. Absent: 429.")]
    public HttpStatusConfig? Status { get; init; }

    [Description("The bucket. Absent: the filter does nothing here (a chain may have it for its routes only).")]
    public TokenBucketConfig? TokenBucket { get; init; }

    [Description("Share of the requests that the bucket counts. Absent: all of them. Envoy: none.")]
    public RuntimeFractionConfig? FilterEnabled { get; init; }

    [Description("Share of the requests over the limit that are refused. Absent: all of them. Envoy: none.")]
    public RuntimeFractionConfig? FilterEnforced { get; init; }

    [Length(0, 10), Description("Headers added to requests over the limit that are let through.")]
    public IReadOnlyList<HeaderValueOptionConfig> RequestHeadersToAddWhenNotEnforced { get; init; } = [];

    [Length(0, 10), Description("Headers added to refusals.")]
    public IReadOnlyList<HeaderValueOptionConfig> ResponseHeadersToAdd { get; init; } = [];

    [Length(0, 1000), Description("Buckets for requests of which a rate limit makes these descriptors. All that match are asked.")]
    public IReadOnlyList<LocalRateLimitDescriptorConfig> Descriptors { get; init; } = [];

    [Length(0, 100), Description("What requests are counted by, in place of the rate_limits of the route and its virtual host.")]
    public IReadOnlyList<RateLimitConfig> RateLimits { get; init; } = [];

    [Range(0, 10), Description("Which rate_limits of the route and its virtual host count.")]
    public int Stage { get; init; }

    [Description("What the virtual host's rate_limits do: OVERRIDE counts them where the route has none, INCLUDE always, IGNORE never.")]
    public VirtualHostRateLimits VhRateLimits { get; init; } = VirtualHostRateLimits.Override; // Envoy's default

    [Description("A request for which a descriptor's bucket has a token takes one of token_bucket too.")]
    public bool AlwaysConsumeDefaultTokenBucket { get; init; } = true; // Envoy's default

    [Description("A refused gRPC call gets RESOURCE_EXHAUSTED; otherwise UNAVAILABLE.")]
    public bool RateLimitedAsResourceExhausted { get; init; }

    [Description("A bucket for each connection instead of a shared one. Not with descriptors.")]
    public bool LocalRateLimitPerDownstreamConnection { get; init; }

    [Description("Adds x-ratelimit-limit, -remaining and -reset (draft 03) to responses.")]
    public XRateLimitHeadersVersion EnableXRatelimitHeaders { get; init; } = XRateLimitHeadersVersion.Off; // Envoy's default
}

[Description("A bucket for one descriptor.")]
[UnsupportedField("shadow_mode", "use filter_enforced, or a second filter")]
public sealed record LocalRateLimitDescriptorConfig : ConfigRecord
{
    [Required, Length(1, 32), Description("The descriptor: all its entries, in order.")]
    public IReadOnlyList<DescriptorEntryConfig> Entries { get; init; } = [];

    [Required, Description("Its bucket.")]
    public TokenBucketConfig? TokenBucket { get; init; }
}

[Description("An entry of a descriptor.")]
public sealed record DescriptorEntryConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Its key.")]
    public string Key { get; init; } = "";

    [Required, Length(1, 4096), Description("Its value.")]
    public string Value { get; init; } = "";
}

public enum XRateLimitHeadersVersion
{
    Off,
    [JsonStringEnumMemberName("DRAFT_VERSION_03")] DraftVersion03,
}

[Description("A status.")]
public sealed record HttpStatusConfig : ConfigRecord
{
    [Required, Range(400, 599), Description("The status; Envoy takes 429 in place of one below 400.")]
    public int Code { get; init; }
}
