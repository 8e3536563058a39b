using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.HealthCheck;

[Description("Answers health checks of others in the service's place, or remembers its answers.")]
[UnsupportedField("endpoint", "name the path in headers: {name: ':path', string_match: {exact: /healthz}}")]
public sealed record HealthCheckConfig : ConfigRecord
{
    [Required, Description("true: the service answers, which cache_time may spare it; false: the proxy does.")]
    public bool? PassThroughMode { get; init; }

    [Description("How long an answer of the service is given again. With pass_through_mode only. Absent or 0: each check goes through.")]
    public TimeSpan? CacheTime { get; init; }

    [Length(0, 1000), Description(
        "Per cluster, how many percent of its endpoints must be healthy, or the answer is 503. Without pass_through_mode only.")]
    public IReadOnlyDictionary<string, PercentConfig> ClusterMinHealthyPercentages { get; init; } = new Dictionary<string, PercentConfig>();

    [Length(0, 100), Description("What is a health check: all of these match. Absent: every request is one.")]
    public IReadOnlyList<HeaderMatcherConfig> Headers { get; init; } = [];
}
