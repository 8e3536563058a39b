using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Security;

namespace Managed.Proxy.Downstream.TransportSockets;

/// <summary>TLS of one chain of one version: the handshake, with a certificate for the name that the client asks for.</summary>
internal sealed class TlsSocket(DownstreamTlsContextConfig config, TlsServerContexts contexts, CertificateChoice choice, SslStats stats,
    bool requiresServerName, long patienceMicros, TlsIdentity identity) : TransportSocket
{
    /// <summary>What it was built of.</summary>
    public DownstreamTlsContextConfig Config => config;

    public override TlsIdentity? Identity => identity;

    public override bool AsksForServerName => requiresServerName || choice.Sets.Count > 1;

    public override async IoTask<bool> AcceptAsync(DownstreamConnection connection)
    {
        var worker = connection.Worker;
        string name = connection.Facts?.ServerName ?? "";
        long began = worker.Loop.NowMicros;
        if ((requiresServerName && name.Length == 0)
            || await contexts.OfAsync(worker, choice.Choose(name)) is not { } context
            || TlsTransport.Accept(connection.Transport, context, worker.Loop.Buffers) is not { } transport)
        {
            stats.CountError(worker.Stats);
            connection.TransportFailure = requiresServerName
                && name.Length == 0 ? "the client names no server" : "no TLS context can be had";
            return false;
        }
        bool done = false;
        var timer = new WheelTimer(static t => ((TlsTransport)t!).Abort(Libc.ETimedOut), transport);
        // The context may have had to be made first; what that took is not given again.
        if (patienceMicros > 0) worker.Timers.Arm(timer, Math.Max(1, patienceMicros - (worker.Loop.NowMicros - began)));
        try
        {
            int result = await transport.HandshakeAsync();
            done = result == 0;
            if (result == -Libc.ETimedOut) worker.Stats.Increment(connection.Chain.Listener.Stats.CxTransportSocketConnectTimeout);
            stats.Count(worker.Stats, transport, result);
            if (!done) connection.TransportFailure = transport.FailureReason ?? Libc.Describe(-result);
            connection.Tls = transport.Connection;
            connection.Transport = transport;
        }
        finally
        {
            worker.Timers.Remove(timer);
            if (!done) transport.Close();
        }
        return done;
    }
}
