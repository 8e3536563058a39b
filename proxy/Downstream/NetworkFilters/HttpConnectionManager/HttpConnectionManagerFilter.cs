using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Http;

namespace Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;

/// <summary>The terminal filter that speaks HTTP with the client [4].</summary>
internal sealed class HttpConnectionManagerFilter(ConnectionManager manager) : TerminalFilter
{
    public ConnectionManager Manager => manager;

    public override long DrainMicros => manager.DrainMicros;

    public override async IoTask<bool> RunAsync(DownstreamConnection connection)
    {
        var stats = connection.Worker.Stats;
        stats.Increment(manager.Stats.CxTotal);
        stats.Increment(manager.Stats.CxActive);
        var http = new Http1ServerConnection(connection, manager);
        await http.RunAsync();
        stats.Decrement(http.Stats.CxActive);
        stats.Increment(http.Stats.CxDestroy);
        return true;
    }
}
