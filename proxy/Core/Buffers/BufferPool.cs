namespace Managed.Proxy.Core.Buffers;

/// <summary>
/// One worker's free read buffers, last returned first used, so that the same few stay in cache. An idle connection holds none.
/// Keeps a bounded number; beyond that the collector takes them.
/// </summary>
internal sealed class BufferPool
{
    /// <summary>16 KiB: holds a usual head with the start of its body, and is what one TLS record carries.</summary>
    public const int SmallSize = 16 * 1024;
    /// <summary>64 KiB: for bodies; halves the system calls of a large transfer against 32 KiB, and more gained nothing.</summary>
    public const int LargeSize = 64 * 1024;

    private const int KeepSmall = 1024, KeepLarge = 64;
    private readonly Stack<byte[]> _small = new();
    private readonly Stack<byte[]> _large = new();

    public byte[] Rent() => _small.TryPop(out var buffer) ? buffer : GC.AllocateUninitializedArray<byte>(SmallSize);

    public byte[] RentLarge() => _large.TryPop(out var buffer) ? buffer : GC.AllocateUninitializedArray<byte>(LargeSize);

    /// <summary>Takes back either size; other sizes are left to the collector.</summary>
    public void Return(byte[] buffer)
    {
        if (buffer.Length == SmallSize) { if (_small.Count < KeepSmall) _small.Push(buffer); }
        else if (buffer.Length == LargeSize && _large.Count < KeepLarge) _large.Push(buffer);
    }
}
