using System.Buffers.Text;
using System.Security.Cryptography;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>
/// One request and its response on a stream of a connection that we have opened. Pooled: one request after another, on any connection.
/// </summary>
internal sealed class Http2ClientExchange : ClientExchange
{
    private readonly EventLoop _loop;
    private readonly Http2Stream _stream;
    private readonly HeaderMap _head = new(), _trailers = new(), _early = new(); // what comes before anybody has asked for it
    private HeaderMap _request = null!;
    private HeaderMap? _into;
    private int _status;
    private bool _upgrade, _refusedUpgrade, _endGiven;

    public Http2ClientExchange(EventLoop loop)
    {
        _loop = loop;
        _stream = new Http2Stream(loop) { Owner = this, Early = _early };
    }

    public override int Status => _status;
    public override bool MayUpgrade => _upgrade;
    public override bool ReceivedAnything => _stream.HasHead || _status > 0 || _stream.HasEarly;
    public override long WireBytesSent => _stream.OutHeadBytes + _stream.BytesSent;
    public override long WireBytesReceived => _stream.HeadBytes + _stream.BytesReceived;
    // Trailers are behind the last run of the body: it has not ended before they were asked for.
    public override bool BodyEnded => _stream.BodyEnded && (_endGiven || !_stream.HasTrailers);

    public override bool IsHttp2 => true;
    public override bool IsRefused => _stream.IsRefused;
    public override bool IsResetByPeer => _stream is { IsResetByPeer: true, Connection.IsOver: false };

    /// <summary>Begins a request on a connection that has room.</summary>
    public void Begin(Http2ClientConnection connection)
    {
        _head.Clear();
        _trailers.Clear();
        (_stream.Head, _stream.Trailers, _into) = (_head, _trailers, null);
        (_status, _upgrade, _refusedUpgrade, _endGiven) = (0, false, false, false);
        connection.Attach(_stream);
    }

    /// <summary>The request is over: what is not over of its stream is reset.</summary>
    public void Finish()
    {
        _stream.Finish(Http2Error.Cancel);
        _head.Shrink();
        _trailers.Shrink();
        _early.Shrink();
    }

    public override void WriteHead(HeaderMap headers, long length, bool hasBody, bool upgrade)
    {
        _upgrade = upgrade;
        _request = headers;
        // RFC 8441 section 3: only to a peer that has said so; a CONNECT to a host is as old as HTTP/2.
        _refusedUpgrade = upgrade && !headers.Get(HeaderId.Method).SequenceEqual("CONNECT"u8)
            && _stream.Connection is not { Peer.EnableConnectProtocol: true };
        if (_refusedUpgrade) return;
        _stream.IsBodiless = headers.Get(HeaderId.Method).SequenceEqual("HEAD"u8);
        _stream.SendHead(headers, upgrade, length);
    }

    public override IoTask<int> WriteBodyAsync(ReadOnlyMemory<byte> piece) => _stream.WriteAsync(piece);

    public override void WriteEnd(HeaderMap? trailers)
    {
        // What asks for another protocol stays open for it.
        if (!_upgrade) _stream.End(trailers);
    }

    public override IoTask<int> FlushAsync() => _stream.FlushAsync();

    public override void BeginResponse(HeaderMap into)
    {
        into.Clear();
        _into = into;
        if (!_stream.HasHead) _stream.Head = into;
    }

    public override HeadResult TryReadHead()
    {
        if (_refusedUpgrade || (_stream.IsReset && !_stream.IsResetByPeer && _stream.ResetCode != Http2Error.RefusedStream))
            return HeadResult.Error;
        if (_stream.HasEarly)
        {
            _stream.HasEarly = false;
            // The final head may be there already, in the very map that this one goes into; or it comes while that is in use.
            if (_stream.HasHead && ReferenceEquals(_stream.Head, _into)) _head.CopyFrom(_into!);
            _stream.Head = _head;
            _into!.CopyFrom(_early);
            _status = (int)FieldSyntax.ParseLength(_early.Get(HeaderId.Status));
            return HeadResult.Done;
        }
        if (!_stream.HasHead || _stream.HeadSeen) return HeadResult.NeedMore;
        _stream.HeadSeen = true;
        if (!ReferenceEquals(_stream.Head, _into)) _into!.CopyFrom(_stream.Head);
        _status = _stream.Status;
        if (_upgrade && _status is >= 200 and < 300) Switch();
        return HeadResult.Done;
    }

    public override void BeginBody(bool isHead, HeaderMap trailers)
    {
        if (_stream.HasTrailers) trailers.CopyFrom(_stream.Trailers);
        else
        {
            trailers.Clear();
            _stream.Trailers = trailers;
        }
    }

    public override BodyResult TryReadBody(out ReadOnlyMemory<byte> piece)
    {
        piece = _stream.TakeBody();
        if (piece.Length > 0) return BodyResult.Data;
        if (_stream.IsReset) return BodyResult.Error;
        _endGiven = _stream.BodyEnded;
        return _endGiven ? BodyResult.End : BodyResult.NeedMore;
    }

    public override IoTask<int> FillAsync() => _stream.ReadableAsync();
    public override void InterruptRead() => _stream.InterruptRead();
    public override void InterruptWrite() => _stream.InterruptWrite();

    public override Transport Tunnel(out InputBuffer? begun)
    {
        begun = null;
        return new Http2StreamTransport(_loop, _stream);
    }

    // The answer to an extended CONNECT, in the words that HTTP/1 has for it: with the proof that a client of HTTP/1 asked for (RFC 6455
    // section 4.2.2), which nobody computes over HTTP/2 (RFC 8441 section 5).
    private void Switch()
    {
        _status = 101;
        _into!.Set(HeaderId.Status, "101"u8);
        if (_request.Has(HeaderId.Upgrade)) _into.Set(HeaderId.Upgrade, _request.Get(HeaderId.Upgrade));
        if (!_request.TryGet("sec-websocket-key"u8, out var key) || key.Length > 64
            || _into.TryGet("sec-websocket-accept"u8, out _)) return;
        ReadOnlySpan<byte> salt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"u8;
        Span<byte> text = stackalloc byte[key.Length + salt.Length], hash = stackalloc byte[20], proof = stackalloc byte[28];
        key.CopyTo(text);
        salt.CopyTo(text[key.Length..]);
        SHA1.HashData(text, hash);
        Base64.EncodeToUtf8(hash, proof, out _, out _);
        _into.Add("sec-websocket-accept"u8, proof);
    }
}
