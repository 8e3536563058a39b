using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Streams;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.LoadBalancing;
using Managed.Proxy.Upstream.Requests;

namespace Managed.Proxy.Http;

/// <summary>The router [6] and the way to the upstream [7]: route, cluster, endpoint, connection, request out, response head in.</summary>
public sealed partial class HttpStream
{
    private async IoTask<bool> ForwardAsync()
    {
        var route = Route; // [6.1]
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
        (_upstream.Client, _upstream.TellsClient) = (Info.Client, Manager.TellsClient);
        if (!_upstream.TryBegin(cluster, isRepeatable: !HasRequestBody && IsIdempotent(), isWhole: true,
            fromHttp2: Info.Protocol == HttpProtocol.Http2))
        {
            ReplyForFailure(UpstreamFailure.Overflow);
            return false;
        }
        TakeTimeouts(route);
        LimitDuration(route.DurationOf(RequestHeaders));
        // [6.2] What the upstream was not to see as it came is not sent there as it came.
        var rewrite = route.PrepareRequest(RequestHeaders, Info, envoyHeaders: !Manager.SuppressEnvoyHeaders);
        bool prepared = rewrite == PathRewriteResult.Done;
        if (rewrite == PathRewriteResult.TooLong) SendLocalReply(414, default, "path_rewrite_too_long");
        else if (rewrite == PathRewriteResult.DotSegment) SendLocalReply(400, default, "path_rewrite_made_dot_segment");
        if (_upstream.Naming is { } naming) NameServer(naming);
        _hedging = _hedgesTries = false;
        if (route.Hedging is not null || RequestHeaders.Has(HeaderId.XEnvoyHedgeOnPerTryTimeout)) PlanHedges(route);
        _upstream.AllowRetries(route.Retries, RequestHeaders);
        _retryBytes = route.RetryBytesOf(Manager.BufferLimit);
        // Only now: filters and header rules may have had a hand in it. A body would have to go before the answer says who reads it.
        bool refused = false;
        if (!_down.AsksUpgrade || HasRequestBody || !Manager.ChooseUpgrade(RequestHeaders, route, out refused))
        {
            _down.AsksUpgrade = false;
            RequestHeaders.Remove(HeaderId.Upgrade);
            refused |= IsConnect;
        }
        else
        {
            // What a filter or another route has made of it since would go by other filters than its own.
            refused = !ReferenceEquals(Manager.FiltersOf(RequestHeaders.Get(HeaderId.Upgrade)), _chain);
            if (_connects = IsConnect) RequestHeaders.Remove(HeaderId.Upgrade); // it says so itself
        }
        if (!_down.AsksUpgrade && !ReferenceEquals(_chain, Manager.Filters)) refused = true;
        if (refused && prepared)
        {
            prepared = false;
            SendLocalReply(403, default, "upgrade_failed");
        }
        if (route.IdleTimeoutMicros >= 0) SetIdleTimeout(route.IdleTimeoutMicros);
        if (!ClientSendsBody)
        {
            Info.RequestEnd = Worker.NowMicros;
            ArmRouteTimer();
        }
        if (_hedging && (_down.AsksUpgrade || IsConnect)) _hedging = _hedgesTries = false;
        if (prepared && route.Mirrors.Length > 0 && !_down.AsksUpgrade && !IsConnect) Mirror(route);
        bool complete = prepared
            && await (_connects && route.EndsConnect ? ConnectTcpAsync(cluster, route) : ForwardToAsync(cluster, route));
        if (_hedges is not null) EndRace();
        _upstream.End();
        return complete;
    }

    // The client's, or one that a filter has given a request without.
    private bool HasRequestBody => ClientSendsBody || _request.HasOut || _sent.Length > 0;

    // As the request goes out, so that a host that was rewritten is the one that is asked for.
    private void NameServer(Upstream.Pools.UpstreamHttp http)
        => _upstream.NameServer(http.NameField.Length > 0 && RequestHeaders.TryGet(http.NameField, out var said) && !said.IsEmpty ? said
            : RequestHeaders.Get(HeaderId.Authority));

    private void ArmRouteTimer()
    {
        if (RouteTimeoutMicros > 0 && !_upgraded) Worker.Timers.Arm(_routeTimer, RouteTimeoutMicros);
    }

