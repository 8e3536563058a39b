namespace Managed.Proxy.Configuration.Validation;

/// <summary>Bounds of a duration in milliseconds, both inclusive. Without it a duration is at least 0 and at most ten years.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class DurationRangeAttribute(double minMilliseconds, double maxMilliseconds = DurationRangeAttribute.TenYears) : Attribute
{
    /// <summary>Ten years: far above any use, far below what overflows a timer.</summary>
    public const double TenYears = 10d * 365 * 24 * 3600 * 1000;

    public double MinMilliseconds { get; } = minMilliseconds;

    public double MaxMilliseconds { get; } = maxMilliseconds;
}
