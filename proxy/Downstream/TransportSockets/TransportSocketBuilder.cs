using System.Security.Cryptography;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Security;

namespace Managed.Proxy.Downstream.TransportSockets;

/// <summary>Builds what a chain puts between its sockets and its filters, on the control thread.</summary>
internal static class TransportSocketBuilder
{
    /// <summary>Envoy's messages, without the prefix of their URLs.</summary>
    public const string TlsType = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        RawBufferType = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer";

    /// <summary>Null with errors added, or null alone for the socket as it is.</summary>
    /// <param name="chain">Whose it is.</param>
    /// <param name="terminal">What will run the connections; null when it did not build.</param>
    /// <param name="former">Of the version before: what is said as it was there is not bound anew.</param>
    public static TransportSocket? Build(FilterChainConfig chain, Listener.Listener listener, TerminalFilter? terminal,
        TransportSocket? former, ConfigErrors errors, StatScope names, SharedState shared)
    {
        if (chain.TransportSocket is not { TypedConfig: { } typed }) return null;
        if (typed.Text("@type") is { } type && type.EndsWith(RawBufferType, StringComparison.Ordinal))
        {
            ConfigBinder.Bind<RawBufferConfig>(typed, errors);
            return null;
        }
        if (errors.HasErrors && typed.Text("@type")?.EndsWith(TlsType, StringComparison.Ordinal) == false)
            return null; // that it is none of these is said
        return ConfigBinder.BindPartial(typed, errors, (former as TlsSocket)?.Config)
            is { HasErrors: false, CommonTlsContext: { } common } config
            ? BuildTls(config, Spoken(common, terminal, errors), chain, listener, errors, names, shared) : null;
    }

    // A protocol that would be agreed on and then not be spoken is not offered.
    private static CommonTlsContextConfig Spoken(CommonTlsContextConfig common, TerminalFilter? terminal, ConfigErrors errors)
    {
        if (terminal is null || common.AlpnProtocols.All(terminal.Speaks)) return common;
        var spoken = common.AlpnProtocols.Where(terminal.Speaks).ToList();
        errors.WarningAt(common.Node, "alpn_protocols", ConfigCode.UnsupportedField,
            $"{string.Join(", ", common.AlpnProtocols.Except(spoken))} is not spoken behind TLS in this version, and is not offered to "
                + $"clients");
        return common with { AlpnProtocols = spoken };
    }

    private static TlsSocket? BuildTls(DownstreamTlsContextConfig config, CommonTlsContextConfig common, FilterChainConfig chain,
        Listener.Listener listener, ConfigErrors errors,
        StatScope names, SharedState shared)
    {
        var parameters = TlsBuilder.Parameters(common, config.PreferClientCiphers, errors);
        if (TlsBuilder.KeyLog(common, shared, errors) is { } keyLog && parameters is not null)
            parameters = parameters with { KeyLog = keyLog };
        var certificates = TlsBuilder.Certificates(common.TlsCertificates, shared, errors);
        // A secret that is not there is an error already.
        if (certificates.Count == 0 && common.TlsCertificateSdsSecretConfigs.Count == 0)
            errors.ErrorAt(common.Node ?? config.Node, "tls_certificates", ConfigCode.MissingField, "TLS needs a certificate",
                "give tls_certificates: [{certificate_chain: {filename: …}, private_key: {filename: …}}]");
        PeerVerifier? verifier = null;
        if (common.ValidationContext is { } validation
            && (verifier = TlsBuilder.Verifier(validation, requiresServerName: false, errors)) is null) return null;
        if (config.RequireClientCertificate && verifier is not { Verifies: true })
        {
            errors.Warning(config.Node, ConfigCode.InvalidValue,
                "clients must show a certificate, and nothing is asked of it: validation_context is missing or empty");
            verifier ??= new PeerVerifier();
        }
        var given = config.SessionTicketKeys is { } tickets ? TlsBuilder.TicketKeys(tickets, errors) : [];
        if (parameters is null || given is null || certificates.Count == 0 || certificates.Contains(null) || errors.HasErrors) return null;

        var all = certificates.OfType<TlsCertificate>().ToList();
        var choice = new CertificateChoice(all, config.FullScanCertsOnSniMismatch);
        byte[] place = Place(listener.Name, chain.Name, all, verifier, config.RequireClientCertificate);
        var settings = new TlsServerSettings
        {
            Parameters = parameters, Verifier = verifier, RequireClientCertificate = config.RequireClientCertificate,
            SessionTimeout = config.SessionTimeout, SessionContext = place,
            StaplePolicy = (StaplePolicy)config.OcspStaplePolicy,
            Tickets = config.DisableStatelessSessionResumption ? null : Tickets(config, given, place, shared),
        };
        string key = string.Join('|', "tls-server", Convert.ToHexString(place), parameters.Key(), config.SessionTimeout,
            config.OcspStaplePolicy, config.FullScanCertsOnSniMismatch,
            config.DisableStatelessSessionResumption, string.Join(',', given.Select(k => Convert.ToHexString(SHA256.HashData(k)))),
                string.Join(',', all.Select(c => c.Digest)));
        var contexts = shared.Lease(key, () => new TlsServerContexts(settings, choice, shared.Workers));
        if (contexts.Try() is { } wrong)
        {
            errors.Error(config.Node, ConfigCode.InvalidValue, wrong);
            return null;
        }
        return new TlsSocket(config, contexts, choice, new SslStats(names, $"listener.{listener.Stats.Prefix}."), config.RequireSni,
            (long)chain.TransportSocketConnectTimeout.TotalMicroseconds,
            new TlsIdentity(all, verifier?.TellsAuthorities == true ? verifier.TrustedCa : [])
                { Acme = TlsBuilder.Requests(common, shared, errors) });
    }

    // What a session may not be taken out of: the chain, its certificates, and whom it trusts.
    private static byte[] Place(string listener, string chain, List<TlsCertificate> certificates, PeerVerifier? verifier, bool required)
        => SHA256.HashData(Encoding.UTF8.GetBytes(
            string.Join('\n', listener, chain, string.Join(',', certificates.Select(c => Convert.ToHexString(c.Leaf.Sha256))),
                TlsBuilder.Digest(verifier), required)));

    // Our own keys are those of the place, whatever version: a publication ends no session.
    private static TicketKeys Tickets(DownstreamTlsContextConfig config, List<byte[]> given, byte[] place, SharedState shared)
    {
        if (given.Count > 0) return new TicketKeys([.. given.Select(k => TicketKey.From(k, place))]);
        string key = $"tls-tickets|{Convert.ToHexString(place)}|{config.SessionTimeout}";
        return shared.GetOrAdd(key,
            () => new TicketKeys(config.SessionTimeout, TimeProvider.System, shared.Handed.GetValueOrDefault(key)));
    }
}
