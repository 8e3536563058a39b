namespace Managed.Proxy.Core.Telemetry;

/// <summary>A name's place in every worker's cells. Cheap to copy; the default value is the sink that nobody reads.</summary>
public readonly record struct Counter(int Index);
/// <summary>A value that goes up and down; the sum over the workers is what is read.</summary>
public readonly record struct Gauge(int Index);
/// <summary>
/// A distribution; the unit is part of the name by Envoy's custom (<c>_time</c> in milliseconds; recorded in microseconds).
/// </summary>
public readonly record struct Histogram(int Index);

public enum StatKind { Counter, Gauge, Histogram }

/// <summary>
/// Problem: counters must cost an addition on the path, survive version changes and be readable at any time; and names must not
/// outlive what has them, or whoever tries documents fills the process. Design: a name (or a group of them, see
/// <see cref="StatGroup"/>) has an index as long as somebody leases it by a <see cref="StatScope"/>: each built version has one. Each
/// worker owns the cells behind the indexes and is their only writer; a scrape adds the workers up. When the last lease goes the name
/// goes at once, the workers clear its cells, and only then the index is given to another name. A name that two versions have in
/// common keeps its count, since the next version is built before the former one goes. Names are Envoy's
/// (<c>http.edge.downstream_rq_total</c>), so the dashboards people have keep working.
/// Registration is for the control thread (it locks); adding and recording is for workers.
/// </summary>
public sealed class StatsRegistry
{
    // Names that a script's versions one after another make must not add up.
    private const int MaxCarried = 1000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, StatEntry> _byName = new(StringComparer.Ordinal);
    private readonly HashSet<StatEntry> _guests = []; // with an owner
    private readonly List<(string Name, Func<double> Read)> _observed = [];
    private readonly List<Func<IEnumerable<(string Name, double Value)>>> _observedLists = [];
    private readonly StatIndexes _scalars = new(StatsCells.MaxIndexes), _histograms = new(StatsCells.MaxIndexes);
    private (StatsCells Cells, Action<Action<object?>, object?> Post)[] _workers = [];
    private int _names;

    /// <summary>For names of the process itself: they stay.</summary>
    public Counter Counter(string name) => new(Forever(name, StatKind.Counter));
    /// <inheritdoc cref="Counter(string)"/>
    public Gauge Gauge(string name) => new(Forever(name, StatKind.Gauge));
    /// <inheritdoc cref="Counter(string)"/>
    public Histogram Histogram(string name) => new(Forever(name, StatKind.Histogram));

    /// <summary>How many names there are, those of documents that are only being tried included.</summary>
    public int Names
    {
        get { lock (_lock) return _names + _observed.Count; }
    }

    /// <summary>Whether a name is in use, or a group under a prefix.</summary>
    public bool Has(string name)
    {
        lock (_lock) return _byName.TryGetValue(name, out var entry) && entry.InUse;
    }

    /// <summary>Names that go together.</summary>
    internal StatScope Begin() => new(this);

    /// <summary>A gauge that is computed when read (process memory, open descriptors).</summary>
    public void Observe(string name, Func<double> read)
    {
        lock (_lock) _observed.Add((name, read));
    }

    /// <summary>Gauges that are computed when read and whose names come and go, such as those of certificates.</summary>
    public void ObserveAll(Func<IEnumerable<(string Name, double Value)>> read)
    {
        lock (_lock) _observedLists.Add(read);
    }

    /// <param name="post">Runs an action on the worker.</param>
    internal StatsCells AddWorker(Action<Action<object?>, object?> post)
    {
        lock (_lock)
        {
            var cells = new StatsCells();
            _workers = [.. _workers, (cells, post)];
            return cells;
        }
    }

    /// <summary>The sum over all workers of a counter or gauge; 0 for an unknown name.</summary>
    public long Value(string name)
    {
        lock (_lock)
        {
            if (_byName.TryGetValue(name, out var single))
                return single.Kind != StatKind.Histogram && single.Group is null ? ValueAt(single.Scalar) : 0;
            int dot = name.LastIndexOf('.') + 1;
            return _byName.TryGetValue(name[..dot], out var entry) && entry.Group is { } group && group.TryFind(name[dot..], out var stat)
                && stat.Kind != StatKind.Histogram
                ? ValueAt(entry.Scalar + stat.Offset) : 0;
        }
    }

