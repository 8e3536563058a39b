using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.LocalReply;

/// <summary>
/// A response of our own in gRPC's words: trailers only, status 200, the gRPC status that means the same, the text as its message
/// (grpc/grpc doc/PROTOCOL-HTTP2.md and doc/http-grpc-status-mapping.md), as Envoy does it.
/// </summary>
internal static class GrpcReply
{
    // A client that gets more than 8 KiB of metadata may refuse all of it.
    private const int MostMessage = 4096;

    /// <param name="headers">Of the response; a grpc-status in them stays.</param>
    /// <param name="status">What it would be over plain HTTP; 200 afterwards.</param>
    /// <param name="body">Becomes the message.</param>
    /// <param name="scratch">Is cleared.</param>
    /// <param name="deadline">Of the answer's own time: the deadline is exceeded.</param>
    public static void Write(HeaderMap headers, ref int status, ByteWriter body, ByteWriter scratch, bool deadline)
    {
        headers.Set(HeaderId.ContentType, "application/grpc"u8);
        if (!headers.Has(HeaderId.GrpcStatus))
        {
            scratch.Clear();
            scratch.Write(deadline ? GrpcStatus.DeadlineExceeded : GrpcStatus.FromHttp(status));
            headers.Set(HeaderId.GrpcStatus, scratch.Written);
        }
        if (body.Length > 0 && !headers.Has(HeaderId.GrpcMessage))
        {
            scratch.Clear();
            Encode(body.Written[..Math.Min(body.Length, MostMessage)], scratch);
            headers.Set(HeaderId.GrpcMessage, scratch.Written);
        }
        body.Clear();
        headers.Remove(HeaderId.ContentLength);
        headers.Set(HeaderId.Status, "200"u8);
        status = 200;
    }

    /// <summary>Percent-encodes what may not stand in a grpc-message: all but the printable ASCII, and the percent sign.</summary>
    public static void Encode(ReadOnlySpan<byte> text, ByteWriter to)
    {
        var digits = "0123456789ABCDEF"u8;
        foreach (byte b in text)
        {
            if (b is >= 0x20 and <= 0x7E and not (byte)'%') { to.Write(b); continue; }
            to.Write((byte)'%');
            to.Write(digits[b >> 4]);
            to.Write(digits[b & 15]);
        }
    }
}
