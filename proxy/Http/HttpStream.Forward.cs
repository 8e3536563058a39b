using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Codecs.Http1;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Streams;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.Pools;

namespace Managed.Proxy.Http;

/// <summary>The router [6] and the way to the upstream [7]: route, cluster, endpoint, connection, request out, response head in.</summary>
public sealed partial class HttpStream
{
    private readonly ConnectAttempt _connect = new();
    private PendingRequest? _waiting;
    private ClusterState? _waitingOn;
    private ClusterState? _cluster; // that owes an answer

    private async IoTask<bool> ForwardAsync()
    {
        var route = Route;
        if (route is null)
        {
            Info.Flags |= ResponseFlags.NoRouteFound;
            SendLocalReply(404, default, "route_not_found");
            return false;
        }
        if (route.Kind != RouteKind.Route)
        {
            AnswerFromRoute(route);
            return false;
        }
        var cluster = route.ResolveCluster(RequestHeaders);
        if (cluster is null)
        {
            SendLocalReply(route.ClusterNotFoundStatus, default, "cluster_not_found", ResponseFlags.NoClusterFound);
            return false;
        }
        Info.UpstreamCluster = cluster.Name;
        var state = _cluster = cluster.State;
        if (!state.TryEnterRequest())
        {
            FailOverflow(state);
            return false;
        }
        Worker.Stats.Increment(state.Stats.RqTotal);
        Worker.Stats.Increment(state.Stats.RqActive);
        // What the upstream was not to see as it came is not sent there as it came.
        var rewrite = route.PrepareRequest(RequestHeaders, Info, envoyHeaders: !Manager.SuppressEnvoyHeaders);
        bool prepared = rewrite == PathRewriteResult.Done;
        if (rewrite == PathRewriteResult.TooLong) SendLocalReply(414, default, "path_rewrite_too_long");
        else if (rewrite == PathRewriteResult.DotSegment) SendLocalReply(400, default, "path_rewrite_made_dot_segment");
        Manager.PrepareUpstream(this, route);
        // Only now: filters and header rules may have had a hand in it. A body would have to go before the answer says who reads it.
        bool refused = false;
        if (!_down.AsksUpgrade || _down.RequestHasBody || !Manager.ChooseUpgrade(RequestHeaders, route, out refused))
        {
            _down.AsksUpgrade = false;
            RequestHeaders.Remove(HeaderId.Upgrade);
        }
        if (refused && prepared)
        {
            prepared = false;
            SendLocalReply(403, default, "upgrade_failed");
        }
        if (route.IdleTimeoutMicros >= 0) SetIdleTimeout(route.IdleTimeoutMicros);
        if (route.MaxStreamDurationMicros > 0) Worker.Timers.Arm(_maxTimer, route.MaxStreamDurationMicros);
        if (!_down.RequestHasBody)
        {
            Info.RequestEnd = Worker.NowMicros;
            ArmRouteTimer();
        }
        bool complete = prepared && await ForwardToAsync(cluster, state, route);
        state.LeaveRequest();
        Worker.Stats.Decrement(state.Stats.RqActive);
        return complete;
    }

    private void ArmRouteTimer()
    {
        if (_route is { TimeoutMicros: > 0 } route && !_upgraded) Worker.Timers.Arm(_routeTimer, route.TimeoutMicros);
    }

    private void AnswerFromRoute(RouteEntry route)
    {
        if (route.Kind == RouteKind.Redirect)
            SendLocalReply(route.RedirectStatus, default, "direct_response", ResponseFlags.None, static (headers, s) =>
            {
                var stream = (HttpStream)s!;
                var location = stream.Worker.Scratch;
                location.Clear();
                stream._route!.WriteLocation(stream.RequestHeaders, location);
                headers.Set(HeaderId.Location, location.Written);
            }, this);
        else if (route.Kind == RouteKind.DirectResponse)
        {
            var body = Worker.Scratch;
            body.Clear();
            route.WriteDirectBody(Info, body);
            SendLocalReply(route.DirectStatus, body.Written, "direct_response", ResponseFlags.None, static (headers, s) =>
            {
                var stream = (HttpStream)s!;
                if (!stream._route!.DirectContentType.IsEmpty) headers.Set(HeaderId.ContentType, stream._route.DirectContentType);
            }, this);
        }
        else
            SendLocalReply(404, default, "route_not_found", ResponseFlags.NoRouteFound);
    }

