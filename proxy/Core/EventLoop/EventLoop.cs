using System.Collections.Concurrent;
using System.Diagnostics;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Timers;

namespace Managed.Proxy.Core.EventLoop;

/// <summary>
/// One thread's loop: wait for descriptors, run what became ready, run what others posted, fire timers. Everything that hangs on
/// it runs on its thread, inline; nothing is locked. <see cref="Post"/> and <see cref="Stop"/> alone may be called from elsewhere.
/// <para>What throws costs itself and nothing beside it: each event, post, timer and deferred action is contained on its own.</para>
/// </summary>
internal sealed unsafe class EventLoop : IPollable
{
    private readonly ConcurrentQueue<(Action<object?> Action, object? State)> _posted = new();
    private readonly Queue<(Action<object?> Action, object? State)> _deferred = new();
    private readonly Queue<(Action<object?> Action, object? State, long From)> _later = new();
    private readonly int _wakeFd = -1; // before the poller is made: what cannot be had must not be closed as 0
    private int _wakePending;
    private volatile bool _stopping;
    private long _movedBefore, _spentAt;
    private long _wallOffset;
    private long _wallSynced;
    private readonly Action<Exception> _onException;
    [ThreadStatic] private static EventLoop? t_current;

    /// <param name="onException">Told, on the loop's thread, of each exception that was contained.</param>
    /// <param name="memory">What its buffers count against.</param>
    public EventLoop(Action<Exception> onException, MemoryBudget memory)
    {
        Buffers = new BufferPool(memory);
        _onException = onException;
        _wakeFd = Libc.eventfd(0, Libc.EfdNonBlock | Libc.EfdCloExec);
        if (_wakeFd < 0) throw new InvalidOperationException("eventfd: " + Libc.Describe(Libc.Errno));
        Poller.Add(_wakeFd, this, Libc.EpollIn | Libc.EpollEdge);
        ReadClock();
        Timers = new TimerWheel(NowMicros);
    }

    public Poller Poller { get; } = new();
    public TimerWheel Timers { get; }
    public BufferPool Buffers { get; }
    public long NowMicros { get; private set; }
    public long WallMicros => NowMicros + _wallOffset;
    /// <summary>
    /// Turns that took longer than anything since it was last set to 0, microseconds; written by the loop, read by anyone.
    /// </summary>
    public long LongestTurnMicros;
    public long Turns { get; private set; }

    /// <summary>The loop that runs on the calling thread; null on any other thread.</summary>
    public static EventLoop? Current => t_current;

    // For the watchdog: plain stores here, read by it whenever it looks.
    /// <summary>When the present turn began, by the loop's clock; 0 while the loop waits for something to do.</summary>
    public long TurnBegan;
    /// <summary>When the last turn of <see cref="LongTurnMicros"/> or more began.</summary>
    public long LastLongTurn;
    /// <summary>What the loop runs: an <see cref="IPollable"/>, a <see cref="WheelTimer"/> or an action.</summary>
    public object? Running;
    /// <summary>Within it: the filter that is being called.</summary>
    public object? Within;

    public const long LongTurnMicros = 100_000;

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

    /// <summary>
    /// Runs the action in the next turn, after what has become ready by then, on this loop's own stack. Once such actions have moved
    /// <see cref="TurnBytes"/> or taken <see cref="ShareMicros"/> the rest of them waits for the turn after it. None runs once the loop has
    /// ended. Loop thread only.
    /// </summary>
    public void NextTurn(Action<object?> action, object? state) => _later.Enqueue((action, state, Turns + 1));

    /// <summary>
    /// As <see cref="NextTurn"/>, in the given turn at the earliest, which may be the present one: for the work of those who move much or
    /// go, so that what is small is done first.
    /// </summary>
    public void Later(Action<object?> action, object? state, long turn) => _later.Enqueue((action, state, turn));

    /// <summary>Bytes read from sockets since it began; counted by those who read.</summary>
    public long BytesMoved { get; set; }

    /// <summary>
    /// What has become ready, and after it what waited for this turn, moves so much, or takes <see cref="ShareMicros"/>, before those who
    /// send more than a request has to wait. Bytes alone say too little: with them comes what the kernel does for the sender in the same
    /// call, up to ten times as long.
    /// </summary>
    public const int TurnBytes = 512 * 1024;

    /// <summary>
    /// Timers that fire in one turn; others whose time has come fire in the next. So thousands that end at one moment, as after a crowd has
    /// come, do not keep everybody else from being served.
    /// </summary>
    public const int TimersPerTurn = 64;

    /// <summary>So long a turn serves those who send much, and then goes on with what waits for it.</summary>
    public const int ShareMicros = 250;

    /// <summary>That much was moved, or it took that long.</summary>
    public bool IsTurnSpent => BytesMoved - _movedBefore >= TurnBytes || Micros() >= _spentAt;

    public void Stop()
    {
        _stopping = true;
        Post(static _ => { }, null);
    }

