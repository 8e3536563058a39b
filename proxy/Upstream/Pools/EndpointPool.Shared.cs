using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.Pools;

/// <summary>Connections that carry many requests: made once for all that wait.</summary>
internal sealed partial class EndpointPool
{
    // As many as RFC 9113 section 6.5.2 would have every endpoint take; what is over goes into the next connection.
    private const int ExpectedStreams = 100;

    private readonly PendingRequest _line = PendingRequest.NewLine();
    private int _waiting, _shared; // in the line; connections that are being made for it
    private bool _choseHttp1;

    /// <summary>Whether requests wait for a connection together.</summary>
    public bool Shares(UpstreamHttp http)
        => ProtocolOf(http) is var protocol && (protocol == UpstreamProtocol.Http2
            || (protocol == UpstreamProtocol.Negotiated && !_choseHttp1));

    /// <summary>A connection is being made that will have room for one more.</summary>
    public bool ExpectsRoom => _waiting < _shared * ExpectedStreams;

    /// <summary>
    /// Waits for a connection that is being made. False: the request was given up. With an error in the request it failed, else there may
    /// be room now. The request is in <see cref="Line"/>.
    /// </summary>
    public async IoTask<bool> WaitAsync(PendingRequest request)
    {
        _waiting++;
        bool free = await request.Ready.AsTask();
        _waiting--;
        LeaveIfEmpty();
        return free;
    }

    public PendingRequest Line => _line;

    /// <summary>
    /// Makes a connection for those that wait, in the place that <see cref="ClusterState.TryEnterConnection"/> took. Whoever gives up, it
    /// is made; unused it rests in the pool.
    /// </summary>
    public void Connect(ClusterLimits limits, UpstreamSocket? socket, UpstreamHttp http)
        => ConnectSharedAsync(limits, socket, http).Forget();

    private async IoTask<bool> ConnectSharedAsync(ClusterLimits limits, UpstreamSocket? socket, UpstreamHttp http)
    {
        _shared++;
        var attempt = new ConnectAttempt();
        UpstreamConnection? connection = null;
        int error = -Libc.ECanceled;
        try
        {
            (connection, error) = await ConnectAsync(attempt, limits, socket, http);
        }
        finally
        {
            _shared--;
            if (connection is not null) connection.Vacate();
            WakeLine(connection is null ? error : 0, attempt.Reason);
        }
        return connection is not null;
    }

    // All of them: who finds no room waits anew, and the first of those makes the next connection.
    private void WakeLine(int error, string? reason)
    {
        var woken = new List<PendingRequest>(_waiting);
        while (_line.Next is { IsLine: false } next)
        {
            State.StopWaiting(worker, next);
            (next.Error, next.Reason) = (error, reason);
            woken.Add(next);
        }
        foreach (var request in woken) request.Ready.Complete(true);
    }

    private UpstreamProtocol ProtocolOf(UpstreamHttp http) => _isHttp2 ? UpstreamProtocol.Http2
        : http.Protocol == UpstreamProtocol.Downstream ? UpstreamProtocol.Http1 : http.Protocol;

    // Preface and SETTINGS: before them nobody knows what the peer takes, or whether it speaks HTTP/2 at all.
    private static async IoTask<int> SettleAsync(UpstreamConnection made, ConnectAttempt attempt)
    {
        bool settled = await made.SettleAsync();
        if (settled && made.HasRoom) return 0;
        made.Close(reset: true);
        if (attempt.Errno != 0) return -attempt.Errno;
        attempt.Reason = settled ? "the endpoint takes no streams" : "the endpoint does not speak HTTP/2";
        return settled ? -Libc.EConnReset : -Libc.EProtoNoSupport;
    }
}
