using System.Text;
using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Http;
using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;

/// <summary>
/// A client's HTTP/2 connection [4]: a stream for each request. Each request takes the version that is current at its beginning; a
/// connection without a successor in that version is drained.
/// </summary>
internal sealed class Http2ServerConnection : Http2Connection
{
    private readonly DownstreamConnection _downstream;
    private readonly WorkerContext _worker;
    private readonly Http2Requests _free;
    private readonly WheelTimer _timer;
    private readonly byte[] _peerText;
    private ConnectionManager _manager;
    private long _idleSince;
    private int _requests;

    /// <param name="downstream">The connection.</param>
    /// <param name="manager">What it is served by.</param>
    /// <param name="input">What was read of it already; null: nothing.</param>
    public Http2ServerConnection(DownstreamConnection downstream, ConnectionManager manager, InputBuffer? input)
        : base(downstream.Worker.Loop, downstream.Worker.Stats, downstream.Transport, manager.Http2, manager.Http2Stats,
            isServer: true, isSecure: downstream.Tls is not null, input)
    {
        _downstream = downstream;
        _worker = downstream.Worker;
        _manager = manager;
        _free = Http2Requests.Of(_worker);
        _peerText = Encoding.ASCII.GetBytes(downstream.RemoteAddress?.Address.ToString() ?? "");
        _timer = new WheelTimer(static c => ((Http2ServerConnection)c!).OnTimer(), this);
        downstream.OnDrain = static c => ((Http2ServerConnection)c!).OnDrain();
        downstream.OnCut = static c => ((Http2ServerConnection)c!).OnCut();
        downstream.OnPressed = static c => ((Http2ServerConnection)c!).OnPressed();
        downstream.HookState = this;
        Transport.PeerGone = null;
    }

    /// <summary>Of the version that it is on.</summary>
    public HttpStats Stats => _manager.Stats;

    public async IoTask<bool> ServeAsync()
    {
        _idleSince = _worker.NowMicros;
        if (_downstream.IsDraining) OnDrain(); else ArmTimer();
        try
        {
            await RunAsync();
        }
        finally
        {
            _worker.Timers.Remove(_timer);
        }
        if (CloseCode != Http2Error.None) _manager.CountProtocolError(_worker);
        return true;
    }

    protected override int Fill(bool large)
    {
        int n = base.Fill(large);
        if (n > 0) _worker.Stats.Add(_manager.Stats.CxRxBytes, n);
        return n;
    }

    protected override Http2Stream RentStream() => _free.Rent().Exchange.Stream;

    protected override void OnUnused(Http2Stream stream) => _free.Return((Http2Request)stream.Owner!);

    protected override void OnBegun(Http2Stream stream) => ServeAsync((Http2Request)stream.Owner!).Forget();

    protected override void OnBusy(bool busy)
    {
        if (!busy) _idleSince = _worker.NowMicros;
        if (!_downstream.IsDraining) ArmTimer();
    }

    private async IoTask<bool> ServeAsync(Http2Request request)
    {
        var (exchange, stream) = (request.Exchange, request.Stream);
        bool complete = false, whole = false;
        try
        {
            complete = await AnswerAsync(exchange, stream);
            whole = true;
        }
        finally
        {
            // What threw costs its stream; the object is not used again, as nobody knows what it still has.
            exchange.Stream.Finish(complete ? Http2Error.None : Http2Error.Internal);
            if (whole) _free.Return(request);
        }
        _worker.CountRequest();
        return true;
    }

    private async IoTask<bool> AnswerAsync(Http2ServerExchange exchange, HttpStream stream)
    {
        Rebind(); // [4.3] Take the version that is current.
        EndWhenDue();
        Identify(stream);
        exchange.Begin(_worker.Loop, _peerText);
        exchange.Stream.Gone = static s => ((HttpStream)s!).OnClientGone();
        exchange.Stream.GoneState = stream;
        if (exchange.Stream.RefusedStatus is > 0 and var status)
        {
            _manager.CountProtocolError(_worker);
            if (!stream.RequestHeaders.Has(HeaderId.Method)) stream.RequestHeaders.Clear();
            return await stream.RefuseAsync(exchange, _manager, _downstream.Generation, status, exchange.Stream.RefusedDetails);
        }
        stream.Begin(exchange, _manager, _downstream.Generation);
        bool complete = await stream.ServeAsync(); // [4.4] The stream, to its end.
        if (complete) await exchange.FlushAsync(); // the end of a tunnel may still be on its way
        return complete;
    }

    private void Identify(HttpStream stream)
    {
        var info = stream.Info;
        info.Protocol = HttpProtocol.Http2;
        info.ConnectionId = _downstream.Id;
        _downstream.Describe(info);
    }

    // The current version at the beginning of each request: one volatile read and a comparison when nothing changed. The options of the
    // codec are those that the connection began with: the client has been told of them.
    private void Rebind()
    {
        _downstream.Rebind();
        if (_downstream.Chain.Terminal is not HttpConnectionManagerFilter { Manager: var manager }
            || ReferenceEquals(manager, _manager)) return;
        if (_manager.Stats.CxActive != manager.Stats.CxActive)
        {
            _worker.Stats.Decrement(_manager.Stats.CxActive);
            _worker.Stats.Increment(manager.Stats.CxActive);
        }
        _manager = manager;
    }

    // The request under way is among the last.
    private void EndWhenDue()
    {
        _requests++;
        if (_downstream.IsDraining || _worker.Overload.EndsConnections
            || (_manager.MaxRequestsPerConnection > 0 && _requests >= _manager.MaxRequestsPerConnection)) Drain();
    }

    // How long it may stay as it is: idle, before its first request, in all.
    private void ArmTimer()
    {
        long left = long.MaxValue;
        if (Attached == 0)
        {
            left = Earlier(left, _manager.IdleMicros);
            if (_requests == 0) left = Earlier(left, _manager.RequestHeadersMicros);
        }
        if (_manager.MaxConnectionMicros > 0) left = Math.Min(left,
            Math.Max(1, _downstream.StartMicros + _manager.MaxConnectionMicros - _worker.NowMicros));
        if (left == long.MaxValue) _worker.Timers.Cancel(_timer); else _worker.Timers.Arm(_timer, left);
    }

    // 0 is no limit.
    private static long Earlier(long a, long b) => b > 0 ? Math.Min(a, b) : a;

    private void OnTimer()
    {
        if (_downstream.IsDraining) { FinishDrain(); return; }
        if (Attached == 0)
        {
            if (_manager.MaxConnectionMicros == 0 || _worker.NowMicros - _downstream.StartMicros < _manager.MaxConnectionMicros)
                _manager.CountIdleTimeout(_worker);
            FinishDrain();
        }
        else Drain();
    }

    private void OnDrain()
    {
        Drain();
        // The client's answer ends the first step sooner.
        long time = _downstream.IsHurried ? Math.Min(500_000, _downstream.IdleDrainMicros) : _downstream.IdleDrainMicros;
        _worker.Timers.Arm(_timer, Math.Max(1, time));
    }

    private void OnCut()
    {
        foreach (var stream in Streams) ((Http2Request)stream.Owner!).Stream.Cut();
        Abort(Http2Error.None, "");
    }

    private void OnPressed()
    {
        if (Attached == 0)
        {
            if (_worker.NowMicros - _idleSince < _worker.Overload.GraceMicros) return;
            _manager.CountIdleTimeout(_worker);
            FinishDrain();
            return;
        }
        foreach (var stream in Streams)
            if (!stream.BeginPending) ((Http2Request)stream.Owner!).Stream.OnPressed();
    }
}
