using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.Requests;

namespace Managed.Proxy.Http.Calls;

/// <summary>
/// What has come of a call: metadata, a message or trailing metadata of a stream, the answer of a unary call, or the end of a stream or of
/// a call that failed. Sent: a message that was given to be sent is with the connection.
/// </summary>
internal enum GrpcNews { Metadata, Message, Trailers, Answer, Close, Sent }

/// <summary>
/// A gRPC call, unary or streaming (grpc/grpc doc/PROTOCOL-HTTP2.md), on the asker's worker over the cluster's connections, by HTTP/2
/// whatever else the cluster speaks. The asker is never called within a call of its own: what comes is posted. Two pieces of straight-line
/// code: one sends what is given, the other reads. What waits to be sent and the message that is being read count against the memory of
/// the process.
/// </summary>
internal class GrpcCall
{
    /// <summary>gRPC's customary limit.</summary>
    public const int MaxMessage = 4 << 20;
    private const int MaxWaiting = 1000; // messages of a stream that are not sent yet
    // messages that have come and the asker has not been told of; then the stream's own flow control holds the server
    private const int MaxUnheard = 4;
    private const int Prefix = 5;
    private const int Unknown = 2, DeadlineExceeded = 4, ResourceExhausted = 8, Unimplemented = 12, Internal = 13, Unavailable = 14;

    private readonly Action<GrpcCall, GrpcNews, int, byte[]> _tell;
    private readonly WorkerContext _worker;
    private readonly UpstreamRequest _upstream;
    private readonly WheelTimer _timer;
    private readonly HeaderMap _request = new(), _head = new(), _trailers = new();
    private readonly List<(byte[] Framed, bool End)> _outgoing = [];
    private readonly Signal _toSend = new(), _sent = new(), _room = new();
    private readonly byte[] _prefix = new byte[Prefix];
    private byte[]? _message; // under way
    private int _prefixLength, _messageLength, _unheard, _next;
    private long _counted;
    private bool _started, _ended, _timedOut, _closed, _sending, _stopSending, _lingers;
    private (int Status, string Text) _outcome;

    /// <param name="worker">The asker's.</param>
    /// <param name="streaming">Messages go both ways until either side ends.</param>
    /// <param name="tell">On the worker: something has come, see <see cref="GrpcNews"/>; at the end the status and its text.</param>
    public GrpcCall(WorkerContext worker, bool streaming, Action<GrpcCall, GrpcNews, int, byte[]> tell)
    {
        (_tell, _worker, IsStreaming) = (tell, worker, streaming);
        _upstream = new UpstreamRequest(worker);
        _timer = new WheelTimer(static c => ((GrpcCall)c!).OnTimeout(), this);
    }

    public bool IsStreaming { get; }
    /// <summary>For the asker.</summary>
    public object? Tag { get; set; }
    /// <summary>Each message of a stream that is with the connection is told.</summary>
    public bool TellsSent { get; init; }
    /// <summary>Nothing more can be sent: the asker has ended, or the call is over.</summary>
    public bool IsClosed => _closed;
    /// <summary>Bytes that wait to be sent.</summary>
    public long Size { get; private set; }
    // What the present callback is about.
    public HeaderMap Metadata { get; private set; } = new();
    public byte[] Message { get; private set; } = [];
    public int Status { get; private set; }
    public byte[] StatusText { get; private set; } = [];

    /// <param name="cluster">Null: it is not there any more, and the call fails.</param>
    /// <param name="authority">The cluster's name.</param>
    /// <param name="path"><c>/package.Service/Method</c></param>
    /// <param name="metadata">Further fields.</param>
    /// <param name="timeout">Zero: none.</param>
    public void Start(Cluster? cluster, string authority, string path, IReadOnlyList<(string Name, string Value)> metadata,
        TimeSpan timeout)
    {
        if (timeout > TimeSpan.Zero) _worker.Timers.Arm(_timer, (long)timeout.TotalMicroseconds);
        Describe(authority, path, timeout);
        foreach (var (name, value) in metadata)
            if (name.ToLowerInvariant() is not ("content-type" or "te" or "grpc-timeout" or "content-length" or "host"))
                _request.Add(name, value);
        RunAsync(cluster).Forget();
    }

