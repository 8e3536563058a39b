using Managed.Proxy.Core.EventLoop;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>
/// The last network filter of a chain [3], built for one version and shared by all workers: it runs each connection to its end.
/// </summary>
internal abstract class TerminalFilter
{
    /// <summary>Runs the connection; the caller closes it afterwards.</summary>
    public abstract IoTask<bool> RunAsync(DownstreamConnection connection);

    /// <summary>How long an idle connection is kept open for a request on its way, once it drains; 0: it has no such rule.</summary>
    public virtual long DrainMicros => 0;

    /// <summary>Whether it can go on with an application protocol (ALPN) that the client would choose.</summary>
    public virtual bool Speaks(string protocol) => true;
}
