using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>
/// One stream as its consumer sees it: a head, a body and trailers that come in, the same that go out, resets both ways. Pooled by its
/// owner: the connection knows it from the moment it is attached to its <see cref="Finish"/>.
/// <para>Protocol of use: one piece of straight-line code reads and one writes; at most one <see cref="ReadableAsync"/> and one of
/// <see cref="WriteAsync"/> and <see cref="FlushAsync"/> at a time. Results are 0 or more, or -errno: -ECONNRESET once the stream is reset
/// or
/// its connection gone, -EINTR after an interruption. What was given to be sent is taken, in the order of the calls, when the stream's
/// turn comes: maps and pieces must stay as they are until the write or a flush has completed.</para>
/// </summary>
internal sealed class Http2Stream(EventLoop loop)
{
    // Below this, copying costs less than being resumed; what is copied waits for the same turn of the loop.
    private const int CopyBelow = 4096, CopiedMost = 16 * 1024;

    private readonly IoSource<int> _read = new(), _write = new();
    private bool _reading, _writing;

    /// <summary>0: not known to the peer yet.</summary>
    public int Id { get; internal set; }
    /// <summary>Null before it is attached and after its end.</summary>
    public Http2Connection? Connection { get; internal set; }
    /// <summary>What comes in: set by the owner before it is attached.</summary>
    public HeaderMap Head { get; set; } = null!;
    public HeaderMap Trailers { get; set; } = null!;
    public HeaderMap? Early { get; set; }
    /// <summary>
    /// Called once, on the loop, when the peer has reset the stream or the connection is gone; not after <see cref="Finish"/>.
    /// </summary>
    public Action<object?>? Gone { get; set; }
    public object? GoneState { get; set; }
    /// <summary>Whoever has it; stays with it.</summary>
    public object? Owner { get; init; }

    // ---- what comes in; written by the connection

    /// <summary>A final head has come, in <see cref="Head"/>.</summary>
    public bool HasHead { get; internal set; }
    /// <summary>
    /// An informational head has come, in <see cref="Early"/>; whoever has read it takes this back, and one that comes before that replaces
    /// it.
    /// </summary>
    public bool HasEarly { get; set; }
    /// <summary>Of a response.</summary>
    public int Status { get; internal set; }
    /// <summary>Of a response: the consumer has seen that there is a head.</summary>
    public bool HeadSeen { get; set; }
    /// <summary>Of a response: it has no body whatever its fields say (to HEAD, 204, 304).</summary>
    public bool IsBodiless { get; set; }
    /// <summary>The peer wants no more of what we send, and is right: its answer is complete (RFC 9113 section 8.1).</summary>
    public bool IsStopped { get; internal set; }
    /// <summary>Nothing more comes: END_STREAM. There may still be something in the queue.</summary>
    public bool RemoteEnded { get; internal set; }
    public bool HasTrailers { get; internal set; }
    /// <summary>It was reset, by either side, or its connection is gone.</summary>
    public bool IsReset { get; internal set; }
    public bool IsResetByPeer { get; internal set; }
    public Http2Error ResetCode { get; internal set; }
    /// <summary>The peer has certainly not begun to work on it: a request may be sent again (RFC 9113 section 8.7).</summary>
    public bool IsRefused { get; internal set; }
    /// <summary>The request asks for another protocol on the stream.</summary>
    public bool AsksUpgrade { get; internal set; }
    /// <summary>What the request is to be answered with instead of being served; 0: nothing is wrong with it.</summary>
    public int RefusedStatus { get; internal set; }
    public string RefusedDetails { get; internal set; } = "";
    /// <summary>-1: not said.</summary>
    public long ContentLength { get; internal set; }
    /// <summary>Bytes of the head, decoded.</summary>
    public long HeadBytes { get; internal set; }
    public long BytesReceived { get; internal set; }
    public long BytesSent { get; internal set; }
    /// <summary>Bytes of the head that we have sent, as sent.</summary>
    public int OutHeadBytes { get; internal set; }
    internal BodyQueue Body { get; } = new(loop.Buffers);
    internal int ReceiveWindow, Credit;
    internal long StartMicros;

    // ---- what goes out; the connection's composer takes it

    internal HeaderMap? OutHead;
    internal bool OutIsUpgrade, OutEnd, LocalEnded;
    internal HeaderMap? OutTrailers;
    internal long OutLength;
    internal ByteWriter Copied { get; } = new(loop.Buffers);
    internal int CopiedTaken;
    internal ReadOnlyMemory<byte> Piece;
    internal int SendWindow;
    internal StreamQueue? Queue;
    internal Http2Stream? Next, Previous;
    internal bool WakePending, GonePending, TakenPending, BeginPending, IsOpen;
    internal int Pending => Copied.Length - CopiedTaken + Piece.Length;
    internal bool HasOut => OutHead is not null || Pending > 0 || (OutEnd && !LocalEnded);

    /// <summary>Everything that came was taken, and nothing more comes.</summary>
    public bool BodyEnded => RemoteEnded && !Body.HasMore;

