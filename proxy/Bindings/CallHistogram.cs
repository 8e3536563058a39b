using System.Numerics;
using Managed.Proxy.Core;

namespace Managed.Proxy.Bindings;

/// <summary>Calls by a cost of theirs, in powers of two. Written by one worker, read by anyone: a figure may be a call old.</summary>
internal sealed class CallHistogram
{
    private readonly long[] _counts = new long[48];

    public void Record(long cost) => _counts[Math.Min(_counts.Length - 1, cost <= 1 ? 0 : BitOperations.Log2((ulong)cost - 1) + 1)]++;

    public IReadOnlyList<GuestVmBucket> Read()
    {
        var buckets = new List<GuestVmBucket>();
        for (int i = 0; i < _counts.Length; i++)
            if (Volatile.Read(ref _counts[i]) is > 0 and var count) buckets.Add(new GuestVmBucket(1L << i, count));
        return buckets;
    }

    public void Follow(CallHistogram old) => old._counts.CopyTo(_counts, 0);
}
