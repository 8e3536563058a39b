using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Http;

namespace Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;

/// <summary>The terminal filter that speaks HTTP with the client [4].</summary>
internal sealed class HttpConnectionManagerFilter(ConnectionManager manager, HttpConnectionManagerConfig config) : TerminalFilter
{
    public ConnectionManager Manager => manager;
    /// <summary>What it was built from, for the next version to take over what is the same.</summary>
    public HttpConnectionManagerConfig Config => config;

    public override long DrainMicros => manager.DrainMicros;

    // HTTP/2 and 3 are not spoken with clients yet.
    public override bool Speaks(string protocol) => protocol is not ("h2" or "h2c" or "h3");

    public override async IoTask<bool> RunAsync(DownstreamConnection connection)
    {
        var stats = connection.Worker.Stats;
        stats.Increment(manager.Stats.CxTotal);
        stats.Increment(manager.Stats.CxActive);
        Http1ServerConnection? http1 = null;
        Http2ServerConnection? http2 = null;
        try
        {
            if (config.CodecType != HttpCodecType.Http2)
            {
                http1 = new Http1ServerConnection(connection, manager) { DetectsHttp2 = config.CodecType == HttpCodecType.Auto };
                await http1.RunAsync();
            }
            if (http1 is null or { IsHttp2: true })
            {
                stats.Increment(manager.Stats.CxHttp2);
                http2 = new Http2ServerConnection(connection, manager, http1?.Input);
                await http2.ServeAsync();
            }
        }
        finally
        {
            var last = http2?.Stats ?? http1?.Stats ?? manager.Stats; // of the version that it is on by now
            stats.Decrement(last.CxActive);
            stats.Increment(last.CxDestroy);
        }
        return true;
    }
}
