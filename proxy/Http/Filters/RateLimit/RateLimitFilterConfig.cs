using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Router.RateLimits;

namespace Managed.Proxy.Http.Filters.RateLimit;

[Description("Asks a rate limit service about each request, by the descriptors that rate_limits make of it.")]
[UnsupportedField("failure_mode_deny_percent", "failure_mode_deny is for all requests")]
public sealed record RateLimitFilterConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Told to the service: whose limits they are.")]
    public string Domain { get; init; } = "";

    [Range(0, 10), Description("Which rate_limits count.")]
    public int Stage { get; init; }

    [Description("internal, external or both: which requests are asked about.")]
    public string RequestType { get; init; } = "";

    [Description("How long the service may take.")]
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMilliseconds(20); // Envoy's default

    [Description("Without an answer of the service the request is refused; otherwise it goes on.")]
    public bool FailureModeDeny { get; init; }

    [Description("A refused gRPC call gets RESOURCE_EXHAUSTED; otherwise UNAVAILABLE.")]
    public bool RateLimitedAsResourceExhausted { get; init; }

    [Required, Description("The service.")]
    public RateLimitServiceConfig? RateLimitService { get; init; }

    [Description("Adds x-ratelimit-limit, -remaining and -reset (draft 03) to answers.")]
    public RateLimitHeadersVersion EnableXRatelimitHeaders { get; init; } = RateLimitHeadersVersion.Off; // Envoy's default

    [Description("Leaves x-envoy-ratelimited out of refusals.")]
    public bool DisableXEnvoyRatelimitedHeader { get; init; }

    [Description("Status of a refused request. Absent: 429.")]
    public RateLimitStatusConfig? RateLimitedStatus { get; init; }

    [Length(0, 10), Description("Headers added to refusals.")]
    public IReadOnlyList<HeaderValueOptionConfig> ResponseHeadersToAdd { get; init; } = [];

    [Description("Status when the service does not answer and failure_mode_deny is set. Absent: 500.")]
    public RateLimitStatusConfig? StatusOnError { get; init; }

    [Description("Part of the names of the statistics.")]
    public string StatPrefix { get; init; } = "";

    [Description("Share of the requests that are asked about. Absent: all of them.")]
    public RuntimeFractionConfig? FilterEnabled { get; init; }

    [Description("Share of the requests over a limit that are refused. Absent: all of them.")]
    public RuntimeFractionConfig? FilterEnforced { get; init; }

    [Length(0, 100), Description("What requests are counted by, in place of the rate_limits of routes and virtual hosts.")]
    public IReadOnlyList<RateLimitConfig> RateLimits { get; init; } = [];
}

public enum RateLimitHeadersVersion
{
    Off,
    [JsonStringEnumMemberName("DRAFT_VERSION_03")] DraftVersion03,
}

[Description("A service that speaks envoy.service.ratelimit.v3.RateLimitService.")]
public sealed record RateLimitServiceConfig : ConfigRecord
{
    [Required, Description("Where it is.")]
    public GrpcServiceConfig? GrpcService { get; init; }

    [UnsupportedValue("AUTO V2", "V3 is the one that is spoken"), Description("V3.")]
    public RateLimitApiVersion TransportApiVersion { get; init; } = RateLimitApiVersion.V3;
}

public enum RateLimitApiVersion { [JsonStringEnumMemberName("V3")] V3 }

[Description("A status.")]
public sealed record RateLimitStatusConfig : ConfigRecord
{
    [Required, Range(400, 599), Description("The status.")]
    public int Code { get; init; }
}

[Description("The filter on a route.")]
[UnsupportedField("override_option", "not implemented in Envoy either")]
public sealed record RateLimitPerRouteConfig : ConfigRecord
{
    [Description("What the virtual host's rate_limits do: OVERRIDE counts them where the route has none, INCLUDE always, IGNORE never.")]
    public VirtualHostRateLimits VhRateLimits { get; init; } = VirtualHostRateLimits.Override; // Envoy's default

    [Description("In place of the filter's domain. Absent: the filter's.")]
    public string Domain { get; init; } = "";

    [Length(0, 100), Description("What requests are counted by here, in place of all other rate_limits.")]
    public IReadOnlyList<RateLimitConfig> RateLimits { get; init; } = [];
}
