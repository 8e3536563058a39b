using System.Buffers.Binary;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.GrpcHttp1Bridge;

/// <summary>
/// gRPC for clients that see no trailers: the answer waits for its end, and what its trailers say stands in its head. With
/// upgrade_protobuf_to_grpc the messages are plain protocol buffers to the client.
/// </summary>
internal sealed class GrpcHttp1BridgeFilter(GrpcHttp1BridgeConfig config) : HttpFilter
{
    private const int Prefix = 5; // not compressed, length in network order

    private readonly ByteWriter _work = new(0);
    private bool _bridges, _frames;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        if (config.UpgradeProtobufToGrpc && headers.Get(HeaderId.ContentType).SequenceEqual("application/x-protobuf"u8))
        {
            _frames = true;
            headers.Set(HeaderId.ContentType, "application/grpc"u8);
            headers.Set(HeaderId.Te, "trailers"u8);
            headers.Remove(HeaderId.ContentLength);
            int query = headers.Get(HeaderId.Path).IndexOf((byte)'?');
            if (config.IgnoreQueryParameters && query >= 0)
            {
                _work.Clear();
                _work.Write(headers.Get(HeaderId.Path)[..query]);
                headers.Set(HeaderId.Path, _work.Written);
            }
            if (endStream) Stream.SendLocalReply(400, "a protobuf request needs a body"u8, "grpc_bridge_no_body");
        }
        _bridges = _frames || (Stream.Info.Protocol is HttpProtocol.Http11 or HttpProtocol.Http10 && GrpcStatus.IsGrpc(headers));
        return HeadersStatus.Continue;
    }

    public override BodyStatus OnRequestBody(ByteWriter body, bool endStream)
    {
        if (!_frames) return BodyStatus.Continue;
        if (!endStream) return BodyStatus.StopIterationAndBuffer;
        Frame(Stream.JoinBody(this, response: false));
        return BodyStatus.Continue;
    }

    public override TrailersStatus OnRequestTrailers(HeaderMap trailers)
    {
        if (_frames) Frame(Stream.BufferedRequestBody(this) ?? Stream.WritableBody(this, response: false));
        return TrailersStatus.Continue;
    }

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        if (!_bridges) return HeadersStatus.Continue;
        if (!endStream) return HeadersStatus.StopIteration;
        Complete(headers, headers, 0);
        return HeadersStatus.Continue;
    }

    public override BodyStatus OnResponseBody(ByteWriter body, bool endStream)
    {
        if (!_bridges) return BodyStatus.Continue;
        if (!endStream) return BodyStatus.StopIterationAndBuffer;
        // Without trailers it is no answer of gRPC, and passes as it is.
        return BodyStatus.Continue;
    }

    public override TrailersStatus OnResponseTrailers(HeaderMap trailers)
    {
        if (!_bridges) return TrailersStatus.Continue;
        Stream.KeepTrailersBack();
        var body = Stream.BufferedResponseBody(this);
        if (_frames && body is { Length: >= Prefix })
        {
            _work.Clear();
            _work.Write(body.Written[Prefix..]);
            body.Clear();
            body.Write(_work.Written);
        }
        Complete(Stream.ResponseHeaders, trailers, body?.Length ?? 0);
        return TrailersStatus.Continue;
    }

    public override void OnDestroy()
    {
        _bridges = _frames = false;
        _work.Release(keep: 16 * 1024);
    }

    // What the trailers say goes into the head.
    private void Complete(HeaderMap headers, HeaderMap from, int length)
    {
        if (!ReferenceEquals(headers, from))
        {
            if (from.Has(HeaderId.GrpcStatus)) headers.Set(HeaderId.GrpcStatus, from.Get(HeaderId.GrpcStatus));
            if (from.Has(HeaderId.GrpcMessage)) headers.Set(HeaderId.GrpcMessage, from.Get(HeaderId.GrpcMessage));
        }
        if (!from.Get(HeaderId.GrpcStatus).SequenceEqual("0"u8)) headers.Set(HeaderId.Status, "503"u8);
        if (_frames) headers.Set(HeaderId.ContentType, "application/x-protobuf"u8);
        _work.Clear();
        _work.Write(length);
        headers.Set(HeaderId.ContentLength, _work.Written);
    }

    private void Frame(ByteWriter message)
    {
        _work.Clear();
        _work.Write([0, 0, 0, 0, 0]);
        BinaryPrimitives.WriteInt32BigEndian(_work.Storage.Slice(1), message.Length);
        _work.Write(message.Written);
        message.Clear();
        message.Write(_work.Written);
    }
}
