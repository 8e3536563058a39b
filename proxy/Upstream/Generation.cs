using Managed.Proxy.Core;

namespace Managed.Proxy.Upstream;

/// <summary>
/// One version while it is, or was, in service: its number, its clusters, and who still uses it. Each worker counts its own connections
/// and streams; a version has given back what it held when its last stream and the last connection that holds it have left.
/// </summary>
public class Generation
{
    // Each worker counts in its own cache line.
    private const int Stride = 16;
    private readonly long[] _connections, _streams, _holds;
    private int _disposed;

    internal Generation(long version, IReadOnlyDictionary<string, Cluster> clusters, int workers)
    {
        Version = version;
        Clusters = clusters;
        _connections = new long[workers * Stride];
        _streams = new long[workers * Stride];
        _holds = new long[workers * Stride];
    }

    /// <summary>The version's number. One that waited for its turn may get another one until it is published.</summary>
    public long Version { get; set => field = IsPublished ? throw new InvalidOperationException($"version {field} is published") : value; }
    /// <summary>The clusters by name.</summary>
    public IReadOnlyDictionary<string, Cluster> Clusters { get; }
    /// <summary>It has been in service.</summary>
    internal bool IsPublished { get; set; }
    internal bool IsDisposed => Volatile.Read(ref _disposed) != 0;

    /// <summary>True for the first who calls: nothing may begin on it any more.</summary>
    private protected bool TryDispose() => Interlocked.Exchange(ref _disposed, 1) == 0;

    internal void EnterConnection(WorkerContext worker) => _connections[worker.Id * Stride]++;
    internal void LeaveConnection(WorkerContext worker) => _connections[worker.Id * Stride]--;

    /// <summary>
    /// A request begins on it, which has its filters until it leaves. On a version that has given them back none may begin: without its
    /// filters a request would be let through where one of them was to stop it.
    /// </summary>
    internal void EnterStream(WorkerContext worker)
    {
        if (IsDisposed) throw new InvalidOperationException($"a request began on version {Version}, which has given back its filters");
        _streams[worker.Id * Stride]++;
    }

    internal void LeaveStream(WorkerContext worker) => _streams[worker.Id * Stride]--;

    /// <summary>
    /// A connection stays on it, or has network filters of it: nothing is given back until <see cref="LetGo"/>. False: it is too late.
    /// </summary>
    internal bool TryHold(WorkerContext worker)
    {
        if (IsDisposed) return false;
        _holds[worker.Id * Stride]++;
        return true;
    }

    internal void LetGo(WorkerContext worker) => _holds[worker.Id * Stride]--;

    internal long Connections => Sum(_connections);
    internal long Streams => Sum(_streams);
    internal bool IsInUse => Sum(_streams) > 0 || Sum(_holds) > 0;
    /// <summary>The step of the workers from which on nothing begins on it; none as long as it may be gone back to.</summary>
    internal long RetiredAt { get; set; } = long.MaxValue;

    private static long Sum(long[] counts)
    {
        long sum = 0;
        for (int i = 0; i < counts.Length; i += Stride) sum += Volatile.Read(ref counts[i]);
        return sum;
    }
}
