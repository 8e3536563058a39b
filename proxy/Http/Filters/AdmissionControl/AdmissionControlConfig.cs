using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.AdmissionControl;

[Description("Refuses a share of the requests while too few of the last ones have succeeded; each worker counts for itself.")]
public sealed record AdmissionControlConfig : ConfigRecord
{
    [Description("Whether the filter does anything. Absent: it does.")]
    public RuntimeFeatureFlagConfig? Enabled { get; init; }

    [OneOf("evaluation_criteria", Required = true), Description("Which requests have succeeded.")]
    public SuccessCriteriaConfig? SuccessCriteria { get; init; }

    [DurationRange(1000, 3_600_000), Description("How far back requests count, in whole seconds.")]
    public TimeSpan SamplingWindow { get; init; } = TimeSpan.FromSeconds(30); // Envoy's default

    [Description("How fast the share grows: ((requests - successes / sr_threshold) / (requests + 1)) ^ (1 / aggression). Below 1, and "
        + "absent: 1.")]
    public RuntimeDoubleConfig? Aggression { get; init; }

    [Description("With a rate of success above this nothing is refused. Absent: 95 %.")]
    public RuntimePercentConfig? SrThreshold { get; init; }

    [Description("With fewer requests a second in the mean nothing is refused. Absent: 0.")]
    public RuntimeUInt32Config? RpsThreshold { get; init; }

    [Description("The largest share that is refused. Absent: 80 %.")]
    public RuntimePercentConfig? MaxRejectionProbability { get; init; }
}

[Description("Which requests have succeeded.")]
public sealed record SuccessCriteriaConfig : ConfigRecord
{
    [Description("Absent: those with a status below 500.")]
    public HttpSuccessConfig? HttpCriteria { get; init; }

    [Description("Of gRPC. Absent: 0, 1, 2, 3, 5, 6, 7, 9, 11, 12, 16.")]
    public GrpcSuccessConfig? GrpcCriteria { get; init; }
}

[Description("By status.")]
public sealed record HttpSuccessConfig : ConfigRecord
{
    [Required, Length(1, 100), Description("Ranges of statuses.")]
    public IReadOnlyList<Int64RangeConfig> HttpSuccessStatus { get; init; } = [];
}

[Description("By gRPC status.")]
public sealed record GrpcSuccessConfig : ConfigRecord
{
    [Required, Length(1, 100), Description("Statuses.")]
    public IReadOnlyList<int> GrpcSuccessStatus { get; init; } = [];
}
