namespace Managed.Proxy.Core.Telemetry;

/// <summary>
/// The names of one built version, or of one machine of guest code. Readers see them from <see cref="Use"/> on, so a document that is
/// only tried shows none; <see cref="Return"/> gives all of them back. Safe to use from several threads: guests make names while they run.
/// </summary>
public sealed class StatScope(StatsRegistry registry)
{
    private readonly Lock _lock = new();
    private readonly HashSet<StatEntry> _leased = [];
    private readonly HashSet<string> _owners = new(StringComparer.Ordinal);
    private bool _used, _returned;
    private long _taken;

    /// <summary>How often a name was asked for, and an owner named.</summary>
    internal long Taken => Volatile.Read(ref _taken);

    /// <summary>The registry of the process; stands for the data plane.</summary>
    public StatsRegistry Registry => registry;

    public Counter Counter(string name) => new(Lease(name, StatKind.Counter, null)?.Scalar ?? 0);
    public Gauge Gauge(string name) => new(Lease(name, StatKind.Gauge, null)?.Scalar ?? 0);
    public Histogram Histogram(string name) => new(Lease(name, StatKind.Histogram, null)?.Histogram ?? 0);

    /// <summary>All names of a group, under a prefix that ends with a dot.</summary>
    internal StatBlock Group(string prefix, StatGroup group) => new(group, Lease(prefix, StatKind.Counter, group));

    /// <summary>The index of a name that a guest makes while it runs; the sink when this has been given back.</summary>
    /// <param name="kind">Of the name.</param>
    /// <param name="name">Whole.</param>
    /// <param name="owner">Whoever has <see cref="Own"/>ed it takes over what guests have made for it; null: nobody does.</param>
    /// <exception cref="InvalidOperationException">The name is of another kind.</exception>
    internal int Guest(StatKind kind, string name, string? owner) =>
        Lease(name, kind, null, owner) is not { } entry ? 0 : kind == StatKind.Histogram ? entry.Histogram : entry.Scalar;

    /// <summary>In service, what guests made for this owner in the version before goes on counting.</summary>
    internal void Own(string owner)
    {
        lock (_lock)
        {
            _taken++;
            _owners.Add(owner);
        }
    }

    /// <summary>Readers see the names, those to come as well.</summary>
    internal void Use()
    {
        lock (_lock)
        {
            _used = true;
            var twice = registry.LeaseGuests(_owners).Where(e => !_leased.Add(e)).ToList();
            registry.Return(twice);
            registry.Use(_leased);
        }
    }

    /// <summary>Once nothing counts on the names but what is on its way to a worker already. Again: nothing.</summary>
    internal void Return()
    {
        lock (_lock)
        {
            _returned = true;
            registry.Return(_leased);
            _leased.Clear();
        }
    }

    private StatEntry? Lease(string name, StatKind kind, StatGroup? group, string? owner = null)
    {
        lock (_lock)
        {
            if (_returned) return null;
            _taken++;
            var entry = registry.Lease(name, kind, group, owner);
            if (!_leased.Add(entry)) registry.Return([entry]); // one lease is enough
            else if (_used) registry.Use([entry]);
            return entry;
        }
    }
}

/// <summary>A leased name, or group of names.</summary>
internal sealed class StatEntry(string name, StatKind kind, StatGroup? group, int scalar, int histogram)
{
    public string Name => name;
    public StatKind Kind => kind;
    public StatGroup? Group => group;
    /// <summary>The first index of its counters and gauges, and of its histograms; 0 when there is none.</summary>
    public int Scalar => scalar;
    public int Histogram => histogram;
    public int Scalars => group?.Scalars ?? (kind == StatKind.Histogram ? 0 : 1);
    public int Histograms => group?.Histograms ?? (kind == StatKind.Histogram ? 1 : 0);
    /// <summary>Of a name that a guest made.</summary>
    public string? Owner { get; init; }
    /// <summary>Under the registry's lock, as the next.</summary>
    public int Leases { get; set; }
    /// <summary>Some version that has it went into service.</summary>
    public bool InUse { get; set; }
}
