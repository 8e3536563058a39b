using System.Diagnostics;

namespace Managed.Dashboard.Components.Controls;

/// <summary>Rates of counters that are read now and then. A counter that went back began anew.</summary>
internal sealed class RateMeter
{
    private readonly Dictionary<string, (double Value, long At, double? Rate)> _last = [];

    public void Take(string name, double value)
    {
        var now = Stopwatch.GetTimestamp();
        double? rate = null;
        if (_last.TryGetValue(name, out var last) && value >= last.Value
            && Stopwatch.GetElapsedTime(last.At, now).TotalSeconds is > 0 and var seconds)
            rate = (value - last.Value) / seconds;
        _last[name] = (value, now, rate);
    }

    public double? Value(string name) => _last.TryGetValue(name, out var last) ? last.Value : null;

    /// <summary>Null until it was read twice.</summary>
    public double? PerSecond(string name) => _last.TryGetValue(name, out var last) ? last.Rate : null;
}
