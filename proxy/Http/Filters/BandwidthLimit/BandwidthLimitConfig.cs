using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.BandwidthLimit;

[Description("Limits how fast bodies pass, by a bucket of bytes for each direction that all workers share.")]
[UnsupportedField("enable_response_trailers response_trailer_prefix", "the statistics say how long bodies took")]
[UnsupportedField("named_bucket_selector named_bucket_configurations", "each configuration has a bucket of its own in this version")]
public sealed record BandwidthLimitConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Begins the names of the statistics.")]
    public string StatPrefix { get; init; } = "";

    [Description("Which bodies are limited.")]
    public BandwidthMode EnableMode { get; init; } = BandwidthMode.Disabled; // Envoy's default

    [Range(1L, 1L << 40), Description("KiB a second, for each direction. Needed where enable_mode limits something.")]
    public long? LimitKbps { get; init; }

    [DurationRange(20, 1000), Description("How often what is held goes on.")]
    public TimeSpan FillInterval { get; init; } = TimeSpan.FromMilliseconds(50); // Envoy's default

    [Description("Whether the filter does anything. Absent: it does.")]
    public RuntimeFeatureFlagConfig? RuntimeEnabled { get; init; }
}

/// <summary>Envoy's EnableMode, with its numbers.</summary>
public enum BandwidthMode { Disabled, Request, Response, RequestAndResponse }
