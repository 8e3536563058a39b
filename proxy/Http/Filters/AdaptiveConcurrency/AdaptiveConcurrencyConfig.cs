using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.AdaptiveConcurrency;

[Description("Limits how many requests may be under way at a time, by how long they take compared with the best they can.")]
public sealed record AdaptiveConcurrencyConfig : ConfigRecord
{
    [OneOf("concurrency_controller_config", Required = true), Description("How the limit is found.")]
    public GradientConfig? GradientControllerConfig { get; init; }

    [Description("Whether the filter does anything. Absent: it does.")]
    public RuntimeFeatureFlagConfig? Enabled { get; init; }

    [Description("Status of a refusal; below 400, and absent: 503.")]
    public ConcurrencyStatusConfig? ConcurrencyLimitExceededStatus { get; init; }
}

[Description("A status.")]
public sealed record ConcurrencyStatusConfig : ConfigRecord
{
    [Required, Range(200, 599), Description("The status.")]
    public int Code { get; init; }
}

[Description("The limit is multiplied by (minimum + buffer) / sample every interval, and grows by its square root.")]
public sealed record GradientConfig : ConfigRecord
{
    [Description("Which percentile stands for the times of an interval. Absent: the 50th.")]
    public PercentConfig? SampleAggregatePercentile { get; init; }

    [Required, Description("The limit.")]
    public ConcurrencyLimitConfig? ConcurrencyLimitParams { get; init; }

    [Required, Description("The minimum that times are compared with.")]
    public MinimumTimeConfig? MinRttCalcParams { get; init; }
}

[Description("The limit.")]
public sealed record ConcurrencyLimitConfig : ConfigRecord
{
    [Range(1, 1_000_000), Description("The highest.")]
    public int MaxConcurrencyLimit { get; init; } = 1000; // Envoy's default

    [Required, DurationRange(1), Description("How often it is found anew.")]
    public TimeSpan? ConcurrencyUpdateInterval { get; init; }

    [Range(1, 1_000_000), Description("The lowest. Absent: min_concurrency of min_rtt_calc_params; given, the minimum is measured without "
        + "another limit meanwhile.")]
    public int? MinConcurrencyLimit { get; init; }
}

[Description("The minimum.")]
public sealed record MinimumTimeConfig : ConfigRecord
{
    [OneOf("minimum", Required = true), DurationRange(1), Description("How often it is measured.")]
    public TimeSpan? Interval { get; init; }

    [OneOf("minimum", Required = true), DurationRange(0.001), Description("It is this, and not measured.")]
    public TimeSpan? FixedValue { get; init; }

    [Range(1, 1_000_000), Description("Of so many requests.")]
    public int RequestCount { get; init; } = 50; // Envoy's default

    [Description("A measurement begins up to so much of the interval later. Absent: 15 %.")]
    public PercentConfig? Jitter { get; init; }

    [Range(1, 1_000_000), Description("The limit meanwhile.")]
    public int MinConcurrency { get; init; } = 3; // Envoy's default

    [Description("How much longer than the minimum is as good. Absent: 25 %.")]
    public PercentConfig? Buffer { get; init; }
}