    /// <summary>The same with fields that are there already, in place of metadata; nothing limits the whole.</summary>
    public void Start(Cluster? cluster, string authority, string path, HeaderMap metadata)
    {
        Describe(authority, path, TimeSpan.Zero);
        int cursor = 0;
        while (metadata.Next(ref cursor, out HeaderId id, out var name, out var value))
            if (name[0] != ':' && id is not (HeaderId.ContentType or HeaderId.Te or HeaderId.ContentLength or HeaderId.Host))
                _request.Add(name, value);
        RunAsync(cluster).Forget();
    }

    private void Describe(string authority, string path, TimeSpan timeout)
    {
        _request.Add(HeaderId.Method, "POST"u8);
        _request.Add(":scheme", "http");
        _request.Add(":authority", authority);
        _request.Add(HeaderId.Path, Encoding.UTF8.GetBytes(path));
        _request.Add(HeaderId.ContentType, "application/grpc"u8);
        _request.Add(HeaderId.Te, "trailers"u8);
        _started = true;
        if (timeout > TimeSpan.Zero) GrpcTimeout.Set(_request, (long)timeout.TotalMicroseconds, _worker.Scratch);
    }

    /// <summary>False: more waits to be sent than may.</summary>
    public bool Send(ReadOnlySpan<byte> message, bool end)
    {
        if (_outgoing.Count >= MaxWaiting || _closed || _ended) return false;
        byte[] framed = new byte[Prefix + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), message.Length);
        message.CopyTo(framed.AsSpan(Prefix));
        _outgoing.Add((framed, end));
        _closed |= end;
        Size += message.Length;
        Count(framed.Length);
        _toSend.Set();
        return true;
    }

    /// <summary>The asker has been told of a message: another may be read.</summary>
    public void MakeRoom()
    {
        _unheard--;
        _room.Set();
    }

    /// <summary>What a callback that comes late is about.</summary>
    public void Show(HeaderMap metadata, byte[] message) => (Metadata, Message) = (metadata, message);

    /// <summary>Our side ends; what the server still says is delivered.</summary>
    public void CloseSend()
    {
        _closed = true;
        _toSend.Set();
    }

    /// <summary>Our side ends; the asker hears nothing more, and the server has so long to end too.</summary>
    public void Linger(long micros)
    {
        _ended = _lingers = true;
        CloseSend();
        _room.Set();
        _worker.Timers.Arm(_timer, Math.Max(1, micros));
    }

    /// <summary>The asker hears nothing more.</summary>
    public void Cancel()
    {
        _ended = _closed = true;
        if (!_started) Count(-_counted);
        Interrupt();
    }

    /// <summary>On the worker: nothing more comes.</summary>
    public void End(int status, byte[] text)
    {
        _ended = true;
        (Status, StatusText) = (status, text);
    }

    private bool IsStopped => (_ended && !_lingers) || _timedOut;

    private void Count(long bytes)
    {
        _counted += bytes;
        _worker.Loop.Buffers.Budget.Take(bytes);
    }

    private void OnTimeout()
    {
        _timedOut = true;
        if (!_lingers) _upstream.CountTimeout();
        Interrupt();
    }

    private void Interrupt()
    {
        _upstream.Stop();
        _upstream.Exchange?.InterruptWrite();
        _toSend.Set();
        _room.Set();
    }

    private async IoTask<bool> RunAsync(Cluster? cluster)
    {
        _outcome = (Unavailable, "no healthy upstream");
        try
        {
            if (cluster is not null && !IsStopped) await CallAsync(cluster);
        }
        catch (Exception e)
        {
            // Whatever it is, the asker must hear of the end, or it waits for ever.
            _worker.Reports.OnCrash(e);
            _outcome = (Internal, "internal error");
        }
        _worker.Timers.Remove(_timer);
        Count(-_counted);
        _outgoing.Clear();
        _closed = true;
        _upstream.End();
        _upstream.Forget();
        if (_timedOut) _outcome = (DeadlineExceeded, "deadline exceeded");
        var (status, text) = _outcome;
        Post(call => call._tell(call, call.IsStreaming || status != 0 ? GrpcNews.Close : GrpcNews.Answer, status,
            Encoding.UTF8.GetBytes(text)));
        return status == 0;
    }

    private async IoTask<bool> CallAsync(Cluster cluster)
    {
        _outcome = (Unavailable, "overflow");
        if (!_upstream.TryBegin(cluster, isRepeatable: false, isWhole: true, needsHttp2: true)) return false;
        UpstreamFailure failure;
        int status = 0;
        do
        {
            failure = await _upstream.AcquireAsync(default);
            if (!failure.IsNone) continue;
            var up = _upstream.Exchange!;
            failure = await ExchangeAsync(up);
            status = up.Status;
            if (!failure.IsNone && _ended) failure = UpstreamFailure.Cancelled;
        }
        while (_upstream.Finish(failure, status));
        if (failure.IsNone || failure.Reason is FailureReason.GivenUp or FailureReason.Cancelled) return failure.IsNone;
        _outcome = (Unavailable, failure.Reason switch
        {
            FailureReason.NoEndpoint => "no healthy upstream",
            FailureReason.Overflow => "overflow",
            FailureReason.Connect => "connection failure",
            FailureReason.Protocol => "protocol error",
            _ => "connection termination",
        });
        _upstream.CountAnswer(503);
        return false;
    }

    private async IoTask<UpstreamFailure> ExchangeAsync(ClientExchange up)
    {
        (_message, _prefixLength, _next, _stopSending, _sending) = (null, 0, 0, false, true);
        _sent.Reset();
        up.WriteHead(_request, -1, hasBody: true, upgrade: false);
        SendAsync(up).Forget();
        var failure = await ReadAsync(up);
        _stopSending = true;
        up.InterruptWrite();
        _toSend.Set();
        if (_sending) await _sent.WaitAsync();
        return failure;
    }

    private async IoTask<bool> SendAsync(ClientExchange up)
    {
        while (!_stopSending)
        {
            if (_next < _outgoing.Count)
            {
                var (framed, end) = _outgoing[_next];
                // What is streamed is not kept.
                if (IsStreaming) { _upstream.IsWhole = false; _outgoing.RemoveAt(0); } else _next++;
                if (await up.WriteBodyAsync(framed) < 0) break;
                if (IsStreaming)
                {
                    Size -= framed.Length - Prefix;
                    Count(-framed.Length);
                    if (TellsSent) Post(static call => call._tell(call, GrpcNews.Sent, 0, []));
                }
                if (!end) continue;
                _closed = true;
            }
            if (_next >= _outgoing.Count && _closed)
            {
                up.WriteEnd(null);
                await up.FlushAsync();
                break;
            }
            if (_next < _outgoing.Count) continue;
            if (await up.FlushAsync() < 0) break;
            await _toSend.WaitAsync();
        }
        _sending = false;
        _sent.Set();
        return true;
    }

    private async IoTask<UpstreamFailure> ReadAsync(ClientExchange up)
    {
        do
        {
            if (await _upstream.ReadHeadAsync(_head) is { IsNone: false } failed) return failed;
        }
        while (up.Status is < 200);
        up.BeginBody(isHead: false, _trailers);
        if (up.Status != 200)
        {
            _outcome = (up.Status == 404 ? Unimplemented : Unknown,
                string.Create(CultureInfo.InvariantCulture, $"HTTP status {up.Status}"));
            return UpstreamFailure.GivenUp;
        }
        bool trailersOnly = _head.Has(HeaderId.GrpcStatus);
        if (IsStreaming && !trailersOnly) PostFields(_head, GrpcNews.Metadata);
        while (!IsStopped)
        {
            switch (up.TryReadBody(out var piece))
            {
                case BodyResult.Data:
                    if (!await TakeAsync(piece)) return UpstreamFailure.GivenUp;
                    break;
                case BodyResult.End:
                    OnEnd(trailersOnly ? _head : _trailers, trailersOnly);
                    return default;
                case BodyResult.NeedMore:
                    if (await up.FillAsync() is < 0 and not -Libc.EIntr) return UpstreamFailure.Closed;
                    break;
                default:
                    return UpstreamFailure.Closed;
            }
        }
        return UpstreamFailure.GivenUp;
    }

    // Messages, each behind its five bytes. False: it cannot go on.
    private async IoTask<bool> TakeAsync(ReadOnlyMemory<byte> piece)
    {
        while (piece.Length > 0)
        {
            if (_message is null)
            {
                _prefix[_prefixLength++] = piece.Span[0];
                piece = piece[1..];
                if (_prefixLength < Prefix) continue;
                uint length = BinaryPrimitives.ReadUInt32BigEndian(_prefix.AsSpan(1));
                if (_prefix[0] != 0 || length > MaxMessage)
                {
                    _outcome = (Internal, _prefix[0] != 0 ? "a compressed message was not asked for" : "a message is cut or too large");
                    return false;
                }
                if (length > 64 * 1024 && _worker.Loop.Buffers.Budget.IsSpent)
                {
                    _outcome = (ResourceExhausted, "there is no memory for a message");
                    return false;
                }
                Count(length);
                (_message, _messageLength, _prefixLength) = (new byte[length], 0, 0);
            }
            int n = Math.Min(piece.Length, _message.Length - _messageLength);
            piece.Span[..n].CopyTo(_message.AsSpan(_messageLength));
            _messageLength += n;
            piece = piece[n..];
            if (_messageLength == _message.Length && !await GiveAsync()) return false;
        }
        return true;
    }

    private async IoTask<bool> GiveAsync()
    {
        byte[] message = _message!;
        _message = null;
        Count(-message.Length);
        if (_lingers) return true; // nobody listens
        if (!IsStreaming) { Message = message; return true; }
        while (_unheard >= MaxUnheard && !IsStopped) await _room.WaitAsync();
        _unheard++;
        Post(call => { call.Message = message; call._tell(call, GrpcNews.Message, 0, []); });
        return !IsStopped;
    }

    private void OnEnd(HeaderMap fields, bool trailersOnly)
    {
        if (_message is not null || _prefixLength > 0) { _outcome = (Internal, "a message is cut or too large"); return; }
        if (IsStreaming && !trailersOnly) PostFields(_trailers, GrpcNews.Trailers);
        if (!fields.Has(HeaderId.GrpcStatus)) { _outcome = (Unknown, "the answer ends without a status"); return; }
        int status = int.TryParse(Encoding.ASCII.GetString(fields.Get(HeaderId.GrpcStatus)), NumberStyles.None,
            CultureInfo.InvariantCulture, out int code) ? code : Unknown;
        _outcome = (status, Uri.UnescapeDataString(Encoding.Latin1.GetString(fields.Get(HeaderId.GrpcMessage))));
    }

    private void PostFields(HeaderMap fields, GrpcNews news)
    {
        var map = new HeaderMap();
        map.CopyFrom(fields);
        map.Remove(HeaderId.Status);
        Post(call => { call.Metadata = map; call._tell(call, news, 0, []); });
    }

    private void Post(Action<GrpcCall> action) => _worker.Post(static s =>
    {
        var (call, what) = ((GrpcCall, Action<GrpcCall>))s!;
        if (!call._ended) what(call);
    }, (this, action));
}
