using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http1;

/// <summary>
/// The upstream's side of one stream over HTTP/1.1: request out, response in. It lives as long as its connection and carries one request
/// after the other.
/// </summary>
internal sealed class Http1ClientExchange(Transport transport, BufferPool buffers) : Exchange
{
    /// <summary>
    /// More 1xx answers to one request are a fault of the endpoint: each costs the client a read, and there is no other end to them.
    /// A server sends one 100, and 102 or 103 a few times (RFC 8297 section 2 has it as often as it learns more).
    /// </summary>
    public const int MaxInformational = 20;

    private readonly InputBuffer _input = new(buffers);
    private readonly MessageWriter _writer = new();
    private readonly BodyReader _body = new();
    private bool _requestEnded;
    private int _informational;

    public ResponseHead Head { get; } = new();
    public long WireBytesSent => _writer.BytesSent;
    public long WireBytesReceived { get; private set; }
    public bool ReceivedAnything { get; private set; }
    public override bool BodyEnded => _body.Done;
    /// <summary>The connection cannot carry another request.</summary>
    public bool MustClose { get; private set; }

    /// <summary>All of request and response went over, and nothing beside them: the connection may carry the next.</summary>
    public bool IsReusable => _requestEnded && _body.Done && !MustClose && _input.Length == 0;

    public void Begin()
    {
        ReceivedAnything = _requestEnded = false;
        WireBytesReceived = 0;
        _informational = 0;
        _writer.Begin(transport);
    }

    /// <summary>Between two requests, and at the end: lets go of buffers.</summary>
    public void Rest()
    {
        _input.Release();
        _writer.Shrink();
    }

    public void WriteHead(HeaderMap headers, long contentLength, bool chunked, bool upgrade) => _writer.RequestHead(headers, contentLength, chunked, upgrade);
    public override IoTask<int> WriteBodyAsync(ReadOnlyMemory<byte> piece) => _writer.WriteAsync(piece);
    public override IoTask<int> FlushAsync() => _writer.FlushAsync();
    public override void WriteEnd(HeaderMap? trailers)
    {
        _requestEnded = true;
        _writer.End(trailers);
    }

    public void BeginResponse(HeaderMap into) => Head.Begin(into);

    /// <summary>One more 1xx answer; false: one too many.</summary>
    public bool CountInformational() => ++_informational <= MaxInformational;

    public HeadResult TryReadHead() => Head.Read(_input);

    /// <summary>Decides the body's framing once the head is there (RFC 9112 section 6.3).</summary>
    public void BeginBody(bool isHead, HeaderMap trailers)
    {
        int status = Head.Status;
        if (isHead || status is 204 or 304 || status < 200)
        {
            // A body that must not be there may still come: keep it from the next response.
            if (!isHead && (Head.Chunked || Head.ContentLength > 0) && status != 304) MustClose = true;
            if (status == 304 && Head.Chunked) MustClose = true;
            _body.BeginNone();
        }
        else if (Head.Chunked) _body.BeginChunked(trailers);
        else if (Head.ContentLength >= 0) _body.BeginLength(Head.ContentLength);
        else
        {
            _body.BeginUntilClose();
            MustClose = true;
        }
        MustClose |= Head.Close;
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
        if (n > 0)
        {
            WireBytesReceived += n;
            ReceivedAnything = true;
        }
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
