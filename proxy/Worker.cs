using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Timers;

namespace Managed.Proxy;

/// <summary>
/// One thread that carries traffic: an event loop with its sockets, timers, pools and counters. What it owns nobody else touches;
/// other threads reach it by <see cref="Post"/>. A connection lives and dies on the worker that accepted it.
/// </summary>
public sealed partial class Worker
{
    /// <summary>Bound of <c>--workers</c>; sizes the per-worker slots.</summary>
    public const int MaxWorkers = 256;

    /// <summary>0 to workers - 1.</summary>
    public int Id { get; }
    /// <summary>This worker's counters.</summary>
    public StatsCells Stats { get; }
    /// <summary>Monotonic clock in microseconds, read once per loop turn.</summary>
    public long NowMicros => Loop.NowMicros;
    /// <summary>Wall clock in microseconds since the Unix epoch, as of this loop turn.</summary>
    public long WallMicros => Loop.WallMicros;
    /// <summary>Timers of this worker; their callbacks run on it.</summary>
    public TimerWheel Timers => Loop.Timers;
    /// <summary>Fast, not cryptographic, this worker's own.</summary>
    public ulong NextRandom() => _random.Next();

    /// <summary>For connections and streams: never the same twice in one process.</summary>
    internal ulong NextId() => (++_lastId << 8) | (uint)Id;
    private ulong _lastId;

    internal EventLoop Loop { get; }

    internal Worker(int id, ProxyServer server, EventLoop loop)
    {
        Id = id;
        Server = server;
        Loop = loop;
        Stats = server.Stats.AddWorker();
        _random = new Xoshiro((ulong)Environment.TickCount64 * 31 + (ulong)id);
    }

    internal ProxyServer Server { get; }
    private Xoshiro _random;

    /// <summary>Runs the action on this worker, soon; callable from any thread. Keeps order per caller.</summary>
    public void Post(Action<object?> action, object? state) => Loop.Post(action, state);
}
