using System.Globalization;

namespace Managed.Dashboard.Components.Controls;

/// <summary>What somebody has chosen and typed of a trial: how long, and what ends it before.</summary>
public sealed class Trial
{
    /// <summary>Such as <c>60s</c>; empty: for good.</summary>
    public string Within { get; set; } = "";

    /// <summary>Percent of the responses that may be 5xx.</summary>
    public string Failed { get; set; } = "";

    /// <summary>Milliseconds that p99 may be.</summary>
    public string Slow { get; set; } = "";

    public string? FailedProblem => Read(Failed, 100) is null ? "5xx: a share between 0 and 100 %, such as 2 or 0.5" : null;

    public string? SlowProblem => Read(Slow, 600_000) is null ? "p99: a time between 0 and 600000 ms, such as 250" : null;

    public string? Problem => Within is "" ? null : FailedProblem ?? SlowProblem;

    public string? ConfirmWithin => Within is "" ? null : Within;

    /// <summary>As the API takes it; null: none.</summary>
    public string? RevertIf => Within is "" || Problem is not null ? null
        : string.Join(',', new[] { Condition("5xx", Failed, 100, "%"), Condition("p99", Slow, 600_000, "ms") }.OfType<string>())
            is { Length: > 0 } conditions ? conditions : null;

    private static string? Condition(string metric, string text, double below, string unit)
        => Read(text, below) is { } limit and > 0 ? string.Create(CultureInfo.InvariantCulture, $"{metric}>{limit}{unit}") : null;

    // Null: no such number. 0: nothing was typed.
    private static double? Read(string text, double below) => text.Trim() is not { Length: > 0 } typed ? 0
        : double.TryParse(typed.Replace(',', '.'), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
            && value > 0 && value < below ? value : null;
}
