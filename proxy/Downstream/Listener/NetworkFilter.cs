using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>
/// A filter on the bytes of one connection [3], before the terminal filter of its chain: on one worker, no locks. Bytes from the client
/// pass the filters in the order of the chain, bytes to it in reverse. A hook may change the bytes in place.
/// </summary>
public abstract class NetworkFilter
{
    internal FilteredTransport Transport { get; set; } = null!;
    internal DownstreamConnection Connection { get; set; } = null!;

    /// <summary>Before anything is read. StopIteration keeps the terminal filter from beginning.</summary>
    public virtual NetworkStatus OnNewConnection() => NetworkStatus.Continue;
    /// <summary>Bytes from the client, with what was kept of them before. <paramref name="end"/>: the client sends no more.</summary>
    public virtual NetworkStatus OnData(ByteWriter data, bool end) => NetworkStatus.Continue;
    /// <summary>Bytes to the client, likewise.</summary>
    public virtual NetworkStatus OnWrite(ByteWriter data, bool end) => NetworkStatus.Continue;
    /// <summary>The connection is over.</summary>
    public virtual void OnClose(ConnectionEnd end) { }

    /// <summary>Goes on after a StopIteration of OnNewConnection or OnData. Not within these.</summary>
    protected void ContinueReading() => Transport.ContinueReading();
    /// <summary>Goes on after a StopIteration of OnWrite. Not within it.</summary>
    protected void ContinueWriting() => Transport.ContinueWriting();
    /// <summary>Ends the connection; what has passed the filters is sent before.</summary>
    protected void CloseConnection() => Transport.CloseSoon();
}

/// <summary>A filter of one version: makes an instance for each connection. On the connection's worker.</summary>
internal abstract class NetworkFilterFactory
{
    /// <summary>
    /// It looks at bytes: an instance of it stands between the socket and the chain's last filter. False: it says of each connection
    /// whether it may come, and costs nothing afterwards.
    /// </summary>
    public virtual bool SeesBytes => true;

    /// <summary>The server name must be known before: the listener has to look at the first bytes.</summary>
    public virtual bool AsksForServerName => false;

    /// <summary>
    /// Whether the connection may come; asked before its TLS begins. Not admitted, it is closed.
    /// </summary>
    public virtual IoTask<bool> AdmitAsync(DownstreamConnection connection) => new(true);

    /// <summary>A connection that was admitted is over.</summary>
    public virtual void Leave(DownstreamConnection connection) { }

    /// <summary>Of one that sees bytes. Null: the connection is to be closed at once.</summary>
    public virtual NetworkFilter? Create(DownstreamConnection connection) => null;
}
