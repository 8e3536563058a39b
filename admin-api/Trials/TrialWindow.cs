using System.Globalization;
using Managed.AdminApi.Contracts;
using Managed.AdminApi.Telemetry;

namespace Managed.AdminApi.Trials;

/// <summary>
/// What came since a publication, and whether it is a reason to take it back. Each condition is asked of all listeners together and of each
/// one, since a service that fails as a whole may be a small share of a node. The window begins with the publication; from its third
/// minute on it is the last one to two minutes, so that what goes wrong late is not lost among what went well before.
/// </summary>
internal sealed class TrialWindow
{
    private static readonly TimeSpan Roll = TimeSpan.FromMinutes(1);

    private readonly RevertRule _rule;
    private Dictionary<string, TrafficReading> _older, _newer; // counters only go up, and what came is a difference
    private DateTimeOffset _rolled;

    public TrialWindow(RevertRule rule, DateTimeOffset now, IReadOnlyDictionary<string, TrafficReading> readings)
    {
        _rule = rule;
        _older = _newer = Copy(readings);
        _rolled = now;
        Last = Look(readings);
    }

    /// <summary>What was seen last, in the order of the conditions.</summary>
    public IReadOnlyList<RevertConditionView> Last { get; private set; }

    /// <summary>Why the publication is to be taken back; null: it is not.</summary>
    public string? Next(DateTimeOffset now, IReadOnlyDictionary<string, TrafficReading> readings)
    {
        Last = Look(readings);
        if (now - _rolled >= Roll)
            (_older, _newer, _rolled) = (_newer, Copy(readings), now);
        return Last.FirstOrDefault(c => c.Holds) is { } held ? Say(held) : null;
    }

    private IReadOnlyList<RevertConditionView> Look(IReadOnlyDictionary<string, TrafficReading> readings)
    {
        var conditions = _rule.Conditions();
        var seen = new RevertConditionView[conditions.Count];
        for (var i = 0; i < seen.Length; i++)
            seen[i] = new(conditions[i].ToString(), conditions[i].Metric, conditions[i].Limit, conditions[i].Unit, null, null, 0, null,
                false);
        // The sum last: where there is one listener, its name is said.
        foreach (var (whose, reading) in readings.OrderBy(r => r.Key == TrafficReading.All))
        {
            if (!IsAsked(whose) || _older.GetValueOrDefault(whose) is var before && before?.Requests == reading.Requests)
                continue;
            var since = reading.Since(before);
            for (var i = 0; i < seen.Length; i++)
            {
                if (conditions[i].Measure(since) is not { } now)
                    continue;
                var was = _rule.BeforeOf(whose, i);
                var holds = conditions[i].IsOver(now, since) && (was is null || now >= was * RevertRule.Worse);
                if (holds == seen[i].Holds ? now > (seen[i].Now ?? -1) : holds)
                    seen[i] = seen[i] with
                    {
                        Now = Math.Round(now, 2), Before = was, Requests = (long)since.Answered, Holds = holds,
                        Listener = whose == TrafficReading.All ? null : whose[(whose.IndexOf(':') + 1)..],
                    };
            }
        }
        return seen;
    }

    public static bool IsAsked(string whose) => whose == TrafficReading.All || whose.StartsWith("listener:", StringComparison.Ordinal);

    private static Dictionary<string, TrafficReading> Copy(IReadOnlyDictionary<string, TrafficReading> readings)
    {
        var copy = new Dictionary<string, TrafficReading>(StringComparer.Ordinal);
        foreach (var (whose, reading) in readings.Where(r => IsAsked(r.Key)))
        {
            copy[whose] = new();
            copy[whose].Set(reading);
        }
        return copy;
    }

    private static string Say(RevertConditionView held) => string.Create(CultureInfo.InvariantCulture,
        $"{held.Metric} was {held.Now:0.##} {held.Unit} of {held.Requests} requests{At(held)}, over {held.Limit:0.##} {held.Unit}; ")
        + (held.Before is { } before ? string.Create(CultureInfo.InvariantCulture, $"before it {before:0.##} {held.Unit}")
            : "before it there were too few to say");

    private static string At(RevertConditionView held) => held.Listener is { } listener ? $" at listener '{listener}'" : "";
}
