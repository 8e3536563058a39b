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

    // Sizes are powers of two, up to 64 KiB every second one: 256 bytes, 1, 4, 16, 64, 128, 256 KiB and so on.
    private const int FirstBit = 8, LargeBit = 16, LastKeptBit = 21;
    // Bytes of each size that stay at most; of all beyond 64 KiB together.
    private const int KeepTiny = 1 << 20, KeepUsual = 4 << 20, KeepHuge = 4 << 20;

    private readonly Stack<byte[]>[] _free = new Stack<byte[]>[LastKeptBit + 1];
    private readonly MemoryBudget _budget;
    private long _used, _taken, _hugeKept;

    public BufferPool(MemoryBudget budget)
    {
        _budget = budget;
        for (int bit = FirstBit; bit <= LastKeptBit; bit++) _free[bit] = new Stack<byte[]>();
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
        if (bit > LastKeptBit) return;
        var free = _free[bit];
        if (bit > LargeBit)
        {
            if (_hugeKept + buffer.Length > KeepHuge || _budget.IsSpent) return;
            _hugeKept += buffer.Length;
        }
        else if ((long)free.Count << bit >= (bit < 14 ? KeepTiny : KeepUsual)) return;
        free.Push(buffer);
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
        if (bit > LastKeptBit || !_free[bit].TryPop(out var buffer)) return GC.AllocateUninitializedArray<byte>(1 << bit);
        if (bit > LargeBit) _hugeKept -= buffer.Length;
        return buffer;
    }

    private void Settle()
    {
        long wanted = (_used + MemoryBudget.Step - 1) / MemoryBudget.Step * MemoryBudget.Step;
        _budget.Take(wanted - _taken);
        _taken = wanted;
    }
}
