using System.Buffers.Binary;
using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Http.LocalReply;

namespace Managed.Proxy.Http.Filters.GrpcWeb;

/// <summary>
/// gRPC-Web (grpc/grpc doc/PROTOCOL-WEB.md) towards the client, gRPC towards the service: the text form is Base64, and trailers, which a
/// browser does not show, become the last message of the body. What is no gRPC-Web passes untouched. As in Envoy, an answer that is no
/// gRPC becomes an error of which its body is the message.
/// </summary>
internal sealed class GrpcWebFilter : HttpFilter
{
    private const int MostMessage = 16 * 1024; // of an answer that is no gRPC, as in Envoy

    private readonly Base64Chunks _chunks = new();
    private readonly ByteWriter _work = new(0);
    private bool _web, _textIn, _textOut, _foreign;
    private int _foreignStatus;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        var type = headers.Get(HeaderId.ContentType);
        if (!TryKind(type, out var rest, out _textIn)) return HeadersStatus.Continue;
        _web = true;
        _textOut = TryKind(headers.Get(HeaderId.Accept), out _, out bool text) && text;
        _work.Clear();
        _work.Write("application/grpc"u8);
        _work.Write(rest);
        headers.Set(HeaderId.ContentType, _work.Written);
        headers.Remove(HeaderId.ContentLength);
        headers.Set(HeaderId.Te, "trailers"u8);
        headers.Set("grpc-accept-encoding"u8, "identity,deflate,gzip"u8);
        return HeadersStatus.Continue;
    }

    public override BodyStatus OnRequestBody(ByteWriter body, bool endStream)
    {
        if (!_textIn) return BodyStatus.Continue;
        _work.Clear();
        if (!_chunks.TryDecode(body.Written, _work) || (endStream && !_chunks.IsBetweenGroups))
        {
            Stream.SendLocalReply(400, "Bad gRPC-web request, invalid base64 data."u8, "grpc_base_64_decode_failed");
            return BodyStatus.StopIterationNoBuffer;
        }
        body.Clear();
        body.Write(_work.Written);
        return BodyStatus.Continue;
    }

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        if (!_web) return HeadersStatus.Continue;
        var type = headers.Get(HeaderId.ContentType);
        bool grpc = endStream ? headers.Has(HeaderId.GrpcStatus)
            : headers.Get(HeaderId.Status).SequenceEqual("200"u8) && type.StartsWith("application/grpc"u8);
        if (!grpc)
        {
            _foreign = true;
            _foreignStatus = (int)FieldSyntax.ParseLength(headers.Get(HeaderId.Status));
            if (!endStream) return HeadersStatus.StopIteration;
            SetError(headers, default);
            return HeadersStatus.Continue;
        }
        headers.Remove(HeaderId.ContentLength);
        SetType(headers);
        return HeadersStatus.Continue;
    }

    public override BodyStatus OnResponseBody(ByteWriter body, bool endStream)
    {
        if (!_web) return BodyStatus.Continue;
        if (_foreign)
        {
            if (!endStream) return BodyStatus.StopIterationAndBuffer;
            var whole = Stream.JoinBody(this, response: true);
            SetError(Stream.ResponseHeaders, whole.Written);
            whole.Clear();
            return BodyStatus.Continue;
        }
        if (_textOut) Encode(body);
        return BodyStatus.Continue;
    }

    public override TrailersStatus OnResponseTrailers(HeaderMap trailers)
    {
        if (!_web) return TrailersStatus.Continue;
        Stream.KeepTrailersBack();
        if (_foreign)
        {
            if (Stream.BufferedResponseBody(this) is { } kept)
            {
                SetError(Stream.ResponseHeaders, kept.Written);
                kept.Clear();
            }
            else SetError(Stream.ResponseHeaders, default);
            return TrailersStatus.Continue;
        }
        // A message whose first bit says that it is none: the fields as HTTP/1 has them.
        var body = Stream.WritableBody(this, response: true);
        _work.Clear();
        _work.Write([0x80, 0, 0, 0, 0]);
        int cursor = 0;
        while (trailers.Next(ref cursor, out ReadOnlySpan<byte> name, out var value))
        {
            _work.Write(name);
            _work.Write(": "u8);
            _work.Write(value);
            _work.Write("\r\n"u8);
        }
        BinaryPrimitives.WriteInt32BigEndian(_work.Storage.Slice(1), _work.Length - 5);
        if (_textOut) Base64Chunks.Encode(_work.Written, body); else body.Write(_work.Written);
        return TrailersStatus.Continue;
    }

    public override void OnDestroy()
    {
        _web = _textIn = _textOut = _foreign = false;
        _chunks.Reset();
        _work.Release(keep: 16 * 1024);
    }

    private void SetError(HeaderMap headers, ReadOnlySpan<byte> text)
    {
        SetType(headers);
        headers.Set(HeaderId.Status, "200"u8);
        _work.Clear();
        _work.Write(GrpcStatus.FromHttp(_foreignStatus));
        headers.Set(HeaderId.GrpcStatus, _work.Written);
        _work.Clear();
        GrpcReply.Encode(text[..Math.Min(text.Length, MostMessage)], _work);
        if (_work.Length > 0) headers.Set(HeaderId.GrpcMessage, _work.Written);
        headers.Set(HeaderId.ContentLength, "0"u8);
    }

    private void SetType(HeaderMap headers)
        => headers.Set(HeaderId.ContentType, _textOut ? "application/grpc-web-text+proto"u8 : "application/grpc-web+proto"u8);

    private void Encode(ByteWriter body)
    {
        if (body.Length == 0) return;
        _work.Clear();
        Base64Chunks.Encode(body.Written, _work);
        body.Clear();
        body.Write(_work.Written);
    }

    // application/grpc-web or -text, with what it says of its messages behind.
    private static bool TryKind(ReadOnlySpan<byte> type, out ReadOnlySpan<byte> rest, out bool text)
    {
        var web = "application/grpc-web"u8;
        rest = default;
        text = false;
        if (type.Length < web.Length || !Ascii.EqualsIgnoreCase(type[..web.Length], web)) return false;
        rest = type[web.Length..];
        text = rest.StartsWith("-text"u8);
        if (text) rest = rest["-text".Length..];
        return rest.IsEmpty || rest[0] is (byte)'+' or (byte)';';
    }
}