    /// <summary>The same by the index of a counter or gauge, without a lock: for workers.</summary>
    internal long ValueAt(int index)
    {
        if (index == 0) return 0; // the sink
        long sum = 0;
        foreach (var (cells, _) in Volatile.Read(ref _workers)) sum += cells.Read(index);
        return sum;
    }

    /// <summary>Everything that is in use, sorted by name; histograms merged over the workers.</summary>
    public IReadOnlyList<Stat> Read()
    {
        lock (_lock)
        {
            var stats = new List<Stat>(_names + _observed.Count);
            foreach (var (name, entry) in _byName)
            {
                if (!entry.InUse) continue;
                if (entry.Group is not { } group)
                    stats.Add(ReadOne(name, entry.Kind, entry.Kind == StatKind.Histogram ? entry.Histogram : entry.Scalar));
                else
                    foreach (var stat in group.Stats)
                        stats.Add(ReadOne(name + stat.Name, stat.Kind,
                            (stat.Kind == StatKind.Histogram ? entry.Histogram : entry.Scalar) + stat.Offset));
            }
            foreach (var (name, value) in Observed()) stats.Add(new Stat(name, StatKind.Gauge, value, null));
            stats.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
            return stats;
        }
    }

    /// <summary>
    /// The same without making texts or histograms, group by group and in no order: for those who look again and again at a few of them.
    /// </summary>
    public void Visit(StatVisitor visitor)
    {
        lock (_lock)
        {
            foreach (var (name, entry) in _byName)
            {
                if (!entry.InUse) continue;
                if (entry.Group is not { } group)
                    visitor(name, "", new(this, entry.Kind, entry.Kind == StatKind.Histogram ? entry.Histogram : entry.Scalar));
                else
                    foreach (var stat in group.Stats)
                        visitor(name, stat.Name,
                            new(this, stat.Kind, (stat.Kind == StatKind.Histogram ? entry.Histogram : entry.Scalar) + stat.Offset));
            }
            foreach (var (name, value) in Observed()) visitor(name, "", new(value));
        }
    }

    private IEnumerable<(string Name, double Value)> Observed()
    {
        foreach (var (name, read) in _observed)
        {
            double value;
            try
            {
                value = read();
            }
            catch (Exception)
            {
                continue; // What is read from the system may fail, for want of a descriptor: the others are there all the same.
            }
            yield return (name, value);
        }
        foreach (var read in _observedLists)
            foreach (var one in read()) yield return one;
    }

    internal void AddTo(int histogram, HistogramSnapshot into)
    {
        foreach (var (cells, _) in _workers) cells.ReadHistogram(histogram, into);
    }

    private Stat ReadOne(string name, StatKind kind, int index)
    {
        if (kind != StatKind.Histogram) return new Stat(name, kind, ValueAt(index), null);
        var merged = new HistogramSnapshot();
        AddTo(index, merged);
        return new Stat(name, kind, merged.Count, merged);
    }

    private int Forever(string name, StatKind kind)
    {
        lock (_lock)
        {
            var entry = Lease(name, kind, null);
            entry.InUse = true; // the lease is nobody's, so it does not go
            return kind == StatKind.Histogram ? entry.Histogram : entry.Scalar;
        }
    }

    /// <summary>One more lease of a name, or of a group under a prefix.</summary>
    /// <exception cref="InvalidOperationException">The name is of another kind.</exception>
    internal StatEntry Lease(string name, StatKind kind, StatGroup? group, string? owner = null)
    {
        lock (_lock)
        {
            if (_byName.TryGetValue(name, out var known))
            {
                if (known.Kind != kind || known.Group != group)
                    throw new InvalidOperationException($"stat '{name}' is a {known.Kind}, not a {kind}");
                known.Leases++;
                return known;
            }
            int scalars = group?.Scalars ?? (kind == StatKind.Histogram ? 0 : 1),
                histograms = group?.Histograms ?? (kind == StatKind.Histogram ? 1 : 0);
            var made = new StatEntry(name, kind, group, _scalars.Take(scalars), _histograms.Take(histograms)) { Leases = 1, Owner = owner };
            if (owner is not null) _guests.Add(made);
            _names += scalars + histograms;
            _byName.Add(name, made);
            return made;
        }
    }

