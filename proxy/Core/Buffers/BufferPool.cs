using System.Numerics;
using Managed.Proxy.Core.FaultInjection;

namespace Managed.Proxy.Core.Buffers;

/// <summary>
/// One worker's buffers, the last returned used first, so that the same few stay in cache. A connection that waits holds none, or one of
/// about the size of what it has to keep. The pool keeps a bounded number of each size; beyond that the collector takes them.
/// <para>What is rented counts against the process's budget until it is returned, so everything that is rented must be.</para>
/// </summary>
internal sealed class BufferPool
{
    /// <summary>16 KiB: holds a usual head with the start of its body, and is what one TLS record carries.</summary>
    public const int SmallSize = 16 * 1024;
    /// <summary>64 KiB: for bodies; halves the system calls of a large transfer against 32 KiB, and more gained nothing.</summary>
    public const int LargeSize = 64 * 1024;

    // Sizes are powers of two, up to 64 KiB every second one: 256 bytes, 1, 4, 16, 64, 128, 256 KiB and so on. Arrays of more than 64 KiB
    // are not kept: few need them, and bodies have huge buffers.
    private const int FirstBit = 8, LargeBit = 16;
    // Bytes of each size that stay at most; of huge buffers together.
    private const int KeepTiny = 1 << 20, KeepUsual = 4 << 20, KeepHuge = 4 << 20;

    private readonly Stack<byte[]>[] _free = new Stack<byte[]>[LargeBit + 1];
    private readonly Stack<HugeBuffer>[] _freeHuge = new Stack<HugeBuffer>[HugeBuffers.LastKeptBit + 1];
    private readonly MemoryBudget _budget;
    private long _used, _taken, _hugeKept;

    public BufferPool(MemoryBudget budget)
    {
        _budget = budget;
        for (int bit = FirstBit; bit <= LargeBit; bit++) _free[bit] = new Stack<byte[]>();
        for (int bit = 0; bit < _freeHuge.Length; bit++) _freeHuge[bit] = new Stack<HugeBuffer>();
    }

    public MemoryBudget Budget => _budget;
    /// <summary>Bytes that are rented or were counted.</summary>
    public long Used => _used;

    public byte[] Rent() => RentBit(14);

    public byte[] RentLarge() => RentBit(LargeBit);

    /// <summary>At least so many bytes; 64 KiB and less are a multiple of at most four, more of at most two.</summary>
    public byte[] Rent(int size)
    {
        int bit = Math.Max(FirstBit, 32 - BitOperations.LeadingZeroCount((uint)size - 1));
        return RentBit(bit <= LargeBit ? (bit + 1) & ~1 : bit);
    }

    public void Return(byte[] buffer)
    {
        Count(-buffer.Length);
        int bit = BitOperations.Log2((uint)buffer.Length);
        if (bit > LargeBit) return;
        var free = _free[bit];
        if ((long)free.Count << bit < (bit < 14 ? KeepTiny : KeepUsual)) free.Push(buffer);
    }

    /// <summary>
    /// Room for at least <paramref name="size"/> bytes, more than <see cref="LargeSize"/>, of which as many are counted as the next power
    /// of two has: <see cref="Commit"/> before more are written.
    /// </summary>
    public HugeBuffer RentHuge(int size)
    {
        Faults.Pass(FaultPoint.BufferRent);
        int bit = HugeBuffers.BitOf(size);
        if (bit <= HugeBuffers.LastKeptBit && _freeHuge[bit].TryPop(out var buffer)) _hugeKept -= buffer.Touched;
        else buffer = HugeBuffers.Rent(bit);
        Commit(buffer, size);
        return buffer;
    }

    /// <summary>Counts what is needed for so many bytes; at most <see cref="HugeBuffer.Size"/>.</summary>
    public void Commit(HugeBuffer buffer, int size)
    {
        if (size <= buffer.Committed) return;
        int wanted = (int)BitOperations.RoundUpToPowerOf2((uint)size);
        Count(wanted - buffer.Committed);
        buffer.Committed = wanted;
        buffer.Touched = Math.Max(buffer.Touched, wanted);
    }

    public void Return(HugeBuffer buffer)
    {
        Count(-buffer.Committed);
        buffer.Committed = 0;
        if (buffer.Bit <= HugeBuffers.LastKeptBit && _hugeKept + buffer.Touched <= KeepHuge && !_budget.IsSpent)
        {
            _hugeKept += buffer.Touched;
            _freeHuge[buffer.Bit].Push(buffer);
        }
        else HugeBuffers.Return(buffer);
    }

    /// <summary>Counts memory that did not come from here; negative when it is given back.</summary>
    public void Count(long bytes)
    {
        _used += bytes;
        if (_used > _taken || _used < _taken - 2 * MemoryBudget.Step) Settle();
    }

    private byte[] RentBit(int bit)
    {
        Faults.Pass(FaultPoint.BufferRent);
        Count(1L << bit);
        return bit <= LargeBit && _free[bit].TryPop(out var buffer) ? buffer : GC.AllocateUninitializedArray<byte>(1 << bit);
    }

    private void Settle()
    {
        long wanted = (_used + MemoryBudget.Step - 1) / MemoryBudget.Step * MemoryBudget.Step;
        _budget.Take(wanted - _taken);
        _taken = wanted;
    }
}