    private async IoTask<bool> ForwardToAsync(Cluster cluster, ClusterState state, RouteEntry route)
    {
        bool fresh = false;
        while (!IsStopped)
        {
            var endpoint = OverrideHost is { } wanted ? Preferred(cluster, wanted) : cluster.LoadBalancer.Pick(cluster.Endpoints, Worker);
            if (endpoint is null)
            {
                Worker.Stats.Increment(state.Stats.NoHealthy);
                ReplyForUpstream(503, "no healthy upstream"u8, "no_healthy_upstream", ResponseFlags.NoHealthyUpstream);
                return false;
            }
            var pool = EndpointPool.Of(endpoint, Worker, state);
            Info.UpstreamAsked = Worker.NowMicros;
            var connection = fresh ? null : pool.TryTakeIdle();
            if (connection is null)
            {
                if (!state.TryEnterConnection(pool.OpenConnections))
                {
                    Worker.Stats.Increment(state.Stats.CxOverflow);
                    if (!await WaitForConnectionAsync(state)) return false;
                    continue;
                }
                (connection, int error) = await pool.ConnectAsync(_connect);
                if (connection is null)
                {
                    if (!IsStopped) FailUpstream("connection failure", Libc.Describe(-error), ResponseFlags.UpstreamConnectionFailure, "upstream_reset_before_response_started{connection_failure}");
                    return false;
                }
                if (IsStopped) { connection.Close(); return false; }
            }
            if (route.AutoHostRewrite && endpoint.RewriteHost.Length > 0) route.RewriteHost(RequestHeaders, endpoint.RewriteHost);
            Info.UpstreamHost = endpoint.Text;
            Info.UpstreamHostName = endpoint.HostName.Length > 0 ? endpoint.HostName : endpoint.Text;
            Info.UpstreamRemoteAddress = endpoint.Address.EndPoint;
            Info.UpstreamConnectionId = connection.Id;
            Info.UpstreamAttempts++;
            Interlocked.Increment(ref endpoint.ActiveRequests);
            Interlocked.Increment(ref endpoint.TotalRequests);
            _connection = connection;
            var up = _up = connection.Begin();
            var outcome = await ExchangeAsync(connection, up, route);
            Worker.Stats.Add(state.Stats.TxBytes, Info.UpstreamWireBytesSent);
            Worker.Stats.Add(state.Stats.RxBytes, Info.UpstreamWireBytesReceived);
            if (outcome == ExchangeOutcome.Complete)
            {
                if (fresh) Worker.Stats.Increment(state.Stats.RqRetrySuccess);
                RecordOutcome(state, endpoint);
            }
            else
            {
                // An answer that came and went no further than this: cut on its way, or replaced by a filter.
                if (outcome == ExchangeOutcome.Failed && up.Head is { IsWhole: true, Status: >= 200 and var code }) CountResponse(code);
                if (_end == StreamEnd.ClientGone) Worker.Stats.Increment(state.Stats.RqCancelled);
                else if (outcome == ExchangeOutcome.Failed) Worker.Stats.Increment(state.Stats.RxReset);
            }
            if (outcome != ExchangeOutcome.Complete) Interlocked.Increment(ref endpoint.ErrorRequests);
            Interlocked.Decrement(ref endpoint.ActiveRequests);
            if (outcome == ExchangeOutcome.Retry && !fresh)
            {
                // The idle connection was closed under our request; the endpoint has not seen it. Once, on a new connection.
                Worker.Stats.Increment(state.Stats.RqRetry);
                fresh = true;
                continue;
            }
            if (outcome == ExchangeOutcome.Retry)
                FailUpstream("connection termination", null, ResponseFlags.UpstreamConnectionTermination, "upstream_reset_before_response_started{connection_termination}");
            return outcome == ExchangeOutcome.Complete;
        }
        return false;
    }

