using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;
using Managed.Proxy.Core;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Calls;

/// <summary>
/// A unary gRPC call (grpc/grpc doc/PROTOCOL-HTTP2.md) in an <see cref="HttpCall"/> that needs HTTP/2: begin, append the message to
/// <see cref="HttpCall.RequestBody"/>, end, start; then read the answer.
/// </summary>
internal static class GrpcUnary
{
    private const int Prefix = 5; // of a message: compressed or not, and its length
    private const int Unknown = 2, DeadlineExceeded = 4, Internal = 13, Unavailable = 14;

    /// <param name="call">Empty.</param>
    /// <param name="authority">As configured, or the cluster's name.</param>
    /// <param name="path"><c>/package.Service/Method</c></param>
    /// <param name="timeoutMicros">Is told to the service; 0: none.</param>
    /// <param name="worker">Of the call.</param>
    public static void Begin(HttpCall call, string authority, string path, long timeoutMicros, WorkerContext worker)
    {
        var request = call.Request;
        request.Add(HeaderId.Method, "POST"u8);
        request.Add(HeaderId.Scheme, "http"u8);
        request.Add(HeaderId.Authority, Encoding.UTF8.GetBytes(authority));
        request.Add(HeaderId.Path, Encoding.UTF8.GetBytes(path));
        request.Add(HeaderId.ContentType, "application/grpc"u8);
        request.Add(HeaderId.Te, "trailers"u8);
        if (timeoutMicros > 0) GrpcTimeout.Set(request, timeoutMicros, worker.Scratch);
        call.RequestBody.Write(stackalloc byte[Prefix]);
    }

    /// <summary>The message is whole.</summary>
    public static void End(HttpCall call)
        => BinaryPrimitives.WriteInt32BigEndian(call.RequestBody.Storage.Slice(1), call.RequestBody.Length - Prefix);

    /// <summary>The status of the answer; 0 with its message.</summary>
    public static int Read(HttpCall call, out ReadOnlySpan<byte> message)
    {
        message = default;
        if (call.Failed) return call.TimedOut ? DeadlineExceeded : Unavailable;
        var head = call.Response;
        if (!head.Get(HeaderId.Status).SequenceEqual("200"u8)) return Unknown;
        var said = (head.Has(HeaderId.GrpcStatus) ? head : call.ResponseTrailers).Get(HeaderId.GrpcStatus);
        if (!Utf8Parser.TryParse(said, out int status, out int used) || used != said.Length) return Unknown;
        if (status != 0) return status;
        var body = call.ResponseBody.Written;
        if (body.Length < Prefix || body[0] != 0
            || BinaryPrimitives.ReadUInt32BigEndian(body[1..]) != body.Length - Prefix) return Internal;
        message = body[Prefix..];
        return 0;
    }
}
