using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Limits;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Timers;

namespace Managed.Proxy.Core;

/// <summary>
/// What code on a worker's thread may use of it: loop, timers, clock, counters, random numbers, identifiers. What it owns nobody else
/// touches; other threads reach it by <see cref="Post"/>. Everything that is not said to be for any thread is for the worker's own.
/// </summary>
public class WorkerContext
{
    /// <summary>Bound of <c>--workers</c>; sizes the per-worker slots.</summary>
    public const int MaxWorkers = 256;

    private const int MaxSlots = 16;
    private static int s_slots;

    private readonly byte[] _date = new byte[29];
    private long _dateSecond = -1, _requests, _tellingSecond, _told, _untold;
    private ulong _lastId;
    private readonly StatsRegistry _stats;
    private Xoshiro _random;
    private List<Action>? _whenPublished;

    internal WorkerContext(int id, StatsRegistry stats, Overload overload, Reports reports)
    {
        Id = id;
        Overload = overload;
        Reports = reports;
        Loop = new EventLoop.EventLoop(reports.OnCrash, overload.Budget);
        _stats = stats;
        Stats = stats.AddWorker(Loop.Post);
        _random = new Xoshiro((ulong)Environment.TickCount64 * 31 + (ulong)Random.Shared.NextInt64() + (ulong)id);
    }

    /// <summary>0 to workers - 1.</summary>
    public int Id { get; }
    /// <summary>This worker's counters.</summary>
    public StatsCells Stats { get; }
    /// <summary>Monotonic clock in microseconds, read once per loop turn.</summary>
    public long NowMicros => Loop.NowMicros;
    /// <summary>The same clock, read now. Any thread.</summary>
    internal static long ClockMicros => EventLoop.EventLoop.Micros();
    /// <summary>Wall clock in microseconds since the Unix epoch, as of this loop turn.</summary>
    public long WallMicros => Loop.WallMicros;
    /// <summary>What all workers have counted. Any thread.</summary>
    internal long ValueAt(Counter counter) => _stats.ValueAt(counter.Index);
    /// <summary>Timers of this worker; their callbacks run on it.</summary>
    public TimerWheel Timers => Loop.Timers;
    /// <summary>For making a value within one call; anybody may clear it.</summary>
    public ByteWriter Scratch { get; } = new(1024);

    internal EventLoop.EventLoop Loop { get; }
    /// <summary>How near the process is to the end of its memory and connections, and what it therefore refuses.</summary>
    internal Overload Overload { get; }
    internal Reports Reports { get; }
    /// <summary>What is answered to authorities that look whether a name is ours.</summary>
    internal PendingChallenges Challenges { get; set; } = new();
    /// <summary>Requests that have ended on this worker. Any thread.</summary>
    internal long Requests => Volatile.Read(ref _requests);

    /// <summary>Fast, not cryptographic, this worker's own.</summary>
    public ulong NextRandom() => _random.Next();
    /// <summary>The same, for whoever needs it only sometimes.</summary>
    internal Func<ulong> RandomSource => field ??= NextRandom;

    /// <summary>Runs the action on this worker, soon; callable from any thread. Keeps order per caller.</summary>
    public void Post(Action<object?> action, object? state) => Loop.Post(action, state);

    /// <summary>For connections and streams: never the same twice in one process.</summary>
    internal ulong NextId() => (++_lastId << 8) | (uint)Id;

    internal void CountRequest() => _requests++;

    /// <summary>
    /// The version whose guest code comes to this worker at this moment: what that code names is in it. Null at any other time.
    /// </summary>
    internal object? Installing { get; set; }

    /// <summary>At once; while a version's guest code comes to this worker, when the version is in service.</summary>
    internal void WhenPublished(Action action)
    {
        if (Installing is null) action(); else (_whenPublished ??= []).Add(action);
    }

    /// <summary>It will not be in service: what waited for that is given up.</summary>
    internal void ForgetWhenPublished() => _whenPublished = null;

    internal void OnPublished()
    {
        if (_whenPublished is not { } waiting) return;
        _whenPublished = null;
        foreach (var action in waiting) action();
    }

    /// <summary>
    /// Whether one more line of guest code may be told this second; <paramref name="dropped"/>: how many were not since the last.
    /// </summary>
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

    // What the layers above keep here, see WorkerSlot.
    internal object?[] Slots { get; } = new object?[MaxSlots];

    internal static int TakeSlot() => Interlocked.Increment(ref s_slots) - 1 is < MaxSlots and var slot ? slot
        : throw new InvalidOperationException("no slot is left");
}
