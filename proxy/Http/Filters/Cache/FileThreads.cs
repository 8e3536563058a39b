namespace Managed.Proxy.Http.Filters.Cache;

/// <summary>
/// Threads that wait for a disk, so that no worker does. They begin when there is something to do and end after ten idle seconds. What
/// waits for them is bounded; a disk that hangs holds up them alone.
/// </summary>
internal sealed class FileThreads(int most)
{
    public const int MostWaiting = 4096;
    /// <summary>After so long without any of them moving nothing more is asked of the disk, until they do. Milliseconds.</summary>
    public const int Patience = 250;
    private const int IdleMilliseconds = 10_000;

    private readonly object _lock = new(); // for Monitor, which can wait
    private readonly Queue<Action> _waiting = new();
    private int _running, _idle;
    private long _moved = Environment.TickCount64;

    /// <summary>Work waits, and none has begun or ended for a while.</summary>
    public bool IsStuck
    {
        get
        {
            lock (_lock) return _waiting.Count > 0 && Environment.TickCount64 - _moved > Patience;
        }
    }

    /// <summary>Has it done soon. False: too much waits, or there is no thread to be had. Any thread.</summary>
    public bool TryPost(Action work)
    {
        lock (_lock)
        {
            if (_waiting.Count >= MostWaiting) return false;
            bool atOnce = _waiting.Count == 0 && (_idle > 0 || _running < most);
            if (_waiting.Count < _idle) Monitor.Pulse(_lock);
            else if (_running < most && !TryStart() && _running == 0) return false;
            if (atOnce) _moved = Environment.TickCount64;
            _waiting.Enqueue(work);
            return true;
        }
    }

    private bool TryStart()
    {
        try
        {
            new Thread(Run, 256 * 1024) { Name = "files", IsBackground = true }.Start();
            _running++;
            return true;
        }
        catch (OutOfMemoryException)
        {
            return false; // the kernel gives no more threads
        }
    }

    private void Run()
    {
        while (Next() is { } work)
        {
            try
            {
                work();
            }
            catch (Exception)
            {
                // Each piece of work tells of its own failures; a thread that ended here would be missed.
            }
        }
    }

    // Null: there is nothing to do any more.
    private Action? Next()
    {
        lock (_lock)
        {
            _moved = Environment.TickCount64;
            _idle++;
            bool waited = true;
            while (_waiting.Count == 0 && waited) waited = Monitor.Wait(_lock, IdleMilliseconds);
            _idle--;
            if (_waiting.TryDequeue(out var work))
            {
                _moved = Environment.TickCount64;
                return work;
            }
            _running--;
            return null;
        }
    }
}
