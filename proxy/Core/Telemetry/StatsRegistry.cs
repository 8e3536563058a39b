namespace Managed.Proxy.Core.Telemetry;

/// <summary>A name's place in every worker's cells. Cheap to copy; the default value is the sink that nobody reads.</summary>
public readonly record struct Counter(int Index);
/// <summary>A value that goes up and down; the sum over the workers is what is read.</summary>
public readonly record struct Gauge(int Index);
/// <summary>A distribution; the unit is part of the name by Envoy's custom (<c>_time</c> in milliseconds; recorded in microseconds).</summary>
public readonly record struct Histogram(int Index);

public enum StatKind { Counter, Gauge, Histogram }

/// <summary>
/// Problem: counters must cost an addition on the path, survive version changes and be readable at any time. Design: the registry
/// gives each name an index once and for ever; each worker owns the cells behind the indexes and is their only writer; a scrape
/// adds the workers up. Names are Envoy's (<c>http.edge.downstream_rq_total</c>), so the dashboards people have keep working.
/// Registration is for the control thread (it locks); adding and recording is for workers.
/// </summary>
public sealed class StatsRegistry
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (StatKind Kind, int Index)> _byName = new(StringComparer.Ordinal);
    private readonly List<string> _scalars = [""]; // index 0: the sink
    private readonly List<string> _histograms = [""];
    private readonly List<(string Name, Func<double> Read)> _observed = [];
    private StatsCells[] _workers = [];

    public Counter Counter(string name) => new(Register(name, StatKind.Counter));
    public Gauge Gauge(string name) => new(Register(name, StatKind.Gauge));
    public Histogram Histogram(string name) => new(Register(name, StatKind.Histogram));

    /// <summary>A gauge that is computed when read (process memory, open descriptors).</summary>
    public void Observe(string name, Func<double> read)
    {
        lock (_lock) _observed.Add((name, read));
    }

    internal StatsCells AddWorker()
    {
        lock (_lock)
        {
            var cells = new StatsCells();
            _workers = [.. _workers, cells];
            return cells;
        }
    }

    /// <summary>The sum over all workers of a counter or gauge; 0 for an unknown name.</summary>
    public long Value(string name)
    {
        lock (_lock)
            return _byName.TryGetValue(name, out var stat) && stat.Kind != StatKind.Histogram ? _workers.Sum(w => w.Read(stat.Index)) : 0;
    }

    /// <summary>The same by the index of a counter or gauge, without a lock: for workers.</summary>
    internal long ValueAt(int index)
    {
        long sum = 0;
        foreach (var worker in Volatile.Read(ref _workers)) sum += worker.Read(index);
        return sum;
    }

    /// <summary>Everything, sorted by name; histograms merged over the workers.</summary>
    public IReadOnlyList<Stat> Read()
    {
        lock (_lock)
        {
            var stats = new List<Stat>(_byName.Count + _observed.Count);
            foreach (var (name, (kind, index)) in _byName)
            {
                if (kind != StatKind.Histogram) { stats.Add(new Stat(name, kind, _workers.Sum(w => w.Read(index)), null)); continue; }
                var merged = new HistogramSnapshot();
                foreach (var worker in _workers) worker.ReadHistogram(index, merged);
                stats.Add(new Stat(name, kind, merged.Count, merged));
            }
            foreach (var (name, read) in _observed)
            {
                try
                {
                    stats.Add(new Stat(name, StatKind.Gauge, read(), null));
                }
                catch (Exception)
                {
                    // What is read from the system may fail, for want of a descriptor: the others are there all the same.
                }
            }
            stats.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
            return stats;
        }
    }

    private int Register(string name, StatKind kind)
    {
        lock (_lock)
        {
            if (_byName.TryGetValue(name, out var known))
                return known.Kind == kind ? known.Index : throw new InvalidOperationException($"stat '{name}' is a {known.Kind}, not a {kind}");
            var names = kind == StatKind.Histogram ? _histograms : _scalars;
            names.Add(name);
            _byName.Add(name, (kind, names.Count - 1));
            return names.Count - 1;
        }
    }
}

/// <summary>One reading. <paramref name="Value"/> is the count for a histogram.</summary>
public sealed record Stat(string Name, StatKind Kind, double Value, HistogramSnapshot? Histogram);
