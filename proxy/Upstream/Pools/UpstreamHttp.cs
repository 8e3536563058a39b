using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Codecs.Http2;

namespace Managed.Proxy.Upstream.Pools;

internal enum UpstreamProtocol : byte
{
    Http1,
    Http2,
    /// <summary>What the endpoint chooses by TLS (ALPN, RFC 7301).</summary>
    Negotiated,
    /// <summary>What the request came by.</summary>
    Downstream,
}

/// <summary>Which HTTP a cluster of one version speaks to its endpoints, and how. Immutable.</summary>
internal sealed class UpstreamHttp
{
    private static readonly UpstreamHttp2OptionsConfig Defaults = new();

    public static readonly UpstreamHttp Http1 = new(UpstreamProtocol.Http1, Compile(Defaults),
        new Http2Stats(new StatBlock(Http2Stats.Group, null)), "h1");

    /// <summary>With defaults, and counted nowhere.</summary>
    public static readonly UpstreamHttp Http2 = new(UpstreamProtocol.Http2, Compile(Defaults),
        new Http2Stats(new StatBlock(Http2Stats.Group, null)), "h2");

    private UpstreamHttp(UpstreamProtocol protocol, Http2Options options, Http2Stats stats, string key,
        UpstreamHttpProtocolOptionsConfig? names = null)
    {
        (Protocol, Options, Stats, Key) = (protocol, options, stats, key);
        NamesServer = names is { AutoSni: true };
        NameField = System.Text.Encoding.ASCII.GetBytes(names?.OverrideAutoSniHeader.ToLowerInvariant() ?? "");
        if (NamesServer) Key += "|named";
    }

    /// <param name="cluster">What it says.</param>
    /// <param name="stats">For its connections of HTTP/2.</param>
    public static UpstreamHttp Of(ClusterConfig cluster, Func<Http2Stats> stats)
    {
        var options = cluster.HttpOptions;
        var (protocol, http2) = options switch
        {
            { ExplicitHttpConfig.Http2ProtocolOptions: { } two } => (UpstreamProtocol.Http2, two),
            { UseDownstreamProtocolConfig: { } same } => (UpstreamProtocol.Downstream, same.Http2ProtocolOptions ?? Defaults),
            { AutoConfig: { } auto } => (UpstreamProtocol.Negotiated, auto.Http2ProtocolOptions ?? Defaults),
            null when cluster.Http2ProtocolOptions is { } old => (UpstreamProtocol.Http2, old),
            _ => (UpstreamProtocol.Http1, Defaults),
        };
        var names = cluster.HttpNames;
        bool isPlain = names is not { AutoSni: true };
        if (protocol == UpstreamProtocol.Http1)
            return isPlain ? Http1 : new UpstreamHttp(UpstreamProtocol.Http1, Http1.Options, Http1.Stats, "h1", names);
        var compiled = Compile(http2);
        return new UpstreamHttp(protocol, compiled, stats(), $"{protocol}|{compiled}", names);
    }

    /// <summary>The host of a request says what its endpoint's TLS is about: connections are for one host each.</summary>
    public bool NamesServer { get; }
    /// <summary>Name of the header that stands for the host; empty: none.</summary>
    public byte[] NameField { get; }

    public UpstreamProtocol Protocol { get; }
    /// <summary>For connections of HTTP/2.</summary>
    public Http2Options Options { get; }
    public Http2Stats Stats { get; }
    /// <summary>What shapes connections: those made under another key are not used again.</summary>
    public string Key { get; }

    private static Http2Options Compile(UpstreamHttp2OptionsConfig config) => new()
    {
        HpackTableSize = config.HpackTableSize, MaxConcurrentStreams = config.MaxConcurrentStreams,
        InitialStreamWindowSize = config.InitialStreamWindowSize, InitialConnectionWindowSize = config.InitialConnectionWindowSize,
        UsesHuffman = config.EnableHuffmanEncoding, MaxOutboundFrames = config.MaxOutboundFrames,
        MaxOutboundControlFrames = config.MaxOutboundControlFrames,
        MaxConsecutiveInboundFramesWithEmptyPayload = config.MaxConsecutiveInboundFramesWithEmptyPayload,
        MaxInboundPriorityFramesPerStream = config.MaxInboundPriorityFramesPerStream,
        MaxInboundWindowUpdateFramesPerDataFrameSent = config.MaxInboundWindowUpdateFramesPerDataFrameSent,
        StreamErrorOnInvalidMessage = config.OverrideStreamErrorOnInvalidHttpMessage,
        KeepAliveIntervalMicros = Micros(config.ConnectionKeepalive?.Interval),
        KeepAliveTimeoutMicros = Micros(config.ConnectionKeepalive?.Timeout),
        KeepAliveJitterPercent = (int)(config.ConnectionKeepalive?.IntervalJitter.Value ?? 0),
        KeepAliveIdleMicros = Micros(config.ConnectionKeepalive?.ConnectionIdleInterval),
        DelayedCloseMicros = 0, // whoever reads nothing more of us loses nothing by it
    };

    private static long Micros(TimeSpan? span) => (long)(span ?? TimeSpan.Zero).TotalMicroseconds;
}
