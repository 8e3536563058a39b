using System.Diagnostics;
using System.Net;

namespace Managed.Load.Traffic;

/// <summary>
/// Keep-alive connections with one request at a time on each, at a fixed rate overall, or as fast as answers come. The requests
/// are spread evenly over time and connections. A latency runs from the send to the last byte of the answer.
/// </summary>
internal sealed class LoadGenerator : IDisposable
{
    private readonly LoadThread[] _threads;
    private readonly Lock _lock = new();
    private string? _trouble;
    private long _acknowledged;
    private long _seen;
    private volatile int _slice;

    /// <param name="rate">Requests per second over all connections; 0 for as fast as answers come.</param>
    /// <param name="slices">How many histograms are kept.</param>
    /// <param name="request">What is sent each time; null for a small GET.</param>
    public LoadGenerator(int port, int connections, double rate, int slices = 1, byte[]? request = null)
    {
        const int threads = 2;
        var target = new IPEndPoint(IPAddress.Loopback, port);
        long interval = rate > 0 ? (long)(connections / rate * Stopwatch.Frequency) : 0;
        _threads = [.. Enumerable.Range(0, threads)
            .Select(i => new LoadThread(this, target, (connections + i) / threads, interval, slices, request ?? LoadThread.PlainRequest))];
    }

    /// <summary>Which histogram takes what is sent now.</summary>
    public int Slice { get => _slice; set => _slice = value; }
    /// <summary>A request that is sent after this was set must not be served with a smaller stamp.</summary>
    public long Acknowledged { get => Volatile.Read(ref _acknowledged); set => Volatile.Write(ref _acknowledged, value); }
    /// <summary>The highest stamp that any answer has shown.</summary>
    public long Seen => Volatile.Read(ref _seen);

    public long Requests => _threads.Sum(t => t.Requests);
    /// <summary>No answer, another status than 200, or one without stamps.</summary>
    public long Failed => _threads.Sum(t => t.Failed);
    /// <summary>Request and response show different stamps.</summary>
    public long Mixed => _threads.Sum(t => t.Mixed);
    /// <summary>Served by a version older than one acknowledged before the request was sent.</summary>
    public long Late => _threads.Sum(t => t.Late);
    /// <summary>Served by a version older than one that an answer had shown before the request was sent.</summary>
    public long SteppedBack => _threads.Sum(t => t.SteppedBack);
    /// <summary>Connections that the proxy closed between two requests.</summary>
    public long Closed => _threads.Sum(t => t.Closed);
    /// <summary>What went wrong first.</summary>
    public string Trouble => _trouble is null ? "" : $" ({_trouble})";

    public void Start()
    {
        foreach (var thread in _threads) thread.Start();
    }

    public void Stop()
    {
        foreach (var thread in _threads) thread.Stop();
    }

    public LatencyHistogram Latencies(int slice)
    {
        var sum = new LatencyHistogram();
        foreach (var thread in _threads) sum.Add(thread.Latencies(slice));
        return sum;
    }

    public void Dispose() => Stop();

    /// <summary>Misses for everything that must not happen to a request.</summary>
    public void Judge(Verdict verdict)
    {
        verdict.Expect(Requests > 0, $"no request was made");
        verdict.Expect(Failed == 0, $"{Failed} of {Requests} requests failed{Trouble}");
        verdict.Expect(Mixed == 0, $"{Mixed} responses mix two versions{Trouble}");
        verdict.Expect(Late == 0, $"{Late} requests begun after an acknowledgement were served by an older version{Trouble}");
        verdict.Expect(SteppedBack == 0, $"{SteppedBack} requests were served by an older version than one already seen{Trouble}");
        verdict.Expect(Closed == 0, $"{Closed} connections were closed by the proxy");
    }

    internal void Saw(long stamp)
    {
        long known;
        while (stamp > (known = Volatile.Read(ref _seen)))
            if (Interlocked.CompareExchange(ref _seen, stamp, known) == known) return;
    }

    internal void Note(string trouble)
    {
        lock (_lock) _trouble ??= trouble;
    }
}
