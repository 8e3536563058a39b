using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Downstream.Listener;

namespace Managed.Proxy.Downstream.ListenerFilters.TlsInspector;

internal sealed class TlsInspectorDefinition : ListenerFilterDefinition
{
    public override string Name => "envoy.filters.listener.tls_inspector";
    public override string TypeName => "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector";
    public override Type ConfigType => typeof(TlsInspectorConfig);
    public override string Summary
        => "Finds out whether a connection begins with TLS: server name, application protocols, fingerprints. Chains that ask for these "
            + "get it unasked.";

    internal override ListenerFilterFactory? Build(ConfigNode? typedConfig, ListenerFilterContext context)
        => typedConfig is null ? new TlsInspectorFactory(new TlsInspectorConfig(), context.Stats)
            : ConfigBinder.Bind<TlsInspectorConfig>(typedConfig, context.Errors) is { } config
                ? new TlsInspectorFactory(config, context.Stats) : null;
}

internal sealed class TlsInspectorFactory : ListenerFilterFactory
{
    private static readonly StatGroup Names = new(
        ["client_hello_too_large", "tls_found", "tls_not_found", "alpn_found", "alpn_not_found", "sni_found", "sni_not_found",
            "client_hello_parsing_errors"], [], []);

    public TlsInspectorFactory(TlsInspectorConfig config, StatScope stats)
    {
        Config = config;
        var group = stats.Group("tls_inspector.", Names);
        TooLarge = group.Counter("client_hello_too_large");
        Found = group.Counter("tls_found");
        NotFound = group.Counter("tls_not_found");
        AlpnFound = group.Counter("alpn_found");
        AlpnNotFound = group.Counter("alpn_not_found");
        SniFound = group.Counter("sni_found");
        SniNotFound = group.Counter("sni_not_found");
        ParsingErrors = group.Counter("client_hello_parsing_errors");
    }

    public TlsInspectorConfig Config { get; }
    public Counter TooLarge { get; }
    public Counter Found { get; }
    public Counter NotFound { get; }
    public Counter AlpnFound { get; }
    public Counter AlpnNotFound { get; }
    public Counter SniFound { get; }
    public Counter SniNotFound { get; }
    public Counter ParsingErrors { get; }

    public override ListenerFilter Create(WorkerContext worker) => new TlsInspectorFilter(this, worker);
}

internal sealed class TlsInspectorFilter(TlsInspectorFactory factory, WorkerContext worker) : ListenerFilter
{
    private ClientHelloReader _reader = new((int)factory.Config.MaxClientHelloSize);

    // The message, and a record's head for as little as each of its bytes; the reader says when it is too long.
    public override int MaxBytes => 8 * (int)factory.Config.MaxClientHelloSize;

    public override ListenerFilterStatus Inspect(ReadOnlySpan<byte> bytes, ConnectionFacts facts)
    {
        var status = _reader.Read(bytes, out var hello, factory.Config.EnableJa3Fingerprinting, factory.Config.EnableJa4Fingerprinting);
        var stats = worker.Stats;
        switch (status)
        {
            case HelloStatus.NeedMore:
                return ListenerFilterStatus.NeedMore;
            case HelloStatus.Done:
                stats.Increment(factory.Found);
                stats.Increment(hello!.ServerName.Length > 0 ? factory.SniFound : factory.SniNotFound);
                stats.Increment(hello.Alpn.Count > 0 ? factory.AlpnFound : factory.AlpnNotFound);
                facts.TransportProtocol = ConnectionFacts.Tls;
                facts.ServerName = hello.ServerName;
                facts.ApplicationProtocols = hello.Alpn;
                facts.Ja3 = hello.Ja3;
                facts.Ja4 = hello.Ja4;
                return ListenerFilterStatus.Done;
            case HelloStatus.TooLong:
                stats.Increment(factory.TooLarge);
                return ListenerFilterStatus.Reject;
            case HelloStatus.Malformed:
                stats.Increment(factory.ParsingErrors);
                if (factory.Config.CloseConnectionOnClientHelloParsingErrors) return ListenerFilterStatus.Reject;
                break;
        }
        stats.Increment(factory.NotFound);
        return ListenerFilterStatus.Done;
    }
}
