using System.Collections.Concurrent;
using System.Diagnostics.Tracing;

namespace Managed.Benchmarks.Path;

/// <summary>Which types are allocated: the runtime's own sampling, one event for each 100 KB of any thread.</summary>
internal sealed class AllocatedTypes : EventListener
{
    private const EventKeywords GC = (EventKeywords)1;
    private readonly ConcurrentDictionary<string, int> _samples = new();

    public IEnumerable<string> Lines() => _samples.OrderByDescending(s => s.Value).Select(s => $"{s.Value,6} samples  {s.Key}");

    protected override void OnEventSourceCreated(EventSource source)
    {
        if (source.Name == "Microsoft-Windows-DotNETRuntime") EnableEvents(source, EventLevel.Verbose, GC);
    }

    protected override void OnEventWritten(EventWrittenEventArgs e)
    {
        if (e.EventName?.StartsWith("GCAllocationTick", StringComparison.Ordinal) != true) return;
        int at = e.PayloadNames!.IndexOf("TypeName");
        _samples?.AddOrUpdate(e.Payload![at] as string ?? "?", 1, static (_, n) => n + 1);
    }
}
