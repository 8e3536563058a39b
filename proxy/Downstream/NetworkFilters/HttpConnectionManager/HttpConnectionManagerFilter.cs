using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Http;

namespace Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;

/// <summary>The terminal filter that speaks HTTP with the client [4].</summary>
internal sealed class HttpConnectionManagerFilter(ConnectionManager manager, HttpCodecType codec) : TerminalFilter
{
    public ConnectionManager Manager => manager;

    public override long DrainMicros => manager.DrainMicros;

    public override async IoTask<bool> RunAsync(DownstreamConnection connection)
    {
        var stats = connection.Worker.Stats;
        stats.Increment(manager.Stats.CxTotal);
        stats.Increment(manager.Stats.CxActive);
        var last = codec == HttpCodecType.Http2 ? await RunHttp2Async(connection, manager, null) : await RunHttp1Async(connection);
        stats.Decrement(last.CxActive);
        stats.Increment(last.CxDestroy);
        return true;
    }

    // Whose statistics it ended on.
    private async IoTask<HttpStats> RunHttp1Async(DownstreamConnection connection)
    {
        var http1 = new Http1ServerConnection(connection, manager) { DetectsHttp2 = codec == HttpCodecType.Auto };
        await http1.RunAsync();
        if (http1.IsHttp2) return await RunHttp2Async(connection, manager, http1.Input);
        return http1.Stats;
    }

    private static async IoTask<HttpStats> RunHttp2Async(DownstreamConnection connection, ConnectionManager manager, InputBuffer? input)
    {
        connection.Worker.Stats.Increment(manager.Stats.CxHttp2);
        var http2 = new Http2ServerConnection(connection, manager, input);
        await http2.ServeAsync();
        return http2.Stats;
    }
}
