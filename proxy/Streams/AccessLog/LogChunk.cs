using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Timers;

namespace Managed.Proxy.Streams.AccessLog;

/// <summary>A run of lines for one file on its way from a worker to the writer and back.</summary>
internal sealed class LogChunk(LogLane lane)
{
    public readonly LogLane Lane = lane;
    public readonly ByteWriter Bytes = new(LogLane.ChunkBytes + 8192);
    public LogFile? File;
    public int Lines;
    public LogChunk? Next;
}

/// <summary>
/// One worker's side of access logging. Problem: a worker must neither lock, nor wait for a disk, nor allocate. Design: it fills chunks
/// of its own and pushes full ones, or after <see cref="FlushMicros"/> partial ones, on a stack the writer takes whole; the writer pushes
/// empty ones on a stack the worker takes whole. Taking whole means no node is seen twice (no ABA). The number of chunks is bounded;
/// when all are at the writer, lines are dropped.
/// </summary>
internal sealed class LogLane
{
    public const int ChunkBytes = 32 * 1024;
    /// <summary>Half of the 200 ms within which a line must be in its file.</summary>
    public const long FlushMicros = 100_000;
    // 8 MiB per worker: some 40,000 lines, which is a second of a disk that hangs.
    private const int MaxChunks = 256;
    // 1 MiB of them stay; what only a slow disk made necessary goes when it is written.
    private const int KeptChunks = 32;
    // A chunk that one monstrous line has blown up is not kept.
    private const int LargestKept = 4 * ChunkBytes;

    private readonly AccessLogFiles _files;
    private readonly WheelTimer _timer;
    private readonly List<LogSlot> _dirty = [];
    private LogChunk? _free;
    private LogChunk? _returned;
    private int _made;

    public LogLane(AccessLogFiles files)
    {
        _files = files;
        _timer = new WheelTimer(static lane => ((LogLane)lane!).Flush(), this);
    }

    /// <summary>Chunks that there are, wherever they are.</summary>
    internal int Made => Volatile.Read(ref _made);

    /// <summary>An empty chunk; null when all are at the writer.</summary>
    public LogChunk? Rent()
    {
        _free ??= Interlocked.Exchange(ref _returned, null);
        if (_free is not { } chunk)
        {
            if (Volatile.Read(ref _made) >= MaxChunks) return null;
            Interlocked.Increment(ref _made);
            return new LogChunk(this);
        }
        _free = chunk.Next;
        chunk.Next = null;
        return chunk;
    }

    /// <summary>The slot holds lines that nobody has seen yet; they will be flushed in time.</summary>
    public void Dirty(LogSlot slot, TimerWheel timers)
    {
        // Once, however many chunks it fills until the flush.
        if (!slot.IsDirty) _dirty.Add(slot);
        slot.IsDirty = true;
        if (!_timer.IsArmed) timers.Arm(_timer, FlushMicros);
    }

    /// <summary>Hands over what is there. On the worker, or after it ended.</summary>
    public void Flush()
    {
        foreach (var slot in _dirty)
        {
            slot.IsDirty = false;
            if (slot.Chunk is not { } chunk) continue;
            slot.Chunk = null;
            _files.Submit(chunk);
        }
        _dirty.Clear();
    }

    /// <summary>Gives an empty chunk back; on the writer.</summary>
    public void Return(LogChunk chunk)
    {
        chunk.File = null;
        chunk.Lines = 0;
        chunk.Bytes.Clear();
        if (chunk.Bytes.Storage.Length > LargestKept || Volatile.Read(ref _made) > KeptChunks) { Interlocked.Decrement(ref _made); return; }
        LogChunk? head;
        do chunk.Next = head = Volatile.Read(ref _returned);
        while (Interlocked.CompareExchange(ref _returned, chunk, head) != head);
    }
}

/// <summary>What one worker has written for one file and not handed over.</summary>
internal sealed class LogSlot
{
    public LogChunk? Chunk;
    /// <summary>In the lane's list.</summary>
    public bool IsDirty;
}
