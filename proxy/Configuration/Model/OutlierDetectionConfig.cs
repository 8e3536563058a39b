using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("Endpoints that answer worse than others get no requests for a while. Percentages called enforcing say how many of those that "
    + "are found are really ejected.")]
[UnsupportedField("monitors detect_degraded_hosts", "not available in this version")]
public sealed record OutlierDetectionConfig : ConfigRecord
{
    [Range(1, int.MaxValue), Description("So many 5xx answers one after another; failures on our side count as one, unless split.")]
    [JsonPropertyName("consecutive_5xx")]
    public int Consecutive5xx { get; init; } = 5;

    [DurationRange(1), Description("How often success rates are looked at, and whether an ejection is over.")]
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(10);

    [DurationRange(1), Description("How long the first ejection lasts; each further one as much longer.")]
    public TimeSpan BaseEjectionTime { get; init; } = TimeSpan.FromSeconds(30);

    [Range(0, 100), Description("Of the endpoints so many percent may be ejected at a time; one more is, as long as they are below it.")]
    public int MaxEjectionPercent { get; init; } = 10;

    [Range(0, 100), Description("In percent.")]
    [JsonPropertyName("enforcing_consecutive_5xx")]
    public int EnforcingConsecutive5xx { get; init; } = 100;

    [Range(0, 100), Description("In percent.")]
    public int EnforcingSuccessRate { get; init; } = 100;

    [Description("So many endpoints with enough requests there have to be for success rates to be compared.")]
    public uint SuccessRateMinimumHosts { get; init; } = 5;

    [Description("So many requests in an interval are enough.")]
    public uint SuccessRateRequestVolume { get; init; } = 100;

    [Description("A thousandth of how many standard deviations a rate may be below the mean.")]
    public uint SuccessRateStdevFactor { get; init; } = 1900;

    [Range(1, int.MaxValue), Description("So many of 502, 503 and 504 one after another.")]
    public int ConsecutiveGatewayFailure { get; init; } = 5;

    [Range(0, 100), Description("In percent.")]
    public int EnforcingConsecutiveGatewayFailure { get; init; }

    [Description("Connections that cannot be made, resets and time-outs are counted apart from answers.")]
    public bool SplitExternalLocalOriginErrors { get; init; }

    [Range(1, int.MaxValue), Description("So many of those one after another, if split.")]
    public int ConsecutiveLocalOriginFailure { get; init; } = 5;

    [Range(0, 100), Description("In percent.")]
    public int EnforcingConsecutiveLocalOriginFailure { get; init; } = 100;

    [Range(0, 100), Description("In percent.")]
    public int EnforcingLocalOriginSuccessRate { get; init; } = 100;

    [Range(0, 100), Description("So many percent of failures in an interval.")]
    public int FailurePercentageThreshold { get; init; } = 85;

    [Range(0, 100), Description("In percent.")]
    public int EnforcingFailurePercentage { get; init; }

    [Range(0, 100), Description("In percent.")]
    public int EnforcingFailurePercentageLocalOrigin { get; init; }

    [Description("So many endpoints there have to be for failure percentages to be looked at.")]
    public uint FailurePercentageMinimumHosts { get; init; } = 5;

    [Description("So many requests in an interval are enough.")]
    public uint FailurePercentageRequestVolume { get; init; } = 50;

    [DurationRange(1), Description("Longest ejection. Absent: 300s, or base_ejection_time if that is longer.")]
    public TimeSpan? MaxEjectionTime { get; init; }

    [Description("Up to so much is added to each ejection at random.")]
    public TimeSpan MaxEjectionTimeJitter { get; init; }

    [Description("An active health check that succeeds ends an ejection.")]
    public bool SuccessfulActiveHealthCheckUnejectHost { get; init; } = true;

    [Description("One endpoint may be ejected whatever max_ejection_percent says.")]
    public bool AlwaysEjectOneHost { get; init; }
}
