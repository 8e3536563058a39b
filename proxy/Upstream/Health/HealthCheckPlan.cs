using Managed.Proxy.Configuration;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams.Formatting;
using Managed.Proxy.Upstream.Pools;

namespace Managed.Proxy.Upstream.Health;

internal enum CheckKind : byte { Http, Tcp, Grpc }

/// <summary>A cluster's active health check, made ready. Immutable. Times are microseconds.</summary>
internal sealed class HealthCheckPlan
{
    /// <summary>What it was made of: checks that are alike go on from version to version.</summary>
    public required ConfigNode Source { get; init; }
    public required CheckKind Kind { get; init; }
    /// <summary>Which HTTP is spoken; null: none.</summary>
    public required UpstreamHttp? Http { get; init; }
    public long TimeoutMicros { get; init; }
    public long IntervalMicros { get; init; }
    public long InitialJitterMicros { get; init; }
    public long JitterMicros { get; init; }
    public int JitterPercent { get; init; }
    public int UnhealthyThreshold { get; init; }
    public int HealthyThreshold { get; init; }
    public bool Reuses { get; init; }
    public long NoTrafficMicros { get; init; }
    public long NoTrafficHealthyMicros { get; init; }
    public long UnhealthyMicros { get; init; }
    public long UnhealthyEdgeMicros { get; init; }
    public long HealthyEdgeMicros { get; init; }

    /// <summary>Where it is told; null: nowhere. Set while it is made.</summary>
    public HealthEventLog? Log { get; set; }

    /// <summary>Of HTTP and gRPC: without <c>:authority</c> where that is the endpoint's.</summary>
    public HeaderMap Request { get; } = new();
    public HeaderMutations Headers { get; init; } = HeaderMutations.None;
    /// <summary>Of a request or a connection; empty: nothing is sent.</summary>
    public byte[] Send { get; init; } = [];
    /// <summary>What has to come, in this order.</summary>
    public byte[][] Receive { get; init; } = [];
    public int LookedAt { get; init; }
    public (int Start, int End)[] Expected { get; init; } = [];
    public (int Start, int End)[] Retriable { get; init; } = [];
    public StringMatch? ServiceName { get; init; }

    public static bool Within((int Start, int End)[] ranges, int status)
    {
        foreach (var (start, end) in ranges)
            if (status >= start && status < end) return true;
        return false;
    }

    /// <summary>Whether all that has to come is there, in its order.</summary>
    public bool IsAllThere(ReadOnlySpan<byte> came)
    {
        foreach (byte[] wanted in Receive)
        {
            int at = came.IndexOf(wanted);
            if (at < 0) return false;
            came = came[(at + wanted.Length)..];
        }
        return true;
    }

    /// <summary>From one check to the next (Envoy: health checking).</summary>
    /// <param name="healthy">What the last one left the endpoint as.</param>
    /// <param name="changed">It was that one.</param>
    /// <param name="traffic">The cluster has had connections of requests.</param>
    /// <param name="random">For the jitter.</param>
    public long Pause(bool healthy, bool changed, bool traffic, ulong random)
    {
        long pause = !traffic ? healthy ? NoTrafficHealthyMicros : NoTrafficMicros
            : healthy ? changed ? HealthyEdgeMicros : IntervalMicros
            : changed ? UnhealthyEdgeMicros : UnhealthyMicros;
        long jitter = JitterMicros + pause * JitterPercent / 100;
        return jitter > 0 ? pause + (long)(random % (ulong)jitter) : pause;
    }
}