    private Endpoint? Preferred(Cluster cluster, string wanted)
    {
        foreach (var endpoint in cluster.Endpoints.Healthy)
            if (endpoint.Text == wanted || (endpoint.Text.StartsWith(wanted, StringComparison.Ordinal) && endpoint.Text.LastIndexOf(':') == wanted.Length)) return endpoint;
        return OverrideIsStrict ? null : cluster.LoadBalancer.Pick(cluster.Endpoints, Worker);
    }

    private void RecordOutcome(ClusterState state, Endpoint endpoint)
    {
        var stats = Worker.Stats;
        CountResponse(Info.ResponseCode);
        stats.Record(state.Stats.RqTime, Worker.NowMicros - Info.UpstreamStart);
        Interlocked.Increment(ref Info.ResponseCode >= 500 ? ref endpoint.ErrorRequests : ref endpoint.SuccessRequests);
    }

    private async IoTask<bool> WaitForConnectionAsync(ClusterState state)
    {
        var waiting = new PendingRequest();
        if (!state.TryWait(Worker, waiting))
        {
            FailOverflow(state);
            return false;
        }
        _waiting = waiting;
        _waitingOn = state;
        bool free = await waiting.Ready.AsTask();
        _waiting = null;
        _waitingOn = null;
        return free && !IsStopped;
    }

    private void StopAcquiring()
    {
        _connect.Cancel();
        if (_waiting is not { Queued: true } waiting) return;
        _waitingOn!.StopWaiting(Worker, waiting);
        waiting.Ready.Complete(false);
    }

    private enum ExchangeOutcome { Complete, Failed, Retry }

    private async IoTask<ExchangeOutcome> ExchangeAsync(UpstreamConnection connection, Http1ClientExchange up, RouteEntry route)
    {
        Info.UpstreamStart = Worker.NowMicros;
        Info.UpstreamProtocol = HttpProtocol.Http11;
        bool body = _down.RequestHasBody;
        long length = body && RequestHeaders.Has(HeaderId.ContentLength) ? FieldSyntax.ParseLength(RequestHeaders.Get(HeaderId.ContentLength)) : -1;
        // A method that usually has a body says so when it has none (RFC 9110 section 8.6).
        if (!body && _down.DeclaredEmptyBody) length = 0;
        up.WriteHead(RequestHeaders, length, chunked: body && length < 0, upgrade: _down.AsksUpgrade);
        if (body)
        {
            _upReady = true;
            StartPump();
            _pumpSignal.Set();
        }
        else
        {
            up.WriteEnd(null);
            await up.FlushAsync(); // a failure shows in the read, where an early answer may wait as well
        }
        var outcome = await ReadResponseAsync(up, route, mayRetry: !body && connection.IsReused);
        await StopPumpAsync();
        Info.UpstreamWireBytesSent = up.WireBytesSent;
        Info.UpstreamWireBytesReceived = up.WireBytesReceived;
        if (_up is not null)
        {
            _up = null;
            connection.Finish(outcome == ExchangeOutcome.Complete);
        }
        return outcome;
    }

    private async IoTask<ExchangeOutcome> ReadResponseAsync(Http1ClientExchange up, RouteEntry route, bool mayRetry)
    {
        up.BeginResponse(ResponseHeaders);
        while (true)
        {
            var result = up.TryReadHead();
            if (result == HeadResult.NeedMore)
            {
                int n = await up.FillAsync();
                if (IsStopped) return ExchangeOutcome.Failed;
                if (n == -Libc.EIntr) continue;
                if (n > 0) { Touch(); continue; }
                ResponseHeaders.Clear();
                if (mayRetry && !up.ReceivedAnything && IsIdempotent()) return ExchangeOutcome.Retry;
                FailUpstream(up.ReceivedAnything || n == 0 ? "connection termination" : "remote reset", null, ResponseFlags.UpstreamConnectionTermination,
                    "upstream_reset_before_response_started{connection_termination}");
                return ExchangeOutcome.Failed;
            }
            if (result == HeadResult.Error)
            {
                FailProtocol();
                return ExchangeOutcome.Failed;
            }
            int status = up.Head.Status;
            if (status is < 200 and not 101)
            {
                if (!up.CountInformational())
                {
                    Worker.Stats.Increment(_connection!.Pool.State.Stats.InformationalOverflow);
                    FailProtocol();
                    return ExchangeOutcome.Failed;
                }
                if (!await _down.WriteInformationalAsync(ResponseHeaders, status)) { OnClientGone(); return ExchangeOutcome.Failed; }
                up.BeginResponse(ResponseHeaders);
                continue;
            }
            Info.UpstreamFirstByte = Worker.NowMicros;
            if (status == 101 && !(_down.AsksUpgrade && AnswersUpgrade(up.Head)))
            {
                FailProtocol();
                return ExchangeOutcome.Failed;
            }
            Info.ResponseCode = status;
            Info.Details = "via_upstream";
            if (status == 101) return await TunnelAsync(up, route) ? ExchangeOutcome.Complete : ExchangeOutcome.Failed;
            up.BeginBody(_down.IsHead, ResponseTrailers);
            Manager.PrepareResponse(this, route, Worker.NowMicros - Info.UpstreamStart);
            return await RespondAsync(up.BodyEnded) ? ExchangeOutcome.Complete : ExchangeOutcome.Failed;
        }
    }

