using System.Buffers.Text;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Headers;

/// <summary>How long a gRPC client waits: <c>grpc-timeout</c> (grpc/grpc doc/PROTOCOL-HTTP2.md), at most eight digits and a unit.</summary>
internal static class GrpcTimeout
{
    private const int MostDigits = 8;

    public static ReadOnlySpan<byte> Name => "grpc-timeout"u8;

    /// <summary>Microseconds, what is shorter than one as one; -1: it does not say, or not rightly.</summary>
    public static long Of(HeaderMap request)
    {
        if (!request.TryGet(Name, out var text) || text.Length is < 2 or > MostDigits + 1) return -1;
        if (!Utf8Parser.TryParse(text[..^1], out uint number, out int used) || used != text.Length - 1 || text[0] == '+') return -1;
        return text[^1] switch
        {
            (byte)'H' => number * 3_600_000_000L,
            (byte)'M' => number * 60_000_000L,
            (byte)'S' => number * 1_000_000L,
            (byte)'m' => number * 1_000L,
            (byte)'u' => number,
            (byte)'n' => (number + 999L) / 1000,
            _ => -1,
        };
    }

    /// <summary>In place of what the request says; milliseconds where they fit, else seconds, rounded up.</summary>
    /// <param name="request">Gets the field.</param>
    /// <param name="micros">More than 0.</param>
    /// <param name="scratch">Is cleared.</param>
    public static void Set(HeaderMap request, long micros, ByteWriter scratch)
    {
        long millis = (micros + 999) / 1000;
        scratch.Clear();
        if (millis < 100_000_000) scratch.Write(millis); else scratch.Write(Math.Min((millis + 999) / 1000, 99_999_999));
        scratch.Write(millis < 100_000_000 ? (byte)'m' : (byte)'S');
        request.Remove(Name);
        request.Add(Name, scratch.Written);
    }
}
