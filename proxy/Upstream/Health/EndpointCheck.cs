using System.Text;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.Pools;

namespace Managed.Proxy.Upstream.Health;

/// <summary>
/// The checks of one endpoint, one after another until <see cref="Stop"/>, over connections of their own that are made as those of requests
/// are. On the loop of the checks.
/// </summary>
internal sealed class EndpointCheck
{
    private readonly WorkerContext _worker;
    private readonly HealthCheckPlan _plan;
    private readonly UpstreamSocket? _socket;
    private readonly EndpointPool _pool;
    private readonly ClusterLimits _limits;
    private readonly byte[] _authority;
    private readonly Action<EndpointCheck, CheckResult> _done;
    private readonly ConnectAttempt _attempt = new();
    private readonly WheelTimer _pauseTimer, _timer;
    private readonly Signal _pause = new();
    private readonly HeaderMap _request = new(), _response = new(), _trailers = new();
    private readonly ByteWriter _body = new(0);
    private UpstreamConnection? _kept; // of TCP: from check to check
    private ClientExchange? _exchange;
    private bool _stopped, _timedOut;

    /// <param name="worker">Of the loop.</param>
    /// <param name="endpoint">Whose health it is.</param>
    /// <param name="probed">What is connected to: the endpoint's address, or another for checks.</param>
    /// <param name="plan">How.</param>
    /// <param name="cluster">Whose it is.</param>
    /// <param name="socket">What its connections are made with; null: as they are.</param>
    /// <param name="state">Of the checks' connections.</param>
    /// <param name="own">What the endpoint itself says of its checks; null: nothing.</param>
    /// <param name="done">Told what each check finds; it says when the next is due.</param>
    public EndpointCheck(WorkerContext worker, Endpoint endpoint, Endpoint probed, HealthCheckPlan plan, ClusterConfig cluster,
        UpstreamSocket? socket, ClusterState state, EndpointHealthCheckConfig? own, Action<EndpointCheck, CheckResult> done)
    {
        (_worker, Endpoint, _plan, _socket, Own, _done) = (worker, endpoint, plan, socket, own, done);
        _pool = new EndpointPool(worker, probed, state);
        _limits = new ClusterLimits(cluster) { MaxConnections = long.MaxValue, ConnectTimeoutMicros = plan.TimeoutMicros,
            IdleTimeoutMicros = 0, MaxRequestsPerConnection = 0 };
        _authority = Encoding.UTF8.GetBytes(own is { Hostname.Length: > 0 } ? own.Hostname : cluster.Name);
        _pauseTimer = new WheelTimer(static c => ((EndpointCheck)c!)._pause.Set(), this);
        _timer = new WheelTimer(static c => ((EndpointCheck)c!).OnTimeout(), this);
        Verdict = new HealthVerdict(endpoint);
    }

    public Endpoint Endpoint { get; }
    public HealthVerdict Verdict { get; }
    public HealthCheckPlan Plan => _plan;
    public EndpointHealthCheckConfig? Own { get; }
    /// <summary>None is done yet.</summary>
    public bool IsFirst { get; set; } = true;
    /// <summary>Until the next check; set by whoever is told of the last.</summary>
    public long PauseMicros { get; set; }

    public void Start()
    {
        PauseMicros = _plan.InitialJitterMicros > 0 ? (long)(_worker.NextRandom() % (ulong)_plan.InitialJitterMicros) : 0;
        RunAsync().Forget();
    }

    public void Stop()
    {
        _stopped = true;
        Interrupt();
        _worker.Timers.Remove(_pauseTimer);
        _pause.Set();
    }

    private void OnTimeout()
    {
        _timedOut = true;
        Interrupt();
    }

    private void Interrupt()
    {
        _attempt.Cancel();
        _exchange?.InterruptWrite();
        _exchange?.InterruptRead();
        _kept?.Transport.CancelWrite(Libc.EIntr);
        _kept?.Transport.CancelRead(Libc.EIntr);
    }

    private async IoTask<bool> RunAsync()
    {
        while (!_stopped)
        {
            if (PauseMicros > 0)
            {
                _worker.Timers.Arm(_pauseTimer, PauseMicros);
                await _pause.WaitAsync();
                if (_stopped) break;
            }
            _timedOut = false;
            _worker.Timers.Arm(_timer, _plan.TimeoutMicros);
            var result = CheckResult.Network;
            try
            {
                result = _plan.Kind == CheckKind.Tcp ? await TcpAsync() : await HttpAsync();
            }
            catch (Exception e)
            {
                _worker.Reports.OnCrash(e); // this check has failed, and the next one is made
            }
            _worker.Timers.Cancel(_timer);
            if (_stopped) break;
            _done(this, _timedOut && result > CheckResult.Degraded ? CheckResult.Timeout : result);
        }
        _worker.Timers.Remove(_timer);
        _kept?.Close(reset: true);
        while (_pool.TryTake() is { } idle) idle.Close();
        return true;
    }

    private async IoTask<CheckResult> HttpAsync()
    {
        while (true)
        {
            var connection = _plan.Reuses ? _pool.TryTake() : null;
            bool used = connection is not null;
            if (connection is null)
            {
                _pool.State.TryEnterConnection(0, _limits, _pool.Endpoint);
                (connection, _) = await _pool.ConnectAsync(_attempt, _limits, _socket, _plan.Http);
            }
            if (connection is null) return CheckResult.Network;
            if (_stopped || _timedOut)
            {
                connection.Abandon();
                return CheckResult.Network;
            }
            var exchange = _exchange = connection.Begin();
            CheckResult? result = null;
            bool complete = false, heard = false;
            try
            {
                result = await AskAsync(exchange);
                heard = exchange.ReceivedAnything;
                complete = result is not null && exchange.BodyEnded && !_timedOut;
            }
            finally
            {
                _exchange = null;
                connection.Finish(complete && _plan.Reuses, exchange as Http2ClientExchange);
                if (!(complete && _plan.Reuses)) connection.Close();
            }
            if (result is { } found) return found;
            // One that was kept may have been closed by the endpoint just now, which says nothing about it.
            if (!used || heard || _timedOut || _stopped) return CheckResult.Network;
        }
    }