    // Counted from the stream's beginning; -1: as the connection manager says.
    private void LimitDuration(long micros)
    {
        if (micros == 0) Worker.Timers.Cancel(_maxTimer);
        else if (micros > 0) Worker.Timers.Arm(_maxTimer, Math.Max(1, Info.StartTime + micros - Worker.NowMicros));
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

    // [7] Each turn of the loop is one attempt; whether there is another is not decided here.
    private async IoTask<bool> ForwardToAsync(Cluster cluster, RouteEntry route)
    {
        UpstreamFailure failure;
        bool tookLong = false;
        ulong? hash = route.Hashes.Length > 0 && _upstream.UsesHash ? HashOf(route) : null;
        var criteria = _upstream.IsDivided ? CriteriaOf(route) : null;
        do
        {
            if (IsStopped) return false;
            int before = Info.UpstreamAttempts;
            Manager.PrepareUpstream(this, RequestHeaders, route, before + _hedgesBegun, _hedgesTries ? 0 : _tryMicros, tookLong);
            var onDemand = _upstream.OnDemandOf(RequestHeaders);
            // What a filter has chosen holds for the first attempt, as in Envoy.
            var acquired = _upstream.AcquireAsync(before == 0
                ? new PickContext(OverrideHost, OverrideIsStrict, hash) { Criteria = criteria, OnDemand = onDemand }
                : new PickContext(null, false, hash) { Criteria = criteria, OnDemand = onDemand });
            if (_hedging && before == 0)
                BeginRace(cluster, route, new PickContext(null, false, hash) { Criteria = criteria, OnDemand = onDemand });
            failure = await acquired;
            Info.UpstreamAsked = _upstream.AskedMicros;
            if (_upstream.Endpoint is { } endpoint && failure.Reason != FailureReason.NoEndpoint) Describe(endpoint, route);
            if (failure.IsNone)
            {
                DescribeExchange(_upstream.Exchange!);
                failure = await ExchangeAsync(_up = _upstream.Exchange!, route);
                EndTry();
                _up = null;
                if (!failure.IsNone && _end == StreamEnd.ClientGone) failure = UpstreamFailure.Cancelled;
                else if (!failure.IsNone && _winner is not null) failure = UpstreamFailure.Outrun;
            }
            tookLong = failure.Reason == FailureReason.TryTimeout;
        }
        while (_upstream.Finish(failure, Info.ResponseCode) && await _upstream.PauseAsync());
        if (!failure.IsNone && _hedging) failure = await FinishRaceAsync(failure, route);
        if (!failure.IsNone) ReplyForFailure(failure);
        return failure.IsNone;
    }

    private void Describe(Endpoint endpoint, RouteEntry route)
    {
        if (route.AutoHostRewrite && endpoint.RewriteHost.Length > 0)
            route.RewriteHost(RequestHeaders, endpoint.RewriteHost, tellsFormer: Info.UpstreamAttempts == 0);
        DescribeEndpoint(endpoint);
        Info.UpstreamAttempts++;
    }

    private void DescribeEndpoint(Endpoint endpoint)
    {
        Info.UpstreamHost = endpoint.Text;
        Info.UpstreamHostName = endpoint.HostName.Length > 0 ? endpoint.HostName : endpoint.Text;
        Info.UpstreamRemoteAddress = endpoint.Address.EndPoint;
    }

    private void DescribeExchange(ClientExchange up)
    {
        Info.UpstreamConnectionId = _upstream.ConnectionId;
        Info.UpstreamTls = _upstream.Tls;
        Info.UpstreamStart = _upstream.BeganMicros;
        Info.UpstreamProtocol = up.IsHttp2 ? HttpProtocol.Http2 : HttpProtocol.Http11;
    }

    // No method of its own for what awaits the head: each one that waits costs some 0.1 µs a request.
    private async IoTask<UpstreamFailure> ExchangeAsync(ClientExchange up, RouteEntry route)
    {
        bool body = HasRequestBody;
        long length = body && RequestHeaders.Has(HeaderId.ContentLength)
            ? FieldSyntax.ParseLength(RequestHeaders.Get(HeaderId.ContentLength)) : -1;
        // A method that usually has a body says so when it has none (RFC 9110 section 8.6).
        if (!body && _down.DeclaredEmptyBody) length = 0;
        // [7.2]
        up.WriteHead(RequestHeaders, length, hasBody: body, upgrade: _down.AsksUpgrade);
        if (_tryIdleMicros > 0) ArmTryIdle(_tryIdleMicros);
        if (body)
        {
            _upReady = true;
            _bodyEnded |= !ClientSendsBody;
            StartPump();
            _pumpSignal.Set();
        }
        else
        {
            up.WriteEnd(null);
            ArmTryTimer();
            await up.FlushAsync(); // a failure shows in the read, where an early answer may wait as well
        }
        // [7.3]
        var failure = await _upstream.ReadHeadAsync(ResponseHeaders);
        if (_hedging) failure = Race(failure, up);
        while (failure.IsNone && up.Status is < 200 and not 101)
        {
            bool passed = await _down.WriteInformationalAsync(ResponseHeaders, up.Status);
            if (!passed) OnClientGone();
            failure = passed ? await _upstream.ReadHeadAsync(ResponseHeaders) : UpstreamFailure.Cancelled;
        }
        if (failure.IsNone && _upstream.Rejects(ResponseHeaders))
        {
            Skip(up);
            failure = UpstreamFailure.Rejected;
        }
        else if (failure.IsNone && route.InternalRedirects is not null && FollowsRedirect(up, route)) failure = UpstreamFailure.Redirected;
        else if (failure.IsNone && _hedging && !WinsRace())
        {
            Skip(up);
            failure = UpstreamFailure.Discarded;
        }
        if (failure.IsNone) failure = IsStopped ? UpstreamFailure.GivenUp : await PassOnAsync(up, route);
        await StopPumpAsync();
        Info.UpstreamWireBytesSent = up.WireBytesSent;
        Info.UpstreamWireBytesReceived = up.WireBytesReceived;
        return failure;
    }

    // The final head is here.
    private async IoTask<UpstreamFailure> PassOnAsync(ClientExchange up, RouteEntry route)
    {
        int status = up.Status;
        if (_tryTimer is { } timer) Worker.Timers.Cancel(timer);
        NoteVerdict();
        _keepsSent = false; // with its next piece what was kept goes
        Info.UpstreamFirstByte = Worker.NowMicros;
        if (_connects && status is (>= 200 and < 300) or 101 && up.MayUpgrade) TakeConnected();
        else if (status == 101 && !(_down.AsksUpgrade && up.MayUpgrade && AnswersUpgrade())) return _upstream.NoAnswer(ResponseHeaders);
        if (_connects && status is >= 200 and < 300 && up.MayUpgrade) status = 101;
        Info.ResponseCode = status;
        Info.Details = "via_upstream";
        if (status == 101) return await TunnelAsync(up, route);
        up.BeginBody(_down.IsHead, ResponseTrailers);
        Manager.PrepareResponse(this, route, Worker.NowMicros - _upstream.BeganMicros);
        return await RespondAsync(up.BodyEnded) ? default : UpstreamFailure.GivenUp;
    }

    private bool IsIdempotent()
    {
        var method = RequestHeaders.Get(HeaderId.Method);
        return method.SequenceEqual("GET"u8) || method.SequenceEqual("HEAD"u8) || method.SequenceEqual("PUT"u8)
            || method.SequenceEqual("DELETE"u8) || method.SequenceEqual("OPTIONS"u8);
    }

    private void ReplyForFailure(in UpstreamFailure failure)
    {
        NoteVerdict();
        switch (failure.Reason)
        {
            case FailureReason.NoEndpoint:
                ReplyForUpstream(503, "no healthy upstream"u8, "no_healthy_upstream", ResponseFlags.NoHealthyUpstream);
                break;
            case FailureReason.Overflow:
                ReplyForReset(503, "overflow", "upstream_reset_before_response_started{overflow}", ResponseFlags.UpstreamOverflow,
                    static (h, _) => h.Set(HeaderId.XEnvoyOverloaded, "true"u8));
                break;
            case FailureReason.Connect:
                Info.UpstreamFailure = _upstream.ConnectReason ?? Libc.Describe(failure.Errno);
                ReplyForReset(503, "connection failure", "upstream_reset_before_response_started{connection_failure}",
                    ResponseFlags.UpstreamConnectionFailure);
                break;
            case FailureReason.Closed or FailureReason.Reset:
                string reason = failure.Reason == FailureReason.Reset ? "remote reset" : "connection termination";
                ReplyForReset(503, reason, "upstream_reset_before_response_started{connection_termination}",
                    ResponseFlags.UpstreamConnectionTermination);
                break;
            case FailureReason.StreamReset:
                ReplyForReset(503, "remote reset", "upstream_reset_before_response_started{remote_reset}",
                    ResponseFlags.UpstreamRemoteReset);
                break;
            case FailureReason.Refused:
                ReplyForReset(503, "remote refused stream reset", "upstream_reset_before_response_started{remote_refused_stream_reset}",
                    ResponseFlags.UpstreamRemoteReset);
                break;
            case FailureReason.TryTimeout:
                ReplyForUpstream(504, UpstreamTimeoutText.Span, "upstream_per_try_timeout", ResponseFlags.UpstreamRequestTimeout);
                break;
            case FailureReason.TryIdle:
                ReplyForUpstream(504, UpstreamTimeoutText.Span, "upstream_per_try_idle_timeout", ResponseFlags.StreamIdleTimeout);
                break;
            case FailureReason.Protocol:
                ReplyForProtocol();
                break;
        }
    }

    private void ReplyForProtocol()
        => ReplyForReset(502, "protocol error", "upstream_reset_before_response_started{protocol_error}",
            ResponseFlags.UpstreamProtocolError);

    // In Envoy's words.
    private void ReplyForReset(int status, string reason, string details, ResponseFlags flag, Action<HeaderMap, object?>? decorate = null)
    {
        if (_reply == ReplyState.Asked || _end != StreamEnd.None) return;
        var text = Worker.Scratch;
        text.Clear();
        text.Write("upstream connect error or disconnect/reset before headers. reset reason: "u8);
        text.Write(reason);
        ReplyForUpstream(status, text.Written, details, flag, decorate);
    }

    /// <summary>A reply of our own in place of the answer that the cluster owes: counted as the cluster's, as in Envoy.</summary>
    private void ReplyForUpstream(
        int status, ReadOnlySpan<byte> body, string details, ResponseFlags flags, Action<HeaderMap, object?>? decorate = null)
    {
        if (_reply == ReplyState.Asked || _end != StreamEnd.None) return;
        if (!_responseStarted) _upstream.CountAnswer(status);
        SendLocalReply(status, body, details, flags, decorate, null);
    }

    // RFC 9110 section 7.8: the server names the protocol it switches to, and it must be what was asked for.
    private bool AnswersUpgrade()
    {
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
}
