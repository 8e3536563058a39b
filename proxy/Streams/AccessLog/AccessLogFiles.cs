using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Streams.AccessLog;

/// <summary>
/// The files of all access logs of the process and the one thread that writes them. Lives as long as the process; dispose after the
/// workers have ended: what they left is then written.
/// </summary>
public sealed unsafe class AccessLogFiles : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, WeakReference<LogFile>> _open = new(StringComparer.Ordinal);
    private readonly LogLane?[] _lanes = new LogLane?[WorkerContext.MaxWorkers + 1]; // and the loop of health checks
    private readonly int _wakeFd = Libc.eventfd(0, Libc.EfdCloExec);
    private readonly Thread _writer;
    private readonly bool _writesNothing;
    private readonly ManualResetEvent _pause = new(false);
    private LogChunk? _submitted;
    private long _dropped, _writeFailed, _reopenFailed;
    private int _reopen;
    private volatile bool _stopping;

    /// <param name="stats">Where lines that are lost count.</param>
    /// <param name="writesNothing">All files, and the standard streams, are /dev/null.</param>
    public AccessLogFiles(StatsRegistry stats, bool writesNothing = false)
    {
        _writesNothing = writesNothing;
        if (_wakeFd < 0) throw new InvalidOperationException("eventfd: " + Libc.Describe(Libc.Errno));
        StandardOutput = writesNothing ? Open("", out _)! : LogFile.Standard(this, 1);
        StandardError = writesNothing ? StandardOutput : LogFile.Standard(this, 2);
        stats.Observe("access_log.dropped", () => Volatile.Read(ref _dropped));
        stats.Observe("filesystem.write_failed", () => Volatile.Read(ref _writeFailed));
        stats.Observe("filesystem.reopen_failed", () => Volatile.Read(ref _reopenFailed));
        _writer = new Thread(Run) { Name = "access-log", IsBackground = true };
        _writer.Start();
    }

    internal LogFile StandardOutput { get; }
    internal LogFile StandardError { get; }

    /// <summary>Opens all files anew, soon: for log rotation. A file that cannot be opened stays as it is and counts.</summary>
    public void Reopen()
    {
        Interlocked.Exchange(ref _reopen, 1);
        Wake();
    }

    /// <summary>The file of a path, shared; null when it cannot be opened. Control thread.</summary>
    internal LogFile? Open(string path, out string? wrong)
    {
        wrong = null;
        string full = _writesNothing ? "/dev/null" : Path.GetFullPath(path);
        lock (_lock)
        {
            if (_open.TryGetValue(full, out var held) && held.TryGetTarget(out var file)) return file;
            if (LogFile.TryOpen(this, full, out wrong) is not { } opened) return null;
            foreach (var (known, other) in _open)
                if (!other.TryGetTarget(out _)) _open.Remove(known); // of versions that are gone
            _open[full] = new WeakReference<LogFile>(opened);
            return opened;
        }
    }

    /// <summary>Paths that are remembered.</summary>
    internal int Known { get { lock (_lock) return _open.Count; } }

    /// <summary>The worker's own lane; only that worker calls.</summary>
    internal LogLane Lane(int workerId) => _lanes[workerId] ??= new LogLane(this);

    internal void Dropped(int lines) => Interlocked.Add(ref _dropped, lines);

    /// <summary>Hands a chunk to the writer; from any worker, without a lock.</summary>
    internal void Submit(LogChunk chunk)
    {
        LogChunk? head;
        do chunk.Next = head = Volatile.Read(ref _submitted);
        while (Interlocked.CompareExchange(ref _submitted, chunk, head) != head);
        if (head is null) Wake(); // else the writer has not looked since and will
    }

    public void Dispose()
    {
        if (_stopping) return;
        foreach (var lane in _lanes) lane?.Flush();
        _stopping = true;
        _pause.Set();
        Wake();
        // A standard stream that nobody reads can hold the writer up for ever; it is a background thread and ends with the process.
        if (_writer.Join(TimeSpan.FromSeconds(2))) _ = Libc.close(_wakeFd);
    }

    private void Wake()
    {
        ulong one = 1;
        _ = Libc.write(_wakeFd, &one, sizeof(ulong));
    }

    private void Run()
    {
        while (true)
        {
            bool last = _stopping; // read before taking: what was submitted before it was set is still written
            if (Interlocked.Exchange(ref _reopen, 0) != 0) ReopenAll();
            var chunk = InOrder(Interlocked.Exchange(ref _submitted, null));
            while (chunk is not null)
            {
                var next = chunk.Next;
                Write(chunk);
                chunk = next;
            }
            if (last) return;
            ulong count;
            _ = Libc.read(_wakeFd, &count, sizeof(ulong)); // blocks until woken
        }
    }

    private void Write(LogChunk chunk)
    {
        bool written = false;
        try
        {
            written = chunk.File!.Write(chunk.Bytes.Written, KeepTrying);
        }
        catch (Exception)
        {
            // Counted as any other failure: the thread lives on for the other chunks and files.
        }
        if (!written)
        {
            Interlocked.Increment(ref _writeFailed);
            Dropped(chunk.Lines);
        }
        chunk.Lane.Return(chunk);
    }

    private bool KeepTrying() => !_stopping && !_pause.WaitOne(5);

    // A stack gives the newest first.
    private static LogChunk? InOrder(LogChunk? newest)
    {
        LogChunk? oldest = null;
        while (newest is not null)
        {
            var next = newest.Next;
            newest.Next = oldest;
            oldest = newest;
            newest = next;
        }
        return oldest;
    }

    private void ReopenAll()
    {
        lock (_lock)
        {
            foreach (string path in _open.Keys.ToArray())
            {
                if (!_open[path].TryGetTarget(out var file)) _open.Remove(path);
                else if (!Reopened(file)) Interlocked.Increment(ref _reopenFailed);
            }
        }
    }

    private static bool Reopened(LogFile file)
    {
        try
        {
            return file.Reopen();
        }
        catch (Exception)
        {
            return false;
        }
    }
}
