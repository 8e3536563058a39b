using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http1;

/// <summary>
/// The upstream's side of one stream over HTTP/1.1: request out, response in. It lives as long as its connection and carries one request
/// after the other.
/// </summary>
internal sealed class Http1ClientExchange(Transport transport, BufferPool buffers) : ClientExchange
{
    private readonly InputBuffer _input = new(buffers);
    private readonly MessageWriter _writer = new(buffers);
    private readonly ResponseHead _head = new();
    private readonly BodyReader _body = new();
    private long _received;
    private bool _requestEnded;

    public override int Status => _head.IsWhole ? _head.Status : 0;
    // RFC 9110 section 7.8: not in HTTP/1.0.
    public override bool MayUpgrade => _head.Minor > 0;
    public override long WireBytesSent => _writer.BytesSent;
    public override long WireBytesReceived => _received;
    public override bool ReceivedAnything => _received > 0;
    public override bool BodyEnded => _body.Done;
    /// <summary>The connection cannot carry another request.</summary>
    public bool MustClose { get; private set; }

    /// <summary>All of request and response went over, and nothing beside them: the connection may carry the next.</summary>
    public bool IsReusable => _requestEnded && _body.Done && !MustClose && _input.Length == 0;

    public void Begin()
    {
        _requestEnded = false;
        _received = 0;
        _writer.Begin(transport);
    }

    /// <summary>Between two requests, and at the end: lets go of buffers.</summary>
    public void Rest()
    {
        _input.Release();
        _writer.Release();
    }

    public override void WriteHead(HeaderMap headers, long length, bool hasBody, bool upgrade)
        => _writer.RequestHead(headers, length, chunked: hasBody && length < 0, upgrade);

    public override IoTask<int> WriteBodyAsync(ReadOnlyMemory<byte> piece) => _writer.WriteAsync(piece);
    public override IoTask<int> FlushAsync() => _writer.FlushAsync();
    public override void WriteEnd(HeaderMap? trailers)
    {
        _requestEnded = true;
        _writer.End(trailers);
    }

    public override void BeginResponse(HeaderMap into) => _head.Begin(into);

    public override HeadResult TryReadHead() => _head.Read(_input);

    // The body's framing by RFC 9112 section 6.3.
    public override void BeginBody(bool isHead, HeaderMap trailers)
    {
        int status = _head.Status;
        if (isHead || status is 204 or 304 || status < 200)
        {
            // A body that must not be there may still come: keep it from the next response.
            if (!isHead && (_head.Chunked || _head.ContentLength > 0) && status != 304) MustClose = true;
            if (status == 304 && _head.Chunked) MustClose = true;
            _body.BeginNone();
        }
        else if (_head.Chunked) _body.BeginChunked(trailers);
        else if (_head.ContentLength >= 0) _body.BeginLength(_head.ContentLength);
        else
        {
            _body.BeginUntilClose();
            MustClose = true;
        }
        MustClose |= _head.Close;
    }

    public override BodyResult TryReadBody(out ReadOnlyMemory<byte> piece) => _body.Next(_input, out piece);

    public override IoTask<int> FillAsync()
    {
        if (transport.MayRead && Fill() is var n && n != -Libc.EAgain) return new IoTask<int>(n);
        return WaitAndFillAsync();
    }

    private async IoTask<int> WaitAndFillAsync()
    {
        int n;
        do
        {
            _input.Settle();
            if (await transport.ReadableAsync() is < 0 and var error) return error;
        }
        while ((n = Fill()) == -Libc.EAgain);
        return n;
    }

    private int Fill()
    {
        int n = _input.Fill(transport, _body.IsLong);
        if (n > 0) _received += n;
        else if (n == 0) _body.Closed();
        return n;
    }

    public override void InterruptRead() => transport.CancelRead(Libc.EIntr);
    public override void InterruptWrite() => transport.CancelWrite(Libc.EIntr);

    public override Transport Tunnel(out InputBuffer? begun)
    {
        MustClose = true;
        begun = _input;
        return transport;
    }
}
