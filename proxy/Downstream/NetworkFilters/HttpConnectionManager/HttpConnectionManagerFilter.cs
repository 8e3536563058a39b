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

    public override bool Speaks(string protocol) => protocol switch
    {
        "h2" => config.CodecType != HttpCodecType.Http1,
        "http/1.1" or "http/1.0" => config.CodecType != HttpCodecType.Http2,
        "h2c" or "h3" => false,
        _ => true,
    };

    public override async IoTask<bool> RunAsync(DownstreamConnection connection)
    {
        var stats = connection.Worker.Stats;
        stats.Increment(manager.Stats.CxTotal);
        stats.Increment(manager.Stats.CxActive);
        // What was agreed on with TLS is meant; without it the client's first bytes say, where that is left open.
        var codec = config.CodecType;
        if (codec == HttpCodecType.Auto && connection.Tls is { Alpn: var agreed and not "" })
            codec = agreed == "h2" ? HttpCodecType.Http2 : HttpCodecType.Http1;
        Http1ServerConnection? http1 = null;
        Http2ServerConnection? http2 = null;
        try
        {
            if (codec != HttpCodecType.Http2)
            {
                http1 = new Http1ServerConnection(connection, manager) { DetectsHttp2 = codec == HttpCodecType.Auto };
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
