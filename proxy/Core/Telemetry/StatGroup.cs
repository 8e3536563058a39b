namespace Managed.Proxy.Core.Telemetry;

/// <summary>
/// Names that always come together under one prefix, such as the thirty of a cluster: one entry, one row of cells, and texts that are
/// made when somebody reads. None of the names has a dot in it.
/// </summary>
internal sealed class StatGroup
{
    private readonly Dictionary<string, GroupStat> _byName = new(StringComparer.Ordinal);

    public StatGroup(string[] counters, string[] gauges, string[] histograms)
    {
        foreach (string name in counters) _byName.Add(name, new GroupStat(name, StatKind.Counter, Scalars++));
        foreach (string name in gauges) _byName.Add(name, new GroupStat(name, StatKind.Gauge, Scalars++));
        foreach (string name in histograms) _byName.Add(name, new GroupStat(name, StatKind.Histogram, Histograms++));
        Stats = [.. _byName.Values];
    }

    public int Scalars { get; }
    public int Histograms { get; }
    public IReadOnlyList<GroupStat> Stats { get; }

    public bool TryFind(string name, out GroupStat stat) => _byName.TryGetValue(name, out stat);

    internal readonly record struct GroupStat(string Name, StatKind Kind, int Offset);
}

/// <summary>A group under its prefix. Of one that was given back, or found no room, all are the sink.</summary>
internal readonly struct StatBlock(StatGroup group, StatEntry? entry)
{
    public Counter Counter(string name) => new(Index(name, StatKind.Counter, entry?.Scalar ?? 0));
    public Gauge Gauge(string name) => new(Index(name, StatKind.Gauge, entry?.Scalar ?? 0));
    public Histogram Histogram(string name) => new(Index(name, StatKind.Histogram, entry?.Histogram ?? 0));

    private int Index(string name, StatKind kind, int first) => group.TryFind(name, out var stat) && stat.Kind == kind
        ? first == 0 ? 0 : first + stat.Offset : throw new InvalidOperationException($"'{name}' is no {kind} of its group");
}

/// <summary>Rows of indexes, taken and given back; under the registry's lock. Index 0 is the sink: what gets no row counts there.</summary>
internal sealed class StatIndexes(int max)
{
    private readonly Dictionary<int, Stack<int>> _free = [];
    private int _next = 1;

    public int Take(int count)
    {
        if (count == 0) return 0;
        if (_free.TryGetValue(count, out var free) && free.TryPop(out int index)) return index;
        if (_next > max - count) return 0;
        _next += count;
        return _next - count;
    }

    public void Give(int first, int count)
    {
        if (first == 0) return;
        if (!_free.TryGetValue(count, out var free)) _free[count] = free = new Stack<int>();
        free.Push(first);
    }
}
