using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Codecs.Http1;

/// <summary>One request and response on an HTTP/1 connection. Pooled per worker: an idle connection holds none.</summary>
/// <param name="buffers">Of the worker.</param>
internal sealed class Http1ServerExchange(BufferPool buffers) : ServerExchange
{
    private readonly MessageWriter _writer = new(buffers);
    private readonly BodyReader _body = new();
    private Http1Wire _wire = null!;
    private HeaderMap _request = null!, _trailers = null!;
    private bool _head;
    private bool _closeDelimited;

    public RequestHead Head { get; } = new();
    public bool ResponseIsCloseDelimited => _closeDelimited;
    /// <summary>The connection cannot carry another request.</summary>
    public bool MustClose { get; set; }
    /// <summary>The response ended before its time: by a reset where the message has no other end.</summary>
    public bool CutShort { get; private set; }

    public override bool RequestHasBody => Head.HasBody;
    public override bool DeclaredEmptyBody => Head.ContentLength == 0;
    public override bool IsHead => _head;
    public override int ErrorStatus => _body.ErrorStatus;
    public override bool BodyEnded => _body.Done;
    public override ReadOnlySpan<byte> PeerText => _wire.PeerText;

    /// <param name="wire">The connection that it is on.</param>
    /// <param name="request">Where the request's head goes.</param>
    /// <param name="trailers">Likewise its trailers.</param>
    public void Begin(Http1Wire wire, HeaderMap request, HeaderMap trailers)
    {
        (_wire, _request, _trailers) = (wire, request, trailers);
        _writer.Begin(wire.Transport);
        _body.BeginNone();
        MustClose = CutShort = AsksUpgrade = _closeDelimited = _head = false;
    }

    /// <summary>The head is complete.</summary>
    public void BeginBody()
    {
        _head = _request.Get(HeaderId.Method).SequenceEqual("HEAD"u8);
        AsksUpgrade = Head.Upgrade;
        if (Head.Chunked) _body.BeginChunked(_trailers);
        else if (Head.ContentLength > 0) _body.BeginLength(Head.ContentLength);
        else _body.BeginNone();
    }

    public override BodyResult TryReadBody(out ReadOnlyMemory<byte> piece) => _body.Next(_wire.Input, out piece);

    public override IoTask<int> FillAsync()
    {
        if (_wire.Transport.MayRead && Fill() is var n && n != -Libc.EAgain) return new IoTask<int>(n);
        return WaitAndFillAsync();
    }

    private async IoTask<int> WaitAndFillAsync()
    {
        int n;
        do
        {
            _wire.Input.Settle();
            if (await _wire.Transport.ReadableAsync() is < 0 and var error) return error;
        }
        while ((n = Fill()) == -Libc.EAgain);
        return n;
    }

    private int Fill()
    {
        int n = _wire.Fill(_body.IsLong);
        if (n == 0) _body.Closed();
        return n;
    }

    /// <summary>After a request, however it ended: lets go of buffers.</summary>
    public void Release() => _writer.Release();

    // Only the body's reads belong to the stream; between requests the connection reads for itself.
    public override void InterruptRead() => _wire.Transport.CancelRead(Libc.EIntr);
    public override void InterruptWrite() => _wire.Transport.CancelWrite(Libc.EIntr);

    public override async IoTask<bool> WriteInformationalAsync(HeaderMap headers, int status)
    {
        if (Head.Minor == 0) return true; // RFC 9110 section 15.2: never to an HTTP/1.0 client
        ConnectionFields.Strip(headers);
        headers.Remove(HeaderId.ContentLength);
        headers.Remove(HeaderId.Upgrade);
        _writer.Informational(headers, status);
        return await _writer.FlushAsync() >= 0;
    }

    public override int StartResponse(HeaderMap headers, bool ended)
    {
        int status = (int)FieldSyntax.ParseLength(headers.Get(HeaderId.Status));
        if (status == 101 && Head.IsConnect)
        {
            _writer.ResponseHead(headers, 200, -1, false, default);
            return 200;
        }
        if (status == 101)
        {
            _writer.ResponseHead(headers, 101, -1, false, "upgrade"u8);
            return status;
        }
        bool bodiless = _head || status is 204 or 304 || status < 200;
        long length = headers.Has(HeaderId.ContentLength) ? FieldSyntax.ParseLength(headers.Get(HeaderId.ContentLength)) : -1;
        bool chunked = false;
        if (status == 204) length = -1;
        else if (!bodiless && length < 0)
        {
            if (ended) length = 0;
            else if (Head.Minor == 1) chunked = true;
            else
            {
                _closeDelimited = true;
                MustClose = true;
            }
        }
        // A body that is still coming when the answer leaves is not waited for: say so.
        MustClose |= Head.Close || _wire.ShouldClose;
        var connection = MustClose ? "close"u8 : Head.Minor == 0 ? "keep-alive"u8 : default;
        _writer.ResponseHead(headers, status, length, chunked, connection);
        return status;
    }

    public override bool TakeBackResponse()
    {
        if (!_writer.TryTakeBack()) return false;
        _closeDelimited = false;
        return true;
    }

    // Closing is all that HTTP/1 has to say.
    public override void AbandonRequest() => MustClose = true;
    public override void EndConnection() => MustClose = true;
    public override void Abort() => MustClose = CutShort = true;

    public override Transport Tunnel(out InputBuffer? begun)
    {
        MustClose = true;
        begun = _wire.Input;
        return _wire.Transport;
    }

    public override IoTask<int> WriteBodyAsync(ReadOnlyMemory<byte> piece) => _writer.WriteAsync(piece);
    public override void WriteEnd(HeaderMap? trailers) => _writer.End(trailers);
    public override IoTask<int> FlushAsync() => _writer.FlushAsync();

    public override void FillInfo(StreamInfo info)
    {
        info.WireBytesSent = _writer.BytesSent;
        info.ResponseHeaderBytes = (int)_writer.HeadBytes;
        info.RequestHeaderBytes = Head.HeadBytes;
        info.WireBytesReceived = Head.HeadBytes + info.BytesReceived;
    }
}
