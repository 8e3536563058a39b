using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http.Filters.Native.Plugins;

/// <summary>Counters of one plug-in, under <c>native.NAME.</c>.</summary>
internal sealed class NativeStats(StatScope stats, string name)
{
    private const int MaxOwn = 1000;
    private readonly string _prefix = $"native.{name}.";
    private int _own;

    /// <summary>Hooks and other actions that ran, what they threw, and those over a limit.</summary>
    public readonly Counter Calls = stats.Counter($"native.{name}.calls"), Exceptions = stats.Counter($"native.{name}.exceptions"),
        Breaches = stats.Counter($"native.{name}.limit_breaches");
    /// <summary>Bytes that it allocated on workers.</summary>
    public readonly Counter Allocated = stats.Counter($"native.{name}.allocated_bytes");
    /// <summary>Times that it was put into quarantine, and streams and connections that were to have it meanwhile.</summary>
    public readonly Counter Quarantines = stats.Counter($"native.{name}.quarantines"),
        Quarantined = stats.Counter($"native.{name}.quarantined");
    /// <summary>Streams and connections that were failed, or let through, because of it.</summary>
    public readonly Counter FailedClosed = stats.Counter($"native.{name}.failed_closed"),
        FailedOpen = stats.Counter($"native.{name}.failed_open");
    /// <summary>Lines of its log that were left out.</summary>
    public readonly Counter LogDropped = stats.Counter($"native.{name}.log_dropped");
    /// <summary>Of a call, microseconds.</summary>
    public readonly Histogram Time = stats.Histogram($"native.{name}.call_time");

    /// <summary>
    /// The index of a metric of the plug-in's own; 0, the sink, when it has too many or the name is taken by another kind.
    /// </summary>
    public int Own(StatKind kind, string metric)
    {
        if (_own >= MaxOwn) return 0;
        _own++;
        try
        {
            string full = _prefix + NameOf(metric);
            return kind switch
            {
                StatKind.Counter => stats.Counter(full).Index,
                StatKind.Gauge => stats.Gauge(full).Index,
                _ => stats.Histogram(full).Index,
            };
        }
        catch (InvalidOperationException)
        {
            return 0;
        }
    }

    /// <summary>A part of a stat's name.</summary>
    public static string NameOf(string text)
    {
        string name = string.Concat(text.Select(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' ? c : '_'));
        return name.Length == 0 ? "plugin" : name[..Math.Min(name.Length, 64)];
    }
}