    /// <summary>From here on workers may count on them, and readers see them.</summary>
    internal void Use(IReadOnlyCollection<StatEntry> entries)
    {
        lock (_lock)
            foreach (var entry in entries) entry.InUse = true;
    }

    /// <summary>One more lease of what guests of these owners have made so far.</summary>
    internal List<StatEntry> LeaseGuests(IReadOnlySet<string> owners)
    {
        var leased = new List<StatEntry>();
        if (owners.Count == 0) return leased;
        var perOwner = new Dictionary<string, int>();
        lock (_lock)
            foreach (var entry in _guests)
            {
                if (!owners.Contains(entry.Owner!) || (perOwner[entry.Owner!] = perOwner.GetValueOrDefault(entry.Owner!) + 1) > MaxCarried)
                    continue;
                entry.Leases++;
                leased.Add(entry);
            }
        return leased;
    }

    /// <summary>Gives leases back. Names that nobody leases any more are gone at once; their cells are cleared by their workers.</summary>
    internal void Return(IReadOnlyCollection<StatEntry> entries)
    {
        var used = new List<StatEntry>();
        lock (_lock)
        {
            foreach (var entry in entries)
            {
                if (--entry.Leases > 0) continue;
                _byName.Remove(entry.Name);
                if (entry.Owner is not null) _guests.Remove(entry);
                _names -= entry.Scalars + entry.Histograms;
                if (entry.InUse) used.Add(entry);
                else Free(entry);
            }
        }
        if (used.Count > 0) Clear(used);
    }

    // What is posted before, such as the end of a connection or a VM, still counts on the cells: they are cleared behind it.
    private void Clear(List<StatEntry> entries)
    {
        var workers = Volatile.Read(ref _workers);
        int left = workers.Length;
        if (left == 0) FreeAll();
        foreach (var (cells, post) in workers)
            post(_ =>
            {
                foreach (var entry in entries) cells.Clear(entry);
                if (Interlocked.Decrement(ref left) == 0) FreeAll();
            }, null);

        void FreeAll()
        {
            lock (_lock)
                foreach (var entry in entries) Free(entry);
        }
    }

    private void Free(StatEntry entry)
    {
        _scalars.Give(entry.Scalar, entry.Scalars);
        _histograms.Give(entry.Histogram, entry.Histograms);
    }
}

/// <param name="group">The whole name, or what comes before the name, with a dot at its end.</param>
/// <param name="name">Within the group; empty for a name of its own.</param>
/// <param name="stat">Read when it is asked.</param>
public delegate void StatVisitor(string group, string name, StatReading stat);

/// <summary>A place to read at, as long as the visit lasts.</summary>
public readonly ref struct StatReading
{
    private readonly StatsRegistry? _registry;
    private readonly int _index;
    private readonly double _value;

    internal StatReading(StatsRegistry registry, StatKind kind, int index) => (_registry, Kind, _index) = (registry, kind, index);

    internal StatReading(double value) => (Kind, _value) = (StatKind.Gauge, value);

    public StatKind Kind { get; }

    /// <summary>Of a counter or gauge.</summary>
    public double Value => Kind == StatKind.Histogram ? 0 : _registry?.ValueAt(_index) ?? _value;

    /// <summary>Puts a histogram on top of another of the same unit.</summary>
    public void AddTo(HistogramSnapshot into)
    {
        if (Kind == StatKind.Histogram) _registry!.AddTo(_index, into);
    }
}

/// <summary>One reading. <paramref name="Value"/> is the count for a histogram.</summary>
public sealed record Stat(string Name, StatKind Kind, double Value, HistogramSnapshot? Histogram);
