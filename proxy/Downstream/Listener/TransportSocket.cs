using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Tls;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>
/// What a chain puts between the socket and its network filters [3], built for one version and shared by all workers. A chain without one
/// uses the socket as it is.
/// </summary>
internal abstract class TransportSocket
{
    /// <summary>The server name must be known before: the listener has to look at the first bytes.</summary>
    public virtual bool AsksForServerName => false;

    /// <summary>What it shows and trusts; null where that is nothing.</summary>
    public virtual TlsIdentity? Identity => null;

    /// <summary>
    /// Puts its own transport in the place of the connection's. False: the two peers do not agree, and the connection is over. What it has
    /// made is closed then.
    /// </summary>
    public abstract IoTask<bool> AcceptAsync(DownstreamConnection connection);
}
