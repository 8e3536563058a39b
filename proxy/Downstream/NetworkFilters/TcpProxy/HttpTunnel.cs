using System.Text.Encodings.Web;
using System.Text.Json;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.LoadBalancing;
using Managed.Proxy.Upstream.Requests;

namespace Managed.Proxy.Downstream.NetworkFilters.TcpProxy;

/// <summary>
/// One connection's way through a proxy that speaks HTTP: CONNECT (RFC 9110 section 9.3.6) or POST, over the cluster's connections. Any
/// 2xx opens it; everything else is a failed attempt, as in Envoy. The answer has the cluster's connect_timeout (Envoy waits for it without
/// end).
/// </summary>
internal sealed class HttpTunnel
{
    public const string HeadersKey = "envoy.tcp_proxy.propagate_response_headers",
        TrailersKey = "envoy.tcp_proxy.propagate_response_trailers";

    private readonly TcpTunneling _plan;
    private readonly WorkerContext _worker;
    private readonly UpstreamRequest _upstream;
    private readonly HeaderMap _head = new(), _answer = new(), _trailers = new();
    private readonly WheelTimer _timer;
    private bool _timedOut;

    public HttpTunnel(TcpTunneling plan, WorkerContext worker)
    {
        (_plan, _worker) = (plan, worker);
        _upstream = new UpstreamRequest(worker);
        _timer = new WheelTimer(static t => ((HttpTunnel)t!).OnTimeout(), this);
    }

    /// <summary>Once it is open.</summary>
    public Transport Transport { get; private set; } = null!;
    /// <summary>What has come through it already; null: the transport gives all of it.</summary>
    public InputBuffer? Begun { get; private set; }
    /// <summary>Why the last attempt failed, for the log.</summary>
    public string? Reason { get; private set; }

    /// <summary>One attempt. What it took is given back when it fails; otherwise by <see cref="CloseAsync"/>.</summary>
    public async IoTask<UpstreamFailure> OpenAsync(Cluster cluster, PickContext pick, StreamInfo info, ClientIdentity? client)
    {
        _timedOut = false;
        _upstream.Client = client;
        bool begins = _upstream.TryBegin(cluster, isRepeatable: false);
        var failure = begins ? default : UpstreamFailure.Overflow;
        bool opened = false;
        try
        {
            if (begins) failure = await AskAsync(cluster, pick, info);
            return _timedOut ? new(FailureSide.Upstream, FailureReason.Closed, Errno: Libc.ETimedOut) : failure;
        }
        finally
        {
            _worker.Timers.Remove(_timer);
            opened = failure.IsNone && !_timedOut && Transport is not null;
            if (!opened)
            {
                if (begins) _upstream.Finish(failure.IsNone ? UpstreamFailure.GivenUp : failure, 0);
                if (!failure.IsNone && failure.Reason != FailureReason.GivenUp && _upstream.State is not null) _upstream.CountAnswer(503);
                GiveUp();
            }
        }
    }

    private async IoTask<UpstreamFailure> AskAsync(Cluster cluster, PickContext pick, StreamInfo info)
    {
        long patience = cluster.Limits.ConnectTimeoutMicros;
        _worker.Timers.Arm(_timer, 2 * patience); // a wait for a connection, and its own time
        var failure = await _upstream.AcquireAsync(pick);
        info.UpstreamAttempts++;
        if (_upstream.Endpoint is { } endpoint)
        {
            info.UpstreamHost = endpoint.Text;
            info.UpstreamRemoteAddress = endpoint.Address.EndPoint;
        }
        if (!failure.IsNone)
        {
            Reason = _upstream.ConnectReason ?? (failure.Errno != 0 ? Libc.Describe(failure.Errno) : null);
            return failure;
        }
        var up = _upstream.Exchange!;
        (info.UpstreamConnectionId, info.UpstreamTls) = (_upstream.ConnectionId, _upstream.Tls);
        info.UpstreamProtocol = up.IsHttp2 ? HttpProtocol.Http2 : HttpProtocol.Http11;
        if (!_plan.TryWrite(_head, info, _worker, _upstream.Tls is not null))
        {
            Reason = "what the tunnel is to is no host";
            return UpstreamFailure.GivenUp;
        }
        _worker.Timers.Arm(_timer, patience);
        up.WriteHead(_head, -1, hasBody: _plan.UsesPost, upgrade: !_plan.UsesPost);
        if (await up.FlushAsync() < 0) return UpstreamFailure.Closed;
        do
        {
            failure = await _upstream.ReadHeadAsync(_answer);
            if (!failure.IsNone) return failure;
        }
        while (up.Status is < 200 and not 101);
        // Over HTTP/2 what opens a tunnel is read as 101.
        bool opens = _plan.UsesPost || !up.IsHttp2 ? up.Status is >= 200 and < 300 : up.Status == 101;
        if (!opens)
        {
            Reason = $"the proxy answered with {up.Status}";
            return UpstreamFailure.Protocol;
        }
        _upstream.CountAnswer(200);
        if (up.IsHttp2 && !_plan.UsesPost) _answer.Set(HeaderId.Status, "200"u8);
        if (_plan.UsesPost || up.IsHttp2) up.BeginBody(isHead: false, _trailers);
        if (_plan.UsesPost) Transport = new ExchangeTransport(up);
        else
        {
            Transport = up.Tunnel(out var begun);
            Begun = begun;
        }
        return default;
    }

    /// <summary>The headers of the answer as JSON; null: they are not to be told.</summary>
    public string? Headers => _plan.TellsHeaders ? Json(_answer) : null;
    /// <summary>Likewise the trailers, when all is over.</summary>
    public string? Trailers => _plan.TellsTrailers && _trailers.Count > 0 ? Json(_trailers) : null;

    /// <summary>It is over.</summary>
    /// <param name="complete">Both sides have ended.</param>
    public async IoTask<bool> CloseAsync(bool complete)
    {
        if (_upstream.Exchange is { } up)
        {
            // Its end may still be on the way.
            if (complete && await (Transport is ExchangeTransport body ? body.EndedAsync() : up.FlushAsync()) < 0) complete = false;
            _upstream.Finish(complete ? default : UpstreamFailure.GivenUp, 200);
        }
        GiveUp();
        return complete;
    }

    /// <summary>Whatever is awaited here ends soon.</summary>
    public void Stop()
    {
        _upstream.Stop();
        _upstream.Exchange?.InterruptWrite();
    }

    private void GiveUp()
    {
        _upstream.End();
        _upstream.Forget();
    }

    private void OnTimeout()
    {
        _timedOut = true;
        Reason = "the proxy did not answer in time";
        _upstream.CountTimeout();
        Stop();
    }

    // As Envoy's config.core.v3.HeaderMap.
    private static string Json(HeaderMap map)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteStartArray("headers");
            int cursor = 0;
            while (map.Next(ref cursor, out var name, out var value))
            {
                json.WriteStartObject();
                json.WriteString("key", System.Text.Encoding.Latin1.GetString(name));
                json.WriteString("value", System.Text.Encoding.Latin1.GetString(value));
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return System.Text.Encoding.UTF8.GetString(bytes.ToArray());
    }
}
