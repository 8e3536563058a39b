using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Limits;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Codecs.Http1;

namespace Managed.Proxy;

/// <summary>
/// One thread that carries traffic: an event loop with its sockets, timers, pools and counters. What it owns nobody else touches;
/// other threads reach it by <see cref="Post"/>. A connection lives and dies on the worker that accepted it.
/// </summary>
public sealed partial class Worker
{
    /// <summary>Bound of <c>--workers</c>; sizes the per-worker slots.</summary>
    public const int MaxWorkers = 256;

    private readonly Stack<Http1ServerExchange> _exchanges = new();
    private readonly byte[] _date = new byte[29];
    private long _dateSecond = -1, _requests, _tellingSecond, _told, _untold;
    private ulong _lastId;
    private Xoshiro _random;

    internal Worker(int id, ProxyServer server)
    {
        Id = id;
        Server = server;
        Loop = new EventLoop(server.OnWorkerCrash, server.Overload.Budget);
        Stats = server.Stats.AddWorker(Loop.Post);
        _random = new Xoshiro((ulong)Environment.TickCount64 * 31 + (ulong)Random.Shared.NextInt64() + (ulong)id);
    }

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
    /// <summary>For making a value within one call; anybody may clear it.</summary>
    public ByteWriter Scratch { get; } = new(1024);

    /// <summary>The version whose guest code comes to this worker at this moment: what that code names is in it.</summary>
    internal Snapshot? Installing { get; set; }

    private List<Action>? _whenPublished;

    /// <summary>At once; while a version's guest code comes to this worker, when the version is in service. On the worker.</summary>
    internal void WhenPublished(Action action)
    {
        if (Installing is null) action(); else (_whenPublished ??= []).Add(action);
    }

    internal void OnPublished()
    {
        if (_whenPublished is not { } waiting) return;
        _whenPublished = null;
        foreach (var action in waiting) action();
    }

    internal EventLoop Loop { get; }
    internal ProxyServer Server { get; }
    internal long Requests => Volatile.Read(ref _requests);

    /// <summary>Fast, not cryptographic, this worker's own.</summary>
    public ulong NextRandom() => _random.Next();

    /// <summary>Runs the action on this worker, soon; callable from any thread. Keeps order per caller.</summary>
    public void Post(Action<object?> action, object? state) => Loop.Post(action, state);

    /// <summary>For connections and streams: never the same twice in one process.</summary>
    internal ulong NextId() => (++_lastId << 8) | (uint)Id;

    internal void CountRequest() => _requests++;

    /// <summary>Whether one more line of guest code may be told this second; <paramref name="dropped"/>: how many were not since the last.</summary>
    internal bool MayTell(int perSecond, out long dropped)
    {
        long second = NowMicros / 1_000_000;
        if (second != _tellingSecond) (_tellingSecond, _told) = (second, 0);
        dropped = _untold;
        if (_told >= perSecond)
        {
            _untold++;
            return false;
        }
        _told++;
        _untold = 0;
        return true;
    }

    internal Http1ServerExchange RentExchange() => _exchanges.TryPop(out var exchange) ? exchange : new Http1ServerExchange(this);

    internal void ReturnExchange(Http1ServerExchange exchange)
    {
        if (_exchanges.Count >= 1024) return;
        exchange.Shrink();
        _exchanges.Push(exchange);
    }

    /// <summary>IMF-fixdate of now (RFC 9110 section 5.6.7), made once a second.</summary>
    internal ReadOnlySpan<byte> DateHeader
    {
        get
        {
            long second = Loop.WallMicros / 1_000_000;
            if (second != _dateSecond)
            {
                _dateSecond = second;
                DateTimeOffset.FromUnixTimeSeconds(second).TryFormat(_date, out _, "r");
            }
            return _date;
        }
    }
}