    /// <summary>
    /// The next run of the body, valid until the next call; empty when there is none (see <see cref="BodyEnded"/>). To ask is to say that
    /// the former is done with: its bytes are what the peer may send anew.
    /// </summary>
    public ReadOnlyMemory<byte> TakeBody()
    {
        if (Body.Taken() is > 0 and var taken) Connection?.OnTaken(this, taken);
        return Body.Give();
    }

    /// <summary>Completes with 1 when there is something to read: a head, body, the end; see the type for the rest.</summary>
    public IoTask<int> ReadableAsync()
    {
        if (Body.Taken() is > 0 and var taken) Connection?.OnTaken(this, taken);
        if (IsReadable) return new IoTask<int>(IsReset ? -Libc.EConnReset : 1);
        _reading = true;
        return new IoTask<int>(_read);
    }

    /// <summary>Sends a head. It leaves with what follows in this turn of the loop.</summary>
    /// <param name="headers">Must not change before it is taken.</param>
    /// <param name="upgrade">Of a request: an extended CONNECT; of a response: the answer to one, a 101 that goes out as 200 (RFC 8441
    /// section 5).</param>
    /// <param name="length">Of a request: the body's; -1: it is not said.</param>
    public void SendHead(HeaderMap headers, bool upgrade = false, long length = -1)
    {
        OutHead = headers;
        OutLength = length;
        OutIsUpgrade = upgrade;
        Connection?.OnOut(this);
    }

    /// <summary>Forgets a head of which no byte has left; false when it is too late.</summary>
    public bool TryTakeBack()
    {
        if (OutHead is null) return false;
        OutHead = null;
        DropBody();
        OutEnd = false;
        OutTrailers = null;
        return true;
    }

    /// <summary>
    /// Sends a part of the body. What is short is copied and this completes at once; else when the peer's windows have let all of it
    /// through.
    /// </summary>
    public IoTask<int> WriteAsync(ReadOnlyMemory<byte> piece)
    {
        if (WriteError < 0) return new IoTask<int>(WriteError);
        if (piece.Length < CopyBelow && Copied.Length + piece.Length <= CopiedMost)
        {
            Copied.Write(piece.Span);
            Connection?.OnOut(this);
            return new IoTask<int>(0);
        }
        Piece = piece;
        return WaitForOut();
    }

    /// <summary>Nothing follows but these trailers, if any; they must stay until the flush has completed.</summary>
    public void End(HeaderMap? trailers)
    {
        OutEnd = true;
        OutTrailers = trailers;
        Connection?.OnOut(this);
    }

    /// <summary>Completes when everything was taken.</summary>
    public IoTask<int> FlushAsync()
    {
        if (WriteError < 0) return new IoTask<int>(WriteError);
        return HasOut ? WaitForOut() : new IoTask<int>(0);
    }

    public void InterruptRead()
    {
        if (_reading) EndRead(-Libc.EIntr);
    }

    /// <summary>What waits to be sent is lost, so reset or finish it afterwards.</summary>
    public void InterruptWrite()
    {
        Piece = default;
        if (_writing) EndWrite(-Libc.EIntr);
    }

    /// <summary>Ends it in both directions at once, unless it has ended.</summary>
    public void Reset(Http2Error code) => Connection?.OnResetByUs(this, code);

    /// <summary>
    /// The consumer is done: what is still open is reset. The object may be used for another stream afterwards.
    /// </summary>
    public void Finish(Http2Error code = Http2Error.Cancel)
    {
        Connection?.OnFinished(this, code);
        DropBody();
        Body.Clear();
        Copied.Release();
        Connection = null;
        Gone = null;
        GoneState = null;
        OutHead = OutTrailers = null;
        Id = Credit = SendWindow = ReceiveWindow = RefusedStatus = Status = 0;
        HasHead = HasEarly = HeadSeen = IsBodiless = IsStopped = RemoteEnded
            = HasTrailers = IsReset = IsResetByPeer = IsRefused = AsksUpgrade = false;
        OutIsUpgrade = OutEnd = LocalEnded = WakePending = GonePending = TakenPending = BeginPending = IsOpen = false;
        RefusedDetails = "";
        ContentLength = -1;
        HeadBytes = BytesReceived = BytesSent = OutHeadBytes = 0;
        ResetCode = Http2Error.None;
    }

    internal bool IsReadable => IsReset || HasEarly || (HasHead && !HeadSeen) || Body.HasMore || RemoteEnded;
    internal int WriteError => IsReset ? -Libc.EConnReset : IsStopped ? -Libc.EPipe : 0;

    internal void OnReadable()
    {
        if (_reading && IsReadable) EndRead(IsReset ? -Libc.EConnReset : 1);
    }

    internal void OnTakenOut()
    {
        if (_writing && (WriteError < 0 || !HasOut)) EndWrite(WriteError);
    }

    internal void DropBody()
    {
        Copied.Clear();
        CopiedTaken = 0;
        Piece = default;
    }

    private IoTask<int> WaitForOut()
    {
        if (Connection is null) return new IoTask<int>(-Libc.EConnReset);
        Connection.OnOut(this);
        if (WriteError < 0) return new IoTask<int>(WriteError);
        _writing = true;
        return new IoTask<int>(_write);
    }

    private void EndRead(int result)
    {
        _reading = false;
        _read.Complete(result);
    }

    private void EndWrite(int result)
    {
        _writing = false;
        _write.Complete(result);
    }
}
