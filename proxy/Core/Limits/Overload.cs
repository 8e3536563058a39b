using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Core.Limits;

/// <summary>
/// How near the process is to the end of its memory, and what it does about it: the part of Envoy's overload manager that a proxy must not
/// be without, with thresholds of its own. Buffers of streams have a budget, a quarter of the memory; connections have a limit; and where
/// all memory in use comes near its end, first connections are no longer kept, then requests and at last connections refused.
/// <para>The pressure is what survived the last collection against the heap's limit (DOTNET_GCHeapHardLimit, else the container's or
/// the machine's memory), or all resident memory, that of scripts and modules too, against the container's, whichever is nearer.</para>
/// <para>From 90 % of memory or connections on, what only waits goes every few seconds (Envoy's reduce_timeouts): connections idle for
/// 10 s, bodies that come at less than 1 KiB a second.</para>
/// </summary>
internal sealed class Overload
{
    private const double NoKeepAlive = 0.90, NoRequests = 0.92, NoConnections = 0.95;
    private const int ResidentEvery = 5, PressEvery = 20; // looks
    /// <summary>How often <see cref="OnLook"/> is to be called while anything goes on, milliseconds.</summary>
    public const int LookMs = 100;
    // So much is allocated between two collections where the collector itself would wait for more: some 5 ms to move if all of it stays.
    private const long YoungBytes = 6 << 20;
    // What a connection may cost without a request: its own objects, a head of some KiB on its way, the kernel's share.
    private const long BytesPerConnection = 16 * 1024;

    private readonly long _limit, _containerLimit;
    private volatile int _level;
    private double _pressure, _resident;
    private long _lastIndex, _youngIndex, _youngFrom;
    private int _looks, _staleLooks, _pressed;
    private readonly Action _press;

    /// <param name="bufferLimit">Bytes that streams may hold; null: a quarter of the memory.</param>
    /// <param name="maxConnections">Null: by memory and descriptors.</param>
    /// <param name="press">Lets go of what only waits.</param>
    public Overload(long? bufferLimit, int? maxConnections, StatsRegistry stats, Action press)
    {
        _press = press;
        _limit = Math.Max(1, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        _containerLimit = ProcessLimits.ContainerMemory();
        Budget = new MemoryBudget(bufferLimit ?? _limit / 4);
        MaxConnections = maxConnections ?? DefaultConnections(_limit, ProcessLimits.OpenFiles());
        stats.Observe("overload.envoy.resource_monitors.fixed_heap.pressure", () => Math.Round(100 * _pressure));
        stats.Observe("overload.envoy.resource_monitors.global_downstream_max_connections.pressure",
            () => Math.Round(100.0 * Connections.Open / MaxConnections));
        stats.Observe("overload.envoy.overload_actions.disable_http_keepalive.active", () => EndsConnections ? 1 : 0);
        stats.Observe("overload.envoy.overload_actions.reduce_timeouts.active", () => IsPressed ? 1 : 0);
        stats.Observe("overload.envoy.overload_actions.stop_accepting_requests.active", () => RefusesRequests ? 1 : 0);
        stats.Observe("overload.envoy.overload_actions.reject_incoming_connections.active", () => RefusesConnections ? 1 : 0);
        stats.Observe("overload.buffers.bytes", () => Budget.Taken);
        stats.Observe("overload.buffers.limit_bytes", () => Budget.Limit);
        stats.Observe("overload.connections.limit", () => MaxConnections);
    }

    public MemoryBudget Budget { get; }
    /// <summary>All that count: those of listeners without <c>ignore_global_conn_limit</c>.</summary>
    public ConnectionCount Connections { get; } = new();
    public int MaxConnections { get; }

    /// <summary>How long a connection may be idle, and a body be slow, while it is short of memory or connections.</summary>
    internal long GraceMicros { get; set; } = 10_000_000;

    public bool IsPressed => _level >= 1 || Connections.Open >= NoKeepAlive * MaxConnections;
    public bool EndsConnections => _level >= 1;
    public bool RefusesRequests => _level >= 2;
    public bool RefusesConnections => _level >= 3;

    /// <summary>One for each 16 KiB of memory, and an eighth of the descriptors (64 at least) left for upstreams and files.</summary>
    internal static int DefaultConnections(long memory, long descriptors)
        => (int)Math.Clamp(Math.Min(memory / BytesPerConnection, descriptors - Math.Max(64, descriptors / 8)), 16, int.MaxValue);

    /// <summary>Taken for the pressure (0 to 1) in place of what is measured: to try out what happens then.</summary>
    internal double? Injected
    {
        get;
        set
        {
            field = value;
            Apply(value ?? 0);
        }
    }

    private void Apply(double pressure)
    {
        _pressure = pressure;
        _level = pressure >= NoConnections ? 3 : pressure >= NoRequests ? 2 : pressure >= NoKeepAlive ? 1 : 0;
        Budget.Close(_level >= 2);
    }

    /// <summary>On the watchdog's thread.</summary>
    public void OnLook()
    {
        try
        {
            Look();
        }
        catch (Exception)
        {
            // Out of memory, or /proc does not answer: the next look is soon, and an exception here would end the process.
        }
    }

    private void Look()
    {
        var heap = GC.GetGCMemoryInfo(GCKind.Any);
        CollectYoung(heap.Index);
        _looks++;
        if (_containerLimit > 0 && _looks % ResidentEvery == 0) _resident = (double)ProcessLimits.AnonymousMemory() / _containerLimit;
        double pressure = Injected ?? Math.Max((double)(heap.HeapSizeBytes - heap.FragmentedBytes) / _limit, _resident);
        Apply(pressure);
        if (IsPressed && _pressed++ % PressEvery == 0) _press();
        // What a young collection left may be garbage; and without allocations nothing would ever tell that memory is free again.
        _staleLooks = heap.Index == _lastIndex || heap.Generation < GC.MaxGeneration ? _staleLooks + 1 : 0;
        _lastIndex = heap.Index;
        if (pressure < NoKeepAlive || _staleLooks < 500 / LookMs) return;
        _staleLooks = 0;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: false);
    }

    // Connections live longer than a young collection is away: left to itself the collector moves tens of thousands of them at one time.
    private void CollectYoung(long index)
    {
        long allocated = GC.GetTotalAllocatedBytes();
        if (index != _youngIndex) (_youngIndex, _youngFrom) = (index, allocated);
        else if (allocated - _youngFrom > YoungBytes) GC.Collect(0, GCCollectionMode.Forced, blocking: true);
    }
}
