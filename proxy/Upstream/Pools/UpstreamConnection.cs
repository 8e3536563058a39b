using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Codecs.Http1;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Upstream.Pools;

/// <summary>One HTTP/1.1 connection to an endpoint, on one worker: idle in its pool or carrying one request.</summary>
internal sealed class UpstreamConnection : Exchange
{
    private readonly Worker _worker;
    private readonly InputBuffer _input;
    private readonly MessageWriter _writer = new();
    private readonly BodyReader _body = new();
    private readonly WheelTimer _timer;
    private bool _requestEnded;
    private int _informational;

    public UpstreamConnection(Worker worker, EndpointPool pool, Transport transport)
    {
        _worker = worker;
        Pool = pool;
        Transport = transport;
        _input = new InputBuffer(worker.Loop.Buffers);
        _timer = new WheelTimer(static c => ((UpstreamConnection)c!).OnIdleTimeout(), this);
        transport.PeerGone = static (c, _) => ((UpstreamConnection)c!).OnPeerGone();
        transport.PeerGoneState = this;
        Id = worker.NextId();
    }

    public EndpointPool Pool { get; }
    public Transport Transport { get; }
    /// <summary>Null without TLS.</summary>
    public TlsConnection? Tls { get; init; }
    public ulong Id { get; }
    public ResponseHead Head { get; } = new();
    /// <summary>Requests it has carried, the present one included.</summary>
    public int Requests { get; private set; }
    public bool IsIdle { get; private set; }
    /// <summary>It has already carried a request: a failure before the first response byte may be the endpoint's idle time-out.</summary>
    public bool IsReused => Requests > 1;
    public long WireBytesSent => _writer.BytesSent;
    public long WireBytesReceived { get; private set; }
    public bool ReceivedAnything { get; private set; }
    public override bool BodyEnded => _body.Done;

    public void BeginRequest()
    {
        IsIdle = false;
        Transport.WatchIdle(false);
        _worker.Timers.Cancel(_timer);
        Requests++;
        ReceivedAnything = _requestEnded = false;
        WireBytesReceived = 0;
        _informational = 0;
        _writer.Begin(Transport);
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

    /// <summary>
    /// More 1xx answers to one request are a fault of the endpoint: each costs the client a read, and there is no other end to them.
    /// A server sends one 100, and 102 or 103 a few times (RFC 8297 section 2 has it as often as it learns more).
    /// </summary>
    public const int MaxInformational = 20;

    /// <summary>One more 1xx answer; false: one too many.</summary>
    public bool CountInformational() => ++_informational <= MaxInformational;

    public HeadResult TryReadHead() => Head.Read(_input);

    /// <summary>Decides the body's framing once the head is there (RFC 9112 section 6.3). False: the connection cannot be used again whatever comes.</summary>
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

    public bool MustClose { get; set; }
    public bool EndsByClose => _body.IsUntilClose;

    public override BodyResult TryReadBody(out ReadOnlyMemory<byte> piece) => _body.Next(_input, out piece);

    public override IoTask<int> FillAsync()
    {
        if (Transport.MayRead && Fill() is var n && n != -Libc.EAgain) return new IoTask<int>(n);
        return WaitAndFillAsync();
    }

    private async IoTask<int> WaitAndFillAsync()
    {
        int n;
        do
        {
            _input.Settle();
            if (await Transport.ReadableAsync() is < 0 and var error) return error;
        }
        while ((n = Fill()) == -Libc.EAgain);
        return n;
    }

    private int Fill()
    {
        int n = _input.Fill(Transport, _body.IsLong);
        if (n > 0)
        {
            WireBytesReceived += n;
            ReceivedAnything = true;
        }
        else if (n == 0) _body.Closed();
        return n;
    }

    public override void InterruptRead() => Transport.CancelRead(Libc.EIntr);
    public override void InterruptWrite() => Transport.CancelWrite(Libc.EIntr);

    /// <summary>What follows a 101 response: raw bytes that are already here.</summary>
    public InputBuffer Input => _input;

    /// <summary>The request is over. Keeps the connection for the next one when the protocol allows.</summary>
    public void Finish(bool complete)
    {
        bool reusable = complete && _requestEnded && _body.Done && !MustClose && _input.Length == 0 && !Transport.IsClosed;
        int limit = Pool.State.MaxRequestsPerConnection;
        // More bytes than the response had, or an end: either makes the connection useless.
        if (!reusable || (limit > 0 && Requests >= limit) || Pool.IsRetired || Transport.HasUnread()) { Close(!complete); return; }
        _input.Release();
        _writer.Shrink();
        IsIdle = true;
        Transport.WatchIdle(true);
        if (Pool.State.IdleTimeoutMicros > 0) _worker.Timers.Arm(_timer, Pool.State.IdleTimeoutMicros);
        Pool.Return(this);
    }

    public void Close(bool reset = false)
    {
        if (Transport.IsClosed && !IsIdle && Pool.Forgotten(this)) return;
        IsIdle = false;
        _worker.Timers.Remove(_timer);
        _input.Release();
        Transport.Close(reset);
        Pool.Closed(this);
    }

    private void OnIdleTimeout()
    {
        if (!IsIdle) return;
        Pool.RemoveIdle(this);
        Close();
    }

    private void OnPeerGone()
    {
        if (!IsIdle) return;
        Pool.RemoveIdle(this);
        Close();
    }
}
