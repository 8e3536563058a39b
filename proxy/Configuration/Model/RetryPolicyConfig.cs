using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("When a request that failed is sent again, and how often.")]
[UnsupportedField("retry_options_predicates", "extensions that change a request between two attempts are not available in this version")]
public sealed record RetryPolicyConfig : ConfigRecord
{
    [Description("Conditions, with commas: 5xx, gateway-error, reset, reset-before-request, connect-failure, envoy-ratelimited, "
        + "retriable-4xx, refused-stream, retriable-status-codes, retriable-headers, http3-post-connect-failure, and of gRPC cancelled, "
        + "deadline-exceeded, internal, resource-exhausted, unavailable.")]
    public string RetryOn { get; init; } = "";

    [Description("Further attempts.")]
    public uint NumRetries { get; init; } = 1; // Envoy's default

    [Description("What one attempt may take, from the end of the request to the head of the response; 0, or not less than the route's "
        + "timeout: no limit of its own.")]
    public TimeSpan PerTryTimeout { get; init; }

    [Description("What may pass in one attempt without a byte either way; 0 is no limit.")]
    public TimeSpan PerTryIdleTimeout { get; init; }

    [Description("Chooses the endpoints of further attempts by priority.")]
    public RetryExtensionConfig? RetryPriority { get; init; }

    [Length(0, 16), Description("Endpoints that further attempts do not go to: previous_hosts, omit_canary_hosts, omit_host_metadata.")]
    public IReadOnlyList<RetryExtensionConfig> RetryHostPredicate { get; init; } = [];

    [Range(1, 1000), Description("How often another endpoint is chosen when one is not to be taken; after that it is taken all the same.")]
    public int HostSelectionRetryMaxAttempts { get; init; } = 1; // Envoy's default

    [Description("Statuses of retriable-status-codes.")]
    public IReadOnlyList<uint> RetriableStatusCodes { get; init; } = [];

    [Description("Between two attempts: a random time up to the base interval, doubled with each attempt. Absent: 25ms and 250ms.")]
    public RetryBackOffConfig? RetryBackOff { get; init; }

    [Description("Where the answer itself says how long to wait.")]
    public RateLimitedRetryBackOffConfig? RateLimitedRetryBackOff { get; init; }

    [Description("Tests of the response for retriable-headers; one must hold.")]
    public IReadOnlyList<HeaderMatcherConfig> RetriableHeaders { get; init; } = [];

    [Description("Tests of the request; with any, one must hold for the policy to count.")]
    public IReadOnlyList<HeaderMatcherConfig> RetriableRequestHeaders { get; init; } = [];
}

[Description("An extension of a retry policy.")]
public sealed record RetryExtensionConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Such as envoy.retry_host_predicates.previous_hosts. An @type in typed_config counts instead.")]
    public string Name { get; init; } = "";

    [Description("The extension's own message; @type names it.")]
    public ConfigObject? TypedConfig { get; init; }
}

[Description("How long to wait before the next attempt.")]
public sealed record RetryBackOffConfig : ConfigRecord
{
    [Required, DurationRange(0.001), Description("Longest pause before the second attempt; 1ms at least is taken.")]
    public TimeSpan? BaseInterval { get; init; }

    [DurationRange(0.001), Description("Longest pause of all. Absent: ten times the base interval.")]
    public TimeSpan? MaxInterval { get; init; }
}

[Description("How long to wait by what a response's headers say; half as long again at most is added by chance.")]
public sealed record RateLimitedRetryBackOffConfig : ConfigRecord
{
    [Required, Length(1, 16), Description("Headers that say it; the first that is there and does not say more than max_interval counts.")]
    public IReadOnlyList<ResetHeaderConfig> ResetHeaders { get; init; } = [];

    [DurationRange(0.001), Description("A header that says more is passed over.")]
    public TimeSpan MaxInterval { get; init; } = TimeSpan.FromSeconds(300); // Envoy's default
}

[Description("A header that says when to try again.")]
public sealed record ResetHeaderConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Header name; case does not count.")]
    public string Name { get; init; } = "";

    [Description("SECONDS: that many from now; UNIX_TIMESTAMP: at that second.")]
    public ResetHeaderFormat Format { get; init; }
}

public enum ResetHeaderFormat { Seconds, UnixTimestamp }

[Description("Of a retry_host_predicate: endpoints whose metadata of envoy.lb has all of this.")]
public sealed record OmitHostMetadataConfig : ConfigRecord
{
    [Description("What has to be there, under filter_metadata.")]
    public MetadataConfig? MetadataMatch { get; init; }
}

[Description("Of retry_priority: priorities that have been tried are left out.")]
public sealed record PreviousPrioritiesConfig : ConfigRecord
{
    [Required, Range(1, int.MaxValue), Description("After how many attempts what has been tried is looked at anew.")]
    public int UpdateFrequency { get; init; }
}
