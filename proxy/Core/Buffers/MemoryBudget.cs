namespace Managed.Proxy.Core.Buffers;

/// <summary>
/// What the streams of the whole process may hold in buffers at one time: bodies that filters stopped, heads and pieces on their way, what
/// scripts have allocated. Each worker takes from it in pieces of <see cref="Step"/>, so that in steady state a buffer costs an addition on
/// the worker's own counter.
/// <para>Counting never fails: who is about to keep more looks at <see cref="IsSpent"/> first and refuses. So the sum goes over the
/// limit by what is under way at that moment: a piece of at most 64 KiB, and the doubling of the buffer that takes it.</para>
/// </summary>
internal sealed class MemoryBudget(long limit)
{
    public const long Step = 1 << 20;

    private long _taken;
    private volatile bool _closed;

    /// <summary>Bytes.</summary>
    public long Limit { get; } = limit;
    /// <summary>Bytes, in whole steps for each worker.</summary>
    public long Taken => Volatile.Read(ref _taken);
    /// <summary>Nothing more is to be kept: the limit is reached, or the process is short of memory for another reason.</summary>
    public bool IsSpent => _closed || Taken > Limit;

    public void Take(long bytes) => Interlocked.Add(ref _taken, bytes);

    /// <summary>Set while the process as a whole is short of memory.</summary>
    public void Close(bool closed) => _closed = closed;
}
