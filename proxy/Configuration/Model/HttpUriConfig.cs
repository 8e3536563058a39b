using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("A URL to fetch.")]
public sealed record HttpUriConfig : ConfigRecord
{
    [Required, Length(1, 4096), Description("http://… or https://…; redirects are not followed.")]
    public string Uri { get; init; } = "";

    [Description(
        "The cluster whose endpoints are asked in place of the URL's host. Only code may leave it out: then the host itself is asked, "
            + "which has to be one of --code-fetch-hosts.")]
    public string? Cluster { get; init; }

    [Required, DurationRange(1, 300_000), Description("For one attempt, from the connection to the last byte.")]
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);
}

[Description("How often and how soon to try again.")]
[UnsupportedField("retry_on retry_priority retry_host_predicate host_selection_retry_max_attempts",
    "a fetch is tried again whenever that may help, at the cluster's next endpoint")]
public sealed record FetchRetryConfig : ConfigRecord
{
    [Range(0, 10), Description("Further attempts.")]
    public int NumRetries { get; init; } = 1; // Envoy's default

    [Description("Between attempts; doubled each time.")]
    public BackoffConfig RetryBackOff { get; init; } = new();
}

[Description("Envoy's BackoffStrategy.")]
public sealed record BackoffConfig : ConfigRecord
{
    [Required, DurationRange(1), Description("The first wait.")]
    public TimeSpan BaseInterval { get; init; } = TimeSpan.FromSeconds(1);

    [DurationRange(1), Description("The longest; ten times the first when absent.")]
    public TimeSpan? MaxInterval { get; init; }
}