    // Null: no answer.
    private async IoTask<CheckResult?> AskAsync(ClientExchange exchange)
    {
        _request.CopyFrom(_plan.Request);
        if (!_request.Has(HeaderId.Authority)) _request.Set(HeaderId.Authority, _authority);
        if (!_plan.Headers.IsEmpty) AddHeaders();
        bool body = _plan.Send.Length > 0;
        exchange.WriteHead(_request, body ? _plan.Send.Length : -1, body, upgrade: false);
        if (body && await exchange.WriteBodyAsync(_plan.Send) < 0) return null;
        exchange.WriteEnd(null);
        await exchange.FlushAsync(); // a failure shows in the read
        do
        {
            exchange.BeginResponse(_response);
            HeadResult head;
            while ((head = exchange.TryReadHead()) == HeadResult.NeedMore)
                if (_timedOut || _stopped || await exchange.FillAsync() <= 0) return null;
            if (head == HeadResult.Error) return null;
        }
        while (exchange.Status < 200);
        exchange.BeginBody(_request.Get(HeaderId.Method).SequenceEqual("HEAD"u8), _trailers);
        _body.Clear();
        while (!_timedOut && !_stopped)
        {
            switch (exchange.TryReadBody(out var piece))
            {
                case BodyResult.Data:
                    if (_body.Length < _plan.LookedAt) _body.Write(piece.Span[..Math.Min(piece.Length, _plan.LookedAt - _body.Length)]);
                    continue;
                case BodyResult.NeedMore:
                    if (await exchange.FillAsync() < 0) return null;
                    continue;
                case BodyResult.End: return _plan.Kind == CheckKind.Grpc ? OfGrpc(exchange.Status) : OfHttp(exchange.Status);
                default: return null;
            }
        }
        return null;
    }

    private void AddHeaders()
    {
        var info = new StreamInfo
            { RequestHeaders = _request, UpstreamHost = Endpoint.Text, UpstreamRemoteAddress = Endpoint.Address.EndPoint };
        _plan.Headers.Apply(_request, info, _worker.Scratch);
    }

    private CheckResult OfHttp(int status)
    {
        if (!HealthCheckPlan.Within(_plan.Expected, status))
        {
            if (_response.TryGet(EndpointHealth.ImmediateFail, out _)) Endpoint.Set(HealthFlags.ExcludedByItself);
            return HealthCheckPlan.Within(_plan.Retriable, status) ? CheckResult.Retriable : CheckResult.Unhealthy;
        }
        if (!_plan.IsAllThere(_body.Written)) return CheckResult.Unhealthy;
        bool degraded = _response.TryGet("x-envoy-degraded"u8, out _);
        if (_plan.ServiceName is { } service)
        {
            _response.TryGet("x-envoy-upstream-healthchecked-cluster"u8, out var name);
            IsOtherService = !service.IsMatch(name);
            if (IsOtherService) return CheckResult.Unhealthy;
        }
        return degraded ? CheckResult.Degraded : CheckResult.Healthy;
    }

    /// <summary>The last answer was that of another service.</summary>
    public bool IsOtherService { get; private set; }

    // HealthCheckResponse: field 1 is the status; SERVING is 1.
    private CheckResult OfGrpc(int status)
    {
        if (status != 200) return CheckResult.Unhealthy;
        var map = _trailers.Has(HeaderId.GrpcStatus) ? _trailers : _response;
        if (!map.Get(HeaderId.GrpcStatus).SequenceEqual("0"u8)) return CheckResult.Unhealthy;
        var frame = _body.Written;
        return frame is [0, 0, 0, 0, 2, 8, 1] ? CheckResult.Healthy : CheckResult.Unhealthy;
    }

    private async IoTask<CheckResult> TcpAsync()
    {
        while (true)
        {
            bool used = _kept is { Transport.IsClosed: false };
            if (!used)
            {
                _pool.State.TryEnterConnection(0, _limits, _pool.Endpoint);
                (_kept, _) = await _pool.ConnectAsync(_attempt, _limits, _socket);
                if (_kept is null) return CheckResult.Network;
            }
            bool good = !_timedOut && !_stopped && await TalkAsync(_kept!);
            if (!good || !_plan.Reuses || _plan.Receive.Length == 0)
            {
                _kept!.Close(reset: true);
                _kept = null;
            }
            if (good) return CheckResult.Healthy;
            if (!used || _body.Length > 0 || _timedOut || _stopped) return CheckResult.Network;
        }
    }

    private async IoTask<bool> TalkAsync(UpstreamConnection connection)
    {
        var transport = connection.Transport;
        _body.Clear();
        if (_plan.Send.Length > 0 && await transport.WriteAsync(_plan.Send) < 0) return false;
        while (!_plan.IsAllThere(_body.Written))
        {
            if (_timedOut || _stopped || _body.Length > MostReceived || await transport.ReadableAsync() < 0) return false;
            int n = Read(transport);
            if (n <= 0 && n != -Libc.EAgain) return false;
        }
        return true;
    }

    private const int MostReceived = 64 * 1024;

    private int Read(Core.Transport.Transport transport)
    {
        int n = transport.TryRead(_body.GetSpan(1024)[..1024]);
        if (n > 0) _body.Advance(n);
        return n;
    }
}
