using System.Collections.Concurrent;
using System.Diagnostics;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Timers;

namespace Managed.Proxy.Core.EventLoop;

/// <summary>
/// One thread's loop: wait for descriptors, run what became ready, run what others posted, fire timers. Everything that hangs on
/// it runs on its thread, inline; nothing is locked. <see cref="Post"/> and <see cref="Stop"/> alone may be called from elsewhere.
/// </summary>
internal sealed unsafe class EventLoop : IPollable
{
    private readonly ConcurrentQueue<(Action<object?> Action, object? State)> _posted = new();
    private readonly int _wakeFd;
    private int _wakePending;
    private volatile bool _stopping;
    private long _wallOffset;
    private long _wallSynced;
    private readonly Action<Exception> _onCrash;

    public EventLoop(Action<Exception> onCrash)
    {
        _onCrash = onCrash;
        _wakeFd = Libc.eventfd(0, Libc.EfdNonBlock | Libc.EfdCloExec);
        Poller.Add(_wakeFd, this, Libc.EpollIn | Libc.EpollEdge);
        ReadClock();
        Timers = new TimerWheel(NowMicros);
    }

    public Poller Poller { get; } = new();
    public TimerWheel Timers { get; }
    public BufferPool Buffers { get; } = new();
    public long NowMicros { get; private set; }
    public long WallMicros => NowMicros + _wallOffset;
    /// <summary>Turns that took longer than anything since it was last set to 0, microseconds; written by the loop, read by anyone.</summary>
    public long LongestTurnMicros;
    public long Turns { get; private set; }

    /// <summary>Called once per turn after events and timers; for work that is better done in batches.</summary>
    public Action? EndOfTurn;

    public void Post(Action<object?> action, object? state)
    {
        _posted.Enqueue((action, state));
        if (Interlocked.Exchange(ref _wakePending, 1) == 0)
        {
            ulong one = 1;
            Libc.write(_wakeFd, &one, 8);
        }
    }

    /// <summary>
    /// Runs the action later in this turn, on this loop's own stack: for waking one piece of straight-line code from within another.
    /// Loop thread only.
    /// </summary>
    public void Defer(Action<object?> action, object? state) => _deferred.Enqueue((action, state));

    private readonly Queue<(Action<object?> Action, object? State)> _deferred = new();

    public void Stop()
    {
        _stopping = true;
        Post(static _ => { }, null);
    }

    /// <summary>After <see cref="Run"/> has returned, or when it never ran: does what was posted last and gives the descriptors back.</summary>
    public void Close()
    {
        _stopping = true;
        while (_posted.TryDequeue(out var item)) item.Action(item.State);
        Poller.Dispose();
    }

    // Not in Close: who still posts would write into a descriptor that is somebody else's by then.
    ~EventLoop() => Libc.close(_wakeFd);

    public void Run()
    {
        Defer(static _ => { }, null); // compiled before there is traffic
        while (!_stopping)
        {
            // From now, not from when the turn began: that took time off the next sleep.
            int timeout = _posted.IsEmpty ? Timers.MillisecondsToNext(Micros()) : 0;
            int ready = Poller.Wait(timeout);
            ReadClock();
            Timers.SetNow(NowMicros);
            long began = NowMicros;
            Turns++;
            // What a handler did not catch is a bug of ours, not of the network: report it and keep the other connections alive.
            try
            {
                if (ready > 0) Poller.Dispatch(ready);
                if (Volatile.Read(ref _wakePending) != 0) RunPosted();
                while (Timers.TakeDue() is { } timer) timer.Callback(timer.State);
                while (_deferred.TryDequeue(out var later)) later.Action(later.State);
                EndOfTurn?.Invoke();
            }
            catch (Exception e)
            {
                _onCrash(e);
            }
            long took = Micros() - began;
            if (took > LongestTurnMicros) LongestTurnMicros = took;
        }
    }

    void IPollable.OnEvents(uint events)
    {
        ulong count;
        Libc.read(_wakeFd, &count, 8);
    }

    private void RunPosted()
    {
        Volatile.Write(ref _wakePending, 0);
        Interlocked.MemoryBarrier();
        for (int n = _posted.Count; n > 0 && _posted.TryDequeue(out var item); n--) item.Action(item.State);
        if (!_posted.IsEmpty && Interlocked.Exchange(ref _wakePending, 1) == 0)
        {
            ulong one = 1;
            Libc.write(_wakeFd, &one, 8);
        }
    }

    private void ReadClock()
    {
        NowMicros = Micros();
        if (NowMicros - _wallSynced < 1_000_000 && _wallSynced != 0) return;
        _wallSynced = NowMicros;
        _wallOffset = (TimeProvider.System.GetUtcNow().UtcTicks - DateTime.UnixEpoch.Ticks) / 10 - NowMicros;
    }

    // Stopwatch ticks are nanoseconds on Linux.
    private static long Micros() => Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1_000_000);
}
