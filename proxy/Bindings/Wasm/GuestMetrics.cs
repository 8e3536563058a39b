using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>
/// The metrics that the guests of one machine define, as <c>wasmcustom.NAME</c> among the proxy's own. The same name and kind is the same
/// metric for all machines; it goes with the last that defined it.
/// </summary>
internal sealed class GuestMetrics(StatScope names, GuestMetricsRoom room)
{
    private const int MaxName = 512;

    private readonly record struct Metric(StatKind Kind, string Name, int Index);

    private readonly Lock _lock = new();
    private readonly Dictionary<byte[], int> _names = new(ByteKeys.Comparer); // kind before the name
    private volatile Metric[] _metrics = []; // longer than there are
    private int _count;
    private bool _ended;

    public WasmStatus Define(StatKind kind, ReadOnlySpan<byte> name, out int id)
    {
        id = 0;
        if (name.IsEmpty || name.Length > MaxName) return WasmStatus.BadArgument;
        Span<byte> key = stackalloc byte[MaxName + 1];
        key[0] = (byte)kind;
        name.CopyTo(key[1..]);
        key = key[..(name.Length + 1)];
        lock (_lock)
        {
            var lookup = _names.GetAlternateLookup<ReadOnlySpan<byte>>();
            if (lookup.TryGetValue(key, out id)) return WasmStatus.Ok;
            if (_ended || !room.TryTake()) return WasmStatus.InternalFailure;
            string full = "wasmcustom." + LogText.OneLine(name); // lists of statistics are one a line
            try
            {
                int index = names.Guest(kind, full, null);
                var all = _metrics;
                if (_count == all.Length) Array.Resize(ref all, Math.Max(16, 2 * _count));
                all[_count++] = new Metric(kind, full, index);
                _metrics = all;
            }
            catch (InvalidOperationException)
            {
                room.Give(1);
                return WasmStatus.BadArgument; // a metric of another kind has the name
            }
            lookup[key] = id = _count;
            return WasmStatus.Ok;
        }
    }

    public WasmStatus Increment(StatsCells cells, int id, long delta)
    {
        if (!TryFind(id, out var metric)) return WasmStatus.NotFound;
        switch (metric.Kind)
        {
            case StatKind.Counter when delta >= 0: cells.Add(new Counter(metric.Index), delta); return WasmStatus.Ok;
            case StatKind.Gauge: cells.Add(new Gauge(metric.Index), delta); return WasmStatus.Ok;
            default: return WasmStatus.BadArgument;
        }
    }

    /// <summary>Sets a gauge, records into a histogram, adds to a counter (as Envoy does).</summary>
    public WasmStatus Record(StatsCells cells, int id, long value)
    {
        if (!TryFind(id, out var metric)) return WasmStatus.NotFound;
        switch (metric.Kind)
        {
            case StatKind.Counter when value >= 0: cells.Add(new Counter(metric.Index), value); return WasmStatus.Ok;
            case StatKind.Histogram when value >= 0: cells.Record(new Histogram(metric.Index), value); return WasmStatus.Ok;
            // the sum over the workers becomes the value
            case StatKind.Gauge: cells.Add(new Gauge(metric.Index), value - names.Registry.ValueAt(metric.Index)); return WasmStatus.Ok;
            default: return WasmStatus.BadArgument;
        }
    }

    public WasmStatus Get(int id, out long value)
    {
        value = 0;
        if (!TryFind(id, out var metric)) return WasmStatus.NotFound;
        if (metric.Kind == StatKind.Histogram) return WasmStatus.BadArgument;
        value = names.Registry.ValueAt(metric.Index);
        return WasmStatus.Ok;
    }

    /// <summary>Whether there is a metric of this number.</summary>
    public WasmStatus Check(int id) => TryFind(id, out _) ? WasmStatus.Ok : WasmStatus.NotFound;

    /// <summary>Readers see the names.</summary>
    public void Use() => names.Use();

    /// <summary>The machine ends; what is on its way to workers still counts, what comes later counts nowhere.</summary>
    public void Return()
    {
        lock (_lock)
        {
            room.Give(_count);
            _count = 0;
            _ended = true;
            _metrics = [];
            _names.Clear();
            names.Return();
        }
    }

    private bool TryFind(int id, out Metric metric)
    {
        var all = _metrics;
        metric = id > 0 && id <= all.Length ? all[id - 1] : default;
        return metric.Name is not null;
    }
}

/// <summary>
/// How many metrics all machines together may define: guests that make names of what clients send must not fill the registry.
/// </summary>
internal sealed class GuestMetricsRoom
{
    private const int Most = 10_000;
    private int _taken;

    public bool TryTake()
    {
        if (Interlocked.Increment(ref _taken) <= Most) return true;
        Give(1);
        return false;
    }

    public void Give(int count) => Interlocked.Add(ref _taken, -count);
}
