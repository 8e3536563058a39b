using System.Globalization;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Telemetry;

namespace Managed.AdminApi.Trials;

/// <summary>One condition of a trial, such as <c>5xx&gt;2%</c> or <c>p99&gt;250ms</c>.</summary>
/// <param name="Metric">One of <see cref="RevertIf.Metrics"/>.</param>
/// <param name="Limit">Percent of the responses, or milliseconds.</param>
internal sealed record RevertCondition(string Metric, double Limit)
{
    public bool IsLatency => Metric[0] == 'p';

    /// <summary>Of the limit and of what <see cref="Measure"/> gives.</summary>
    public string Unit => IsLatency ? "ms" : "%";

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Metric}>{Limit}{Unit}");

    /// <summary>
    /// What the traffic of some time comes to; null while it is too little to say: 20 responses for a share, p50 and p95, 100 for p99.
    /// </summary>
    public double? Measure(TrafficReading since)
    {
        if (!IsLatency)
            return since.Answered < RevertIf.LeastAnswers ? null : 100 * since.Classes[Metric[0] - '1'] / since.Answered;
        return since.Latency.Count < (Metric == "p99" ? RevertIf.LeastOfP99 : RevertIf.LeastAnswers) ? null
            : since.Latency.Quantile(double.Parse(Metric.AsSpan(1), CultureInfo.InvariantCulture) / 100) / 1000;
    }

    /// <summary>A share of fewer than three responses is chance, however few there were in all.</summary>
    public bool IsOver(double now, TrafficReading since) => now > Limit
        && (IsLatency || since.Classes[Metric[0] - '1'] >= RevertIf.LeastOfClass);
}

/// <summary>
/// Reads <c>?revert_if=5xx&gt;2%,p99&gt;250ms</c>: conditions with commas between them, one for each metric, of which one is enough.
/// Anything else is an error that says where it begins.
/// </summary>
internal static class RevertIf
{
    public const int LeastAnswers = 20, LeastOfP99 = 100, LeastOfClass = 3;
    private const double MostMs = 600_000;

    /// <summary>Shares of responses by the class of their status, and quantiles of the time from request to response.</summary>
    public static readonly IReadOnlyList<string> Metrics = ["4xx", "5xx", "p50", "p95", "p99"];

    private const string Example = "write it like 5xx>2%,p99>250ms";

    /// <exception cref="ApiException">400 with the place.</exception>
    public static IReadOnlyList<RevertCondition> Parse(string text)
    {
        var conditions = new List<RevertCondition>();
        var at = 0;
        foreach (var part in text.Split(','))
        {
            var condition = One(part, at);
            if (conditions.Exists(c => c.Metric == condition.Metric))
                throw Wrong(at, $"{condition.Metric} is asked twice", "give each metric one limit");
            conditions.Add(condition);
            at += part.Length + 1;
        }
        return conditions;
    }

    private static RevertCondition One(string part, int at)
    {
        var text = part.Trim();
        at += part.Length - part.TrimStart().Length;
        if (text.Length == 0)
            throw Wrong(at, "a condition is missing", Example);
        var end = text.IndexOfAny(['>', '<', '=', '!', '≥', '≤']);
        if (end < 0)
            throw Wrong(at, $"'{Cut(text)}' compares nothing", Example);
        var metric = text[..end].TrimEnd();
        if (!Metrics.Contains(metric))
            throw Wrong(at, $"'{Cut(metric)}' is not one of {string.Join(", ", Metrics)}",
                NearNames.Of(metric, Metrics) is [var near, ..] ? $"did you mean '{near}'?" : null);
        if (text[end] != '>' || text.AsSpan(end + 1).StartsWith("="))
            throw Wrong(at + end, "the only comparison is >", Example);
        var value = text[(end + 1)..].TrimStart();
        var place = at + text.Length - value.Length;
        var digits = value.AsSpan().IndexOfAnyExcept("0123456789.") is var n && n < 0 ? value.Length : n;
        if (digits == 0 || !double.TryParse(value.AsSpan(0, digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture,
            out var number))
            throw Wrong(place, $"'{Cut(value)}' is no number with a unit", Example);
        var unit = value[digits..].TrimStart();
        var limit = (metric[0] == 'p', unit) switch
        {
            (false, "%") => number,
            (true, "ms") => number,
            (true, "s") => number * 1000,
            (false, _) => throw Wrong(place + digits, $"{metric} is a share of the responses, in %", $"write it like {metric}>2%"),
            _ => throw Wrong(place + digits, $"{metric} is a time, in ms or s", $"write it like {metric}>250ms"),
        };
        var most = metric[0] == 'p' ? MostMs : 100;
        if (limit <= 0 || limit >= most)
            throw Wrong(place, $"'{Cut(value)}' is not {(most == 100 ? "between 0% and 100%" : "between 0s and 600s")}", null);
        return new(metric, limit);
    }

    private static string Cut(string text) => text.Length <= 40 ? text : text[..40] + "…";

    private static ApiException Wrong(int at, string what, string? hint)
        => ApiException.Parameter("revert_if", $"{what}, at character {at + 1}", hint);
}