    /// <summary>
    /// After <see cref="Run"/> has returned, or when it never ran: does what was posted last and gives the descriptors back.
    /// </summary>
    public void Close()
    {
        _stopping = true;
        while (!_posted.IsEmpty || _deferred.Count > 0)
        {
            RunPosted();
            RunDeferred();
        }
        Poller.Dispose();
    }

    // Not in Close: who still posts would write into a descriptor that is somebody else's by then.
    ~EventLoop()
    {
        if (_wakeFd >= 0) Libc.close(_wakeFd);
    }

    public void Run()
    {
        t_current = this;
        Defer(static _ => { }, null); // compiled before there is traffic
        while (!_stopping)
        {
            // From now, not from when the turn began: that took time off the next sleep.
            int timeout = _posted.IsEmpty && _later.Count == 0 ? Timers.MillisecondsToNext(Micros()) : 0;
            Volatile.Write(ref TurnBegan, 0);
            int ready = Poller.Wait(timeout);
            ReadClock();
            long began = NowMicros;
            Volatile.Write(ref TurnBegan, began);
            Timers.SetNow(began);
            Turns++;
            StartShare(began);
            if (ready > 0) RunReady(ready);
            if (Volatile.Read(ref _wakePending) != 0) RunPosted();
            if (_later.Count > 0) RunLater();
            RunTimers();
            RunDeferred();
            Running = null;
            long took = Micros() - began;
            if (took > LongestTurnMicros) LongestTurnMicros = took;
            if (took >= LongTurnMicros) Volatile.Write(ref LastLongTurn, began);
        }
        // What was posted before the end may need what is given back after it.
        RunPosted();
        RunDeferred();
        Volatile.Write(ref TurnBegan, 0);
        t_current = null;
    }

    /// <summary>
    /// What nobody caught: a bug of ours, not of the network. Counted and reported by whom the loop belongs to. On the loop's thread.
    /// </summary>
    public void Contain(Exception exception)
    {
        try
        {
            _onException(exception);
        }
        catch (Exception)
        {
            // Who reports failures failed: the others on this loop are not to suffer for it.
        }
    }

    private void RunReady(int ready)
    {
        for (int i = 0; i < ready; i++)
        {
            if (Poller.Take(i, out uint events) is not { } target) continue;
            try
            {
                Begin(target);
                target.OnEvents(events);
            }
            catch (Exception e)
            {
                Contain(e);
                Abandon();
            }
        }
    }

    private void Abandon()
    {
        try
        {
            (Running as IPollable)?.Abandon();
        }
        catch (Exception e)
        {
            Contain(e);
        }
    }

    private void RunTimers()
    {
        for (int left = TimersPerTurn; left > 0 && Timers.TakeDue() is { } timer; left--)
        {
            try
            {
                Begin(timer);
                timer.Callback(timer.State);
            }
            catch (Exception e)
            {
                Contain(e);
            }
        }
    }

    private void RunDeferred()
    {
        while (_deferred.TryDequeue(out var later)) RunItem(later);
    }

    private void RunLater()
    {
        StartShare(Micros()); // however much the others take, it goes on
        while (_later.TryPeek(out var first) && first.From <= Turns)
        {
            _later.Dequeue();
            RunItem((first.Action, first.State));
            if (IsTurnSpent) return;
        }
    }

    private void StartShare(long now)
    {
        _movedBefore = BytesMoved;
        _spentAt = now + ShareMicros;
    }

    private void RunItem((Action<object?> Action, object? State) item)
    {
        try
        {
            Begin(item.State is IPollable target ? target : item.Action);
            item.Action(item.State);
        }
        catch (Exception e)
        {
            Contain(e);
            Abandon();
        }
    }

    private void Begin(object what)
    {
        Running = what;
        Within = null;
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
        for (int n = _posted.Count; n > 0 && _posted.TryDequeue(out var item); n--) RunItem(item);
        if (!_posted.IsEmpty && Interlocked.Exchange(ref _wakePending, 1) == 0)
        {
            ulong one = 1;
            Libc.write(_wakeFd, &one, 8);
        }
    }

    /// <summary>How many actions it has room for.</summary>
    internal int Room => _deferred.Capacity + _later.Capacity;

    /// <summary>The room that a crowd needed goes with it, by halves, once a second.</summary>
    internal void Trim()
    {
        Trim(_deferred);
        Trim(_later);
    }

    private static void Trim<T>(Queue<T> queue)
    {
        const int kept = 1024;
        if (queue.Capacity > kept && queue.Count < queue.Capacity / 4) queue.TrimExcess(Math.Max(kept, queue.Capacity / 2));
    }

    private void ReadClock()
    {
        NowMicros = Micros();
        if (NowMicros - _wallSynced < 1_000_000 && _wallSynced != 0) return;
        _wallSynced = NowMicros;
        Trim();
        _wallOffset = (TimeProvider.System.GetUtcNow().UtcTicks - DateTime.UnixEpoch.Ticks) / 10 - NowMicros;
    }

    // Stopwatch ticks are nanoseconds on Linux.
    internal static long Micros() => Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1_000_000);
}
