using System.Text;
using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Security;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.TransportSockets;

/// <summary>TLS to the endpoints of one cluster of one version.</summary>
/// <param name="key">What shapes connections.</param>
/// <param name="contexts">For connections of HTTP/1, and of any other protocol.</param>
/// <param name="http2">For connections that are to be of HTTP/2, and whether they say so.</param>
/// <param name="stats">Of handshakes.</param>
/// <param name="serverName">For SNI; empty: none.</param>
/// <param name="nameOfEndpoint">The endpoint's own name comes before that.</param>
/// <param name="identity">What it shows and trusts.</param>
internal sealed class UpstreamTlsSocket(string key, TlsClientContexts contexts, (TlsClientContexts Contexts, bool Offers) http2,
    SslStats stats, string serverName, bool nameOfEndpoint, TlsIdentity identity) : UpstreamSocket
{
    public override string Key => key;
    public override TlsIdentity? Identity => identity;
    public override bool OffersHttp2 => http2.Offers;

    public override async IoTask<UpstreamSocketResult> ConnectAsync(WorkerContext worker, Transport connected, Endpoint endpoint,
        bool http2IsWanted, ClientIdentity? client = null, string? serverNameOfRequest = null)
    {
        string name = serverNameOfRequest ?? (nameOfEndpoint && endpoint.RewriteHost.Length > 0
            ? Encoding.ASCII.GetString(endpoint.RewriteHost) : serverName);
        if ((http2IsWanted ? http2.Contexts : contexts).Of(worker.Id) is not { } context
            || TlsTransport.Connect(connected, context, worker.Loop.Buffers, name) is not { } transport)
        {
            stats.CountError(worker.Stats);
            connected.Close();
            return new UpstreamSocketResult(null, null, -Libc.ENoMem, "no TLS context can be had");
        }
        bool done = false;
        try
        {
            int result = await transport.HandshakeAsync();
            done = result == 0;
            stats.Count(worker.Stats, transport, result);
            return done ? new UpstreamSocketResult(transport, transport.Connection, 0, null)
                : new UpstreamSocketResult(null, null, result, transport.FailureReason is { Length: > 0 } reason ? "TLS: " + reason : null);
        }
        finally
        {
            if (!done) transport.Close();
        }
    }
}
