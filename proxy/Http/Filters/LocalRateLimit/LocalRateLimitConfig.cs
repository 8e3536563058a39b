using System.ComponentModel.DataAnnotations;
using System.ComponentModel;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.LocalRateLimit;

[Description(
    "A token bucket: one for the listener's chain, shared by all workers. As per-route configuration the route has a bucket of its own.")]
[UnsupportedField(
    "descriptors stage local_cluster_rate_limit rate_limits max_dynamic_descriptors always_consume_default_token_bucket vh_rate_limits "
        + "rate_limited_as_resource_exhausted", "descriptors are not available in this version")]
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

    [Description("A bucket for each connection instead of a shared one.")]
    public bool LocalRateLimitPerDownstreamConnection { get; init; }

    [Description("Adds x-ratelimit-limit, -remaining and -reset (draft 03) to responses.")]
    public XRateLimitHeadersVersion EnableXRatelimitHeaders { get; init; } = XRateLimitHeadersVersion.Off; // Envoy's default
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
