using System.Buffers.Text;
using System.Security.Cryptography;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>One request and response on a stream of a client's HTTP/2 connection. Pooled with its stream.</summary>
internal sealed class Http2ServerExchange(Http2Stream stream) : ServerExchange
{
    private byte[] _peerText = [];
    private EventLoop _loop = null!;
    private bool _hasBody, _isHead, _bodiless, _endGiven;

    public Http2Stream Stream => stream;

    public override bool RequestHasBody => _hasBody;
    public override bool DeclaredEmptyBody => stream.ContentLength == 0;
    public override bool IsHead => _isHead;
    public override int ErrorStatus => 400;
    // Trailers are behind the last run of the body: it has not ended before they were asked for.
    public override bool BodyEnded => !_hasBody || (stream.BodyEnded && (_endGiven || !stream.HasTrailers));
    public override ReadOnlySpan<byte> PeerText => _peerText;

    /// <summary>The head is in the stream's map.</summary>
    /// <param name="loop">The connection's.</param>
    /// <param name="peerText">The client's address.</param>
    public void Begin(EventLoop loop, byte[] peerText)
    {
        (_loop, _peerText) = (loop, peerText);
        AsksUpgrade = stream.AsksUpgrade;
        // What comes on a stream that asks for another protocol is that protocol's.
        _hasBody = !AsksUpgrade && !stream.BodyEnded;
        _isHead = stream.Head.Get(HeaderId.Method).SequenceEqual("HEAD"u8);
        _bodiless = _endGiven = false;
        if (AsksUpgrade) CompleteUpgrade();
    }

    public override BodyResult TryReadBody(out ReadOnlyMemory<byte> piece)
    {
        piece = default;
        if (!_hasBody) return BodyResult.End;
        piece = stream.TakeBody();
        if (piece.Length > 0) return BodyResult.Data;
        if (stream.IsReset) return BodyResult.Error;
        _endGiven = stream.BodyEnded;
        return _endGiven ? BodyResult.End : BodyResult.NeedMore;
    }

    public override IoTask<int> FillAsync() => stream.ReadableAsync();
    public override void InterruptRead() => stream.InterruptRead();
    public override void InterruptWrite() => stream.InterruptWrite();

    public override IoTask<bool> WriteInformationalAsync(HeaderMap headers, int status)
    {
        headers.Remove(HeaderId.ContentLength);
        return new IoTask<bool>(stream.Connection is { } connection && connection.SendInformational(stream, headers, status));
    }

    public override int StartResponse(HeaderMap headers, bool ended)
    {
        int status = (int)FieldSyntax.ParseLength(headers.Get(HeaderId.Status));
        _bodiless = _isHead || status is 204 or 304;
        if (status is 204 or 101) headers.Remove(HeaderId.ContentLength);
        stream.SendHead(headers, upgrade: status == 101);
        return status;
    }

    public override bool TakeBackResponse() => stream.TryTakeBack();

    public override IoTask<int> WriteBodyAsync(ReadOnlyMemory<byte> piece) => _bodiless ? new IoTask<int>(0) : stream.WriteAsync(piece);

    public override void WriteEnd(HeaderMap? trailers) => stream.End(_bodiless ? null : trailers);

    public override IoTask<int> FlushAsync() => stream.FlushAsync();

    // The stream's window holds the rest back; behind the response it is reset without an error (RFC 9113 section 8.1).
    public override void AbandonRequest() { }

    public override void EndConnection() => stream.Connection?.Drain();

    public override void Abort() => stream.Reset(Http2Error.Internal);

    public override Transport Tunnel(out InputBuffer? begun)
    {
        begun = null;
        return new Http2StreamTransport(_loop, stream);
    }

    public override void FillInfo(StreamInfo info)
    {
        info.RequestHeaderBytes = (int)stream.HeadBytes;
        info.ResponseHeaderBytes = stream.OutHeadBytes;
        info.WireBytesReceived = stream.HeadBytes + stream.BytesReceived;
        info.WireBytesSent = stream.OutHeadBytes + stream.BytesSent;
    }

    // HTTP/1 has a key in its handshake, HTTP/2 has none (RFC 8441 section 5): a server of HTTP/1 wants one.
    private void CompleteUpgrade()
    {
        var headers = stream.Head;
        if (!FieldSyntax.EqualsIgnoreCase(headers.Get(HeaderId.Upgrade), "websocket"u8)
            || headers.TryGet("sec-websocket-key"u8, out _)) return;
        Span<byte> random = stackalloc byte[16], key = stackalloc byte[24];
        RandomNumberGenerator.Fill(random);
        Base64.EncodeToUtf8(random, key, out _, out _);
        headers.Add("sec-websocket-key"u8, key);
    }
}
