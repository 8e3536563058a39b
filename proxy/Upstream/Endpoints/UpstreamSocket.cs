using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Upstream.Endpoints;

/// <summary>What a cluster puts between its connections and what is sent over them. A cluster without one uses them as they are.</summary>
internal abstract class UpstreamSocket
{
    /// <summary>What shapes connections: those made under another key are not used again.</summary>
    public abstract string Key { get; }
    /// <summary>To a connection that is to be one of HTTP/2 it says so, by ALPN: what the endpoint answers must be that.</summary>
    public abstract bool OffersHttp2 { get; }

    /// <summary>It tells endpoints of the client: a connection that was made for one is used for no other.</summary>
    public virtual bool TellsClient => false;

    /// <summary>What it shows and trusts; null where that is nothing.</summary>
    public virtual TlsIdentity? Identity => null;

    /// <summary>
    /// Makes of a connected transport the one that is used. On failure it is closed, and the error is negative, with a reason for people.
    /// Cancelled by cancelling the reading and writing of the connected one.
    /// </summary>
    /// <param name="worker">Whose loop it is.</param>
    /// <param name="connected">The connected one.</param>
    /// <param name="endpoint">Where it leads.</param>
    /// <param name="http2">HTTP/2 is to be spoken, as far as both protocols may be.</param>
    /// <param name="client">Whom it is made for; null: nobody in particular.</param>
    /// <param name="serverName">The server that its requests are for; null: as the cluster says.</param>
    public abstract IoTask<UpstreamSocketResult> ConnectAsync(WorkerContext worker, Transport connected, Endpoint endpoint,
        bool http2, ClientIdentity? client = null, string? serverName = null);
}

/// <summary>What came of it.</summary>
internal readonly record struct UpstreamSocketResult(Transport? Transport, TlsConnection? Tls, int Error, string? Reason);
