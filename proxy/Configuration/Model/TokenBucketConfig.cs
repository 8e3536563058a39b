using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("Tokens that refill over time.")]
public sealed record TokenBucketConfig : ConfigRecord
{
    [Required, Range(1L, uint.MaxValue), Description("Most tokens it holds, and how many it starts with.")]
    public long MaxTokens { get; init; }

    [Range(1L, uint.MaxValue), Description("Tokens added at each fill.")]
    public long TokensPerFill { get; init; } = 1; // Envoy's default

    // Envoy refuses less than 50 ms for these filters.
    [Required, DurationRange(50), Description("Time between two fills; at least 50ms.")]
    public TimeSpan FillInterval { get; init; }
}
