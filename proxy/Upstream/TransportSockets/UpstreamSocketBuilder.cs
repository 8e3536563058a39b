using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Security;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.Pools;

namespace Managed.Proxy.Upstream.TransportSockets;

/// <summary>Builds what a cluster puts between its connections and what is sent over them, on the control thread.</summary>
internal static class UpstreamSocketBuilder
{
    /// <summary>Envoy's messages, without the prefix of their URLs.</summary>
    public const string TlsType = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        RawBufferType = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
        ProxyProtocolType = "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport";

    /// <summary>Null with errors added, or null alone for connections as they are.</summary>
    public static UpstreamSocket? Build(ClusterConfig cluster, UpstreamProtocol protocol, ConfigErrors errors, StatScope names,
        SharedState shared)
    {
        if (cluster.TransportSocket is not { TypedConfig: { } typed }) return null;
        if (typed.Text("@type") is not { } type || !type.EndsWith(ProxyProtocolType, StringComparison.Ordinal))
            return Inner(typed, cluster, protocol, errors, names, shared);
        if (ConfigBinder.Bind<UpstreamProxyProtocolConfig>(typed, errors) is not { TransportSocket: { } inside } config) return null;
        int before = errors.Count;
        if (inside.TypedConfig?.Text("@type") is { } within && within.EndsWith(ProxyProtocolType, StringComparison.Ordinal))
            errors.Error(inside.Node, ConfigCode.Conflict, "a connection has one header of the PROXY protocol");
        var header = ProxyHeaderWriter.Build(config.Config, errors);
        var inner = inside.TypedConfig is { } content ? Inner(content, cluster, protocol, errors, names, shared) : null;
        if (inner is null && protocol == UpstreamProtocol.Negotiated)
            errors.Error(inside.Node, ConfigCode.Conflict, "auto_config needs TLS, by which the endpoint chooses (ALPN)");
        return header is null || errors.Count > before ? null : new UpstreamProxySocket(header, inner);
    }

    private static UpstreamTlsSocket? Inner(ConfigObject typed, ClusterConfig cluster, UpstreamProtocol protocol, ConfigErrors errors,
        StatScope names, SharedState shared)
    {
        if (typed.Text("@type") is { } type && type.EndsWith(RawBufferType, StringComparison.Ordinal))
        {
            ConfigBinder.Bind<RawBufferConfig>(typed, errors);
            return null;
        }
        if (errors.HasErrors && typed.Text("@type")?.EndsWith(TlsType, StringComparison.Ordinal) == false)
            return null; // that it is none of these is said
        return ConfigBinder.Bind<UpstreamTlsContextConfig>(typed, errors) is { } config
            ? BuildTls(config, cluster, protocol, errors, names, shared) : null;
    }

    private static UpstreamTlsSocket? BuildTls(UpstreamTlsContextConfig config, ClusterConfig cluster, UpstreamProtocol protocol,
        ConfigErrors errors, StatScope names, SharedState shared)
    {
        var common = config.CommonTlsContext;
        var parameters = TlsBuilder.Parameters(common, preferClientCiphers: false, errors);
        if (TlsBuilder.KeyLog(common, shared, errors) is { } keyLog && parameters is not null)
            parameters = parameters with { KeyLog = keyLog };
        if (common.TlsCertificates.Count > 1)
            errors.ErrorAt(common.Node, "tls_certificates", ConfigCode.InvalidValue, "a client shows one certificate");
        var own = common.TlsCertificates.Count > 0 ? TlsBuilder.Certificate(common.TlsCertificates[0], shared, errors) : null;
        bool checksHost = cluster.HttpNames is { AutoSanValidation: true };
        PeerVerifier? verifier = config.AutoSniSanValidation || checksHost ? new PeerVerifier { RequiresServerName = true } : null;
        if (common.ValidationContext is { } validation
            && (verifier = TlsBuilder.Verifier(validation, config.AutoSniSanValidation || checksHost, errors)) is null) return null;
        if (config.AutoSniSanValidation && config.Sni.Length == 0 && !config.AutoHostSni
            && cluster.HttpNames is not { AutoSni: true })
            errors.ErrorAt(config.Node, "auto_sni_san_validation", ConfigCode.InvalidValue,
                "there is no server name to look for: give sni or auto_host_sni");
        if (parameters is null || errors.HasErrors) return null;
        Warn(config, cluster, protocol, verifier, errors);
        // What the file says is offered; where it says nothing, what is spoken (Envoy's order).
        string[] both = protocol == UpstreamProtocol.Negotiated ? ["h2", "http/1.1"] : ["h2"];
        var offers = parameters.Alpn.Count > 0 ? parameters : parameters with { Alpn = both };
        if (Lease(parameters) is not { } contexts || (protocol == UpstreamProtocol.Http1 ? contexts : Lease(offers)) is not { } http2)
            return null;
        bool offered = protocol != UpstreamProtocol.Http1 && offers.Alpn.Contains("h2");
        return new UpstreamTlsSocket($"{Key(offers)}|{config.Sni}|{config.AutoHostSni}", contexts, (http2, offered),
            new SslStats(names, $"cluster.{cluster.Name}."), config.Sni, config.AutoHostSni,
            new TlsIdentity(own is null ? [] : [own], verifier?.TellsAuthorities == true ? verifier.TrustedCa : [])
                { Acme = TlsBuilder.Requests(common, shared, errors) });

        string Key(TlsParameters with) => string.Join('|', "tls-client", cluster.Name, with.Key(), TlsBuilder.Digest(verifier), own?.Digest,
            config.MaxSessionKeys);

        TlsClientContexts? Lease(TlsParameters with)
        {
            var settings = new TlsClientSettings { Parameters = with, Verifier = verifier, Certificate = own,
                MaxSessions = config.MaxSessionKeys };
            var leased = shared.Lease(Key(with), () => new TlsClientContexts(settings, shared.Workers));
            if (leased.Try() is not { } wrong) return leased;
            errors.Error(config.Node, ConfigCode.InvalidValue, wrong);
            return null;
        }
    }

    // It works, as in Envoy, and it is not what people take TLS for.
    private static void Warn(UpstreamTlsContextConfig config, ClusterConfig cluster, UpstreamProtocol protocol, PeerVerifier? verifier,
        ConfigErrors errors)
    {
        if (protocol == UpstreamProtocol.Http1 && config.CommonTlsContext.AlpnProtocols.Contains("h2"))
            errors.WarningAt(config.CommonTlsContext.Node, "alpn_protocols", ConfigCode.Conflict,
                $"cluster '{cluster.Name}' offers h2, and requests to it are HTTP/1.1: an endpoint that takes the offer will not "
                    + $"understand them", "leave h2 out, or give http2: true");
        if (verifier is not { Verifies: true })
            errors.Warning(config.Node, ConfigCode.InvalidValue,
                $"cluster '{cluster.Name}' encrypts, and does not look at whom it speaks to: whoever stands between can read and change "
                    + $"everything", "give validation_context with trusted_ca and the names, or auto_sni_san_validation");
        else if (verifier.TrustedCa.Length > 0 && verifier.Names.Count == 0 && !verifier.RequiresServerName
            && verifier.CertificatePins.Count + verifier.KeyPins.Count == 0)
            errors.Warning(config.Node, ConfigCode.InvalidValue,
                $"cluster '{cluster.Name}' takes every certificate of its authorities, whatever the name in it",
                    "give match_typed_subject_alt_names or auto_sni_san_validation");
    }
}
