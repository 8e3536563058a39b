using System.ComponentModel.DataAnnotations;
using System.ComponentModel;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("A share of all cases: numerator / denominator.")]
public sealed record FractionalPercentConfig : ConfigRecord
{
    [Range(0, 1_000_000), Description("How many of the denominator.")]
    public int Numerator { get; init; }

    [Description("HUNDRED, TEN_THOUSAND or MILLION.")]
    public FractionDenominator Denominator { get; init; } = FractionDenominator.Hundred;

    /// <summary>Parts per million, at most 1,000,000.</summary>
    [JsonIgnore]
    public int PartsPerMillion => Math.Min(1_000_000, Denominator switch
    {
        FractionDenominator.Hundred => (int)Math.Min(100L, Numerator) * 10_000,
        FractionDenominator.TenThousand => (int)Math.Min(10_000L, Numerator) * 100,
        _ => Numerator,
    });
}

public enum FractionDenominator { Hundred, TenThousand, Million }

[Description("A share of all cases. There are no runtime layers, so default_value always applies.")]
public sealed record RuntimeFractionConfig : ConfigRecord
{
    [Required, Description("The share.")]
    public FractionalPercentConfig? DefaultValue { get; init; }

    [Description("Envoy's runtime key; with no layer that sets it, default_value applies, as in Envoy.")]
    public string RuntimeKey { get; init; } = "";
}

[Description("A number. There are no runtime layers, so default_value always applies.")]
public sealed record RuntimeUInt32Config : ConfigRecord
{
    [Description("The number.")]
    public uint DefaultValue { get; init; }

    [Description("Envoy's runtime key; with no layer that sets it, default_value applies, as in Envoy.")]
    public string RuntimeKey { get; init; } = "";
}

[Description("A switch. There are no runtime layers, so default_value always applies.")]
public sealed record RuntimeFeatureFlagConfig : ConfigRecord
{
    [Required, Description("On or off.")]
    public bool? DefaultValue { get; init; }

    [Description("Envoy's runtime key; with no layer that sets it, default_value applies, as in Envoy.")]
    public string RuntimeKey { get; init; } = "";

    /// <summary>What holds; true where nothing is said.</summary>
    [JsonIgnore]
    public bool IsOn => DefaultValue ?? true;
}

[Description("A share in percent.")]
public sealed record PercentConfig : ConfigRecord
{
    [Range(0d, 100d), Description("0 to 100.")]
    public double Value { get; init; }
}

[Description("A share in percent. There are no runtime layers, so default_value always applies.")]
public sealed record RuntimePercentConfig : ConfigRecord
{
    [Required, Description("The share.")]
    public PercentConfig? DefaultValue { get; init; }

    [Description("Envoy's runtime key; with no layer that sets it, default_value applies, as in Envoy.")]
    public string RuntimeKey { get; init; } = "";
}
