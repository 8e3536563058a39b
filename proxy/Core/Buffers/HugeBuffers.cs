using System.Numerics;
using System.Runtime.InteropServices;

namespace Managed.Proxy.Core.Buffers;

/// <summary>
/// Where the huge buffers of all workers come from: address space that is taken from the system once and never given back. Memory goes back
/// soon after a buffer was returned, by a thread that has the time: for a worker it is 0.1 ms and more of each MiB, and who rents meanwhile
/// gets what is still there. Behind a lock, since a worker keeps some of its own before it comes here.
/// </summary>
internal static unsafe partial class HugeBuffers
{
    // Each fourth power of two, so that a body that grows moves seldom and takes at most four times its size of addresses.
    private const int FirstBit = 18, LastBit = 30, Step = 2;
    private const int ChunkSize = 64 << 20;
    private const long MostUsed = 64 << 20;
    private static readonly TimeSpan CleaningAfter = TimeSpan.FromMilliseconds(50);
    /// <summary>4 MiB: a worker keeps none that are larger.</summary>
    public const int LastKeptBit = 22;

    private static readonly Lock s_lock = new();
    private static readonly Stack<HugeBuffer>[] s_free = [.. Enumerable.Range(0, LastBit + 1).Select(_ => new Stack<HugeBuffer>())];
    // Returned, their memory not given back yet.
    private static readonly Stack<HugeBuffer>[] s_used = [.. Enumerable.Range(0, LastBit + 1).Select(_ => new Stack<HugeBuffer>())];
    private static readonly Timer s_cleaning = new(static _ => Clean());
    private static byte* s_next;
    private static long s_left, s_usedBytes;

    /// <summary>The size of those that hold so many bytes, as a power of two.</summary>
    /// <exception cref="OutOfMemoryException">There is none for more than 1 GiB.</exception>
    public static int BitOf(long size)
    {
        int bit = Math.Max(FirstBit, (BitOperations.Log2((ulong)size - 1) + Step) & ~(Step - 1));
        return bit <= LastBit ? bit : throw new OutOfMemoryException($"a buffer of {size} bytes is wanted; the largest has 1 GiB");
    }

    public static HugeBuffer Rent(int bit)
    {
        lock (s_lock)
        {
            if (s_used[bit].TryPop(out var buffer))
            {
                s_usedBytes -= buffer.Touched;
                return buffer;
            }
            if (s_free[bit].TryPop(out buffer)) return buffer;
            long size = 1L << bit;
            if (size >= ChunkSize) return new HugeBuffer(Map(size), bit);
            if (s_left < size)
            {
                // What is left of the chunk is a multiple of the smallest: it serves those.
                for (int least = 1 << FirstBit; s_left > 0; s_left -= least, s_next += least)
                    s_free[FirstBit].Push(new HugeBuffer(s_next, FirstBit));
                s_next = Map(ChunkSize);
                s_left = ChunkSize;
            }
            byte* start = s_next;
            s_next += size;
            s_left -= size;
            return new HugeBuffer(start, bit);
        }
    }

    public static void Return(HugeBuffer buffer)
    {
        lock (s_lock)
        {
            if (s_usedBytes + buffer.Touched <= MostUsed)
            {
                if (s_usedBytes == 0) s_cleaning.Change(CleaningAfter, Timeout.InfiniteTimeSpan);
                s_usedBytes += buffer.Touched;
                s_used[buffer.Bit].Push(buffer);
                return;
            }
        }
        GiveBack(buffer);
    }

    private static void Clean()
    {
        while (true)
        {
            HugeBuffer? buffer = null;
            lock (s_lock)
            {
                for (int bit = FirstBit; bit <= LastBit && buffer is null; bit += Step) s_used[bit].TryPop(out buffer);
                if (buffer is null) return;
                s_usedBytes -= buffer.Touched;
            }
            GiveBack(buffer);
        }
    }

    private static void GiveBack(HugeBuffer buffer)
    {
        _ = madvise(buffer.Start, (nuint)buffer.Touched, DontNeed);
        buffer.Touched = 0;
        lock (s_lock) s_free[buffer.Bit].Push(buffer);
    }

    private static byte* Map(long size)
    {
        byte* start = mmap(null, (nuint)size, ReadWrite, PrivateAnonymous | NoReserve, -1, 0);
        if ((nint)start != -1) return start;
        string why = Marshal.GetPInvokeErrorMessage(Marshal.GetLastSystemError());
        throw new OutOfMemoryException($"{size >> 20} MiB of addresses for buffers: {why}");
    }

    private const int ReadWrite = 3, PrivateAnonymous = 0x22, NoReserve = 0x4000, DontNeed = 4;

    [LibraryImport("libc")] private static partial byte* mmap(void* at, nuint length, int protection, int flags, int fd, nint offset);
    [LibraryImport("libc")] private static partial int madvise(byte* start, nuint length, int advice);
}
