using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Streams;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.LoadBalancing;
using Managed.Proxy.Upstream.Pools;
using Managed.Proxy.Upstream.Requests;

namespace Managed.Proxy.Http;

/// <summary>
/// CONNECT (RFC 9110 section 9.3.6): an upgrade to bytes without a name. It goes on as CONNECT to an endpoint that speaks HTTP, or ends
/// here: then what the client sends goes to the endpoint as it is (Envoy's connect_config).
/// </summary>
public sealed partial class HttpStream
{
    private ConnectAttempt? _connecting;
    private bool _connects; // the request is a CONNECT that was let through

    private bool IsConnect => RequestHeaders.Get(HeaderId.Method).SequenceEqual("CONNECT"u8);

    private async IoTask<bool> ConnectTcpAsync(Cluster cluster, RouteEntry route)
    {
        if (IsStopped) return false;
        if (cluster.Aggregate is { } several) cluster = several.Choose(Worker, 0, out _);
        var state = cluster.State;
        ulong? hash = route.Hashes.Length > 0 && _upstream.UsesHash ? HashOf(route) : null;
        var pick = new PickContext(OverrideHost, OverrideIsStrict, hash) 
        {
            Criteria = cluster.Division is null ? null : CriteriaOf(route), OnDemand = _upstream.OnDemandOf(RequestHeaders),
        };
        if (cluster.Pick(Worker, pick) is not { } endpoint)
        {
            Worker.Stats.Increment(state.Stats.NoHealthy);
            ReplyForFailure(UpstreamFailure.NoEndpoint);
            return false;
        }
        var pool = EndpointPool.Of(endpoint, Worker, state).For(Info.Client, cluster.Socket, Manager.TellsClient);
        if (!state.TryEnterConnection(pool.OpenConnections, cluster.Limits, endpoint))
        {
            Worker.Stats.Increment(state.Stats.CxOverflow);
            ReplyForFailure(UpstreamFailure.Overflow);
            return false;
        }
        Describe(endpoint, route);
        var attempt = _connecting = new ConnectAttempt();
        UpstreamConnection? connection = null;
        bool ended = false;
        try
        {
            (connection, int error) = await pool.ConnectAsync(attempt, cluster.Limits, cluster.Socket);
            _connecting = null;
            if (connection is not null) endpoint.Outliers?.Connected(isAll: true);
            else if (!IsStopped) endpoint.Outliers?.Fail(timeout: error == -Libc.ETimedOut);
            if (IsStopped) return false;
            if (connection is null)
            {
                Info.UpstreamFailure = attempt.Reason ?? Libc.Describe(-error);
                ReplyForReset(503, "connection failure", "upstream_reset_before_response_started{connection_failure}",
                    ResponseFlags.UpstreamConnectionFailure);
                return false;
            }
            (Info.UpstreamConnectionId, Info.UpstreamTls) = (connection.Id, connection.Tls);
            ResponseHeaders.Clear();
            ResponseHeaders.Add(HeaderId.Status, "101"u8);
            Info.ResponseCode = 101;
            Info.Details = "via_upstream";
            var failure = await SwitchAsync(route);
            if (failure.IsNone) failure = await RunTunnelAsync(connection.Transport, null);
            ended = failure.IsNone && _tunnelEnded;
            return failure.IsNone;
        }
        finally
        {
            _connecting = null;
            connection?.Close(reset: !ended);
        }
    }

    // What an endpoint that speaks HTTP says to a CONNECT is any 2xx; within, a tunnel begins with 101.
    private void TakeConnected()
    {
        ResponseHeaders.Set(HeaderId.Status, "101"u8);
        ResponseHeaders.Remove(HeaderId.ContentLength);
        ResponseHeaders.Remove(HeaderId.TransferEncoding);
    }
}