    private bool IsIdempotent()
    {
        var method = RequestHeaders.Get(HeaderId.Method);
        return method.SequenceEqual("GET"u8) || method.SequenceEqual("HEAD"u8) || method.SequenceEqual("PUT"u8) || method.SequenceEqual("DELETE"u8) || method.SequenceEqual("OPTIONS"u8);
    }

    private void FailUpstream(string reason, string? failure, ResponseFlags flag, string details)
    {
        Info.UpstreamFailure = failure;
        if (_end != StreamEnd.None) return;
        var text = Worker.Scratch;
        text.Clear();
        text.Write("upstream connect error or disconnect/reset before headers. reset reason: "u8);
        text.Write(reason);
        ReplyForUpstream(503, text.Written, details, flag);
    }

    private void FailOverflow(ClusterState state)
    {
        Worker.Stats.Increment(state.Stats.RqPendingOverflow);
        ReplyForUpstream(503, OverflowText.Span, "upstream_reset_before_response_started{overflow}", ResponseFlags.UpstreamOverflow,
            static (h, _) => h.Set(HeaderId.XEnvoyOverloaded, "true"u8));
    }

    // What it said cannot be passed on, and what it says next cannot be believed.
    private void FailProtocol()
    {
        ResponseHeaders.Clear();
        Worker.Stats.Increment(_connection!.Pool.State.Stats.ProtocolError);
        ReplyForUpstream(502, "upstream connect error or disconnect/reset before headers. reset reason: protocol error"u8,
            "upstream_reset_before_response_started{protocol_error}", ResponseFlags.UpstreamProtocolError);
    }

    /// <summary>A reply of our own in place of the answer that the cluster owes: counted as the cluster's, as in Envoy.</summary>
    private void ReplyForUpstream(
        int status, ReadOnlySpan<byte> body, string details, ResponseFlags flags, Action<HeaderMap, object?>? decorate = null)
    {
        if (_reply == ReplyState.Asked || _end != StreamEnd.None) return;
        if (!_responseStarted) CountResponse(status);
        SendLocalReply(status, body, details, flags, decorate, null);
    }

    // Once for each request that has a cluster, whoever made the answer.
    private void CountResponse(int status)
    {
        _cluster?.Stats.CountResponse(Worker.Stats, status);
        _cluster = null;
    }

    // RFC 9110 section 7.8: the server names the protocol it switches to, and it must be what was asked for.
    private bool AnswersUpgrade(ResponseHead head)
    {
        if (head.Minor == 0) return false;
        int named = 0;
        bool same = false;
        for (int i = 0; ResponseHeaders.TryGetAt("upgrade"u8, i, out var list); i++)
            while (FieldSyntax.NextMember(ref list, out var type))
            {
                named++;
                same = System.Text.Ascii.EqualsIgnoreCase(type, RequestHeaders.Get(HeaderId.Upgrade));
            }
        return named == 1 && same;
    }

    private void GiveUpUpstream()
    {
        if (_up is null) return;
        _up = null;
        _connection!.Finish(complete: false);
    }

    private static readonly ReadOnlyMemory<byte> OverflowText = "upstream connect error or disconnect/reset before headers. reset reason: overflow"u8.ToArray();
}
