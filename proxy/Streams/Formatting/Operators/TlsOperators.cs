using System.Globalization;
using Managed.Proxy.Core.Tls;

namespace Managed.Proxy.Streams.Formatting.Operators;

/// <summary>What TLS knows of both sides, under Envoy's names. Several values are joined by commas; what is not there is nothing.</summary>
internal static class TlsOperators
{
    private static readonly (string Name, SanType Type)[] Names =
        [("URI_SAN", SanType.Uri), ("DNS_SAN", SanType.Dns), ("IP_SAN", SanType.IpAddress), ("EMAIL_SAN", SanType.Email),
            ("OTHERNAME_SAN", SanType.OtherName)];

    public static void Register(Action<string, Func<StreamInfo, string?>> text)
    {
        Side("DOWNSTREAM", static i => i.DownstreamTls, text);
        Side("UPSTREAM", static i => i.UpstreamTls, text);
        text("DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256", static i => Chain(i, static c => Convert.ToHexStringLower(c.Sha256)));
        text("DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1", static i => Chain(i, static c => c.Sha1));
        text("DOWNSTREAM_PEER_CHAIN_SERIALS", static i => Chain(i, static c => c.SerialNumber));
        text("TLS_JA3_FINGERPRINT", static i => NotEmpty(i.Ja3));
        text("TLS_JA4_FINGERPRINT", static i => NotEmpty(i.Ja4));
        text("DOWNSTREAM_TRANSPORT_FAILURE_REASON", static i => NotEmpty(i.DownstreamTransportFailure));
    }

    private static void Side(string side, Func<StreamInfo, TlsConnection?> of, Action<string, Func<StreamInfo, string?>> text)
    {
        text(side + "_TLS_VERSION", i => of(i)?.Version);
        text(side + "_TLS_CIPHER", i => of(i)?.Cipher);
        text(side + "_TLS_SESSION_ID", i => NotEmpty(of(i)?.SessionId));
        Certificate(side + "_PEER_", i => of(i)?.Peer, text);
        Certificate(side + "_LOCAL_", i => of(i)?.Local?.Leaf, text);
    }

    private static void Certificate(string prefix, Func<StreamInfo, PeerCertificate?> of, Action<string, Func<StreamInfo, string?>> text)
    {
        text(prefix + "SUBJECT", i => NotEmpty(of(i)?.Subject));
        foreach (var (name, type) in Names)
            text(prefix + name, i => of(i) is { } certificate ? NotEmpty(string.Join(',', certificate.Names(type))) : null);
        if (prefix.EndsWith("LOCAL_", StringComparison.Ordinal)) return;
        text(prefix + "ISSUER", i => NotEmpty(of(i)?.Issuer));
        text(prefix + "SERIAL", i => NotEmpty(of(i)?.SerialNumber));
        text(prefix + "FINGERPRINT_256", i => of(i) is { } certificate ? Convert.ToHexStringLower(certificate.Sha256) : null);
        text(prefix + "FINGERPRINT_1", i => of(i)?.Sha1);
        text(prefix + "CERT", i => of(i) is { } certificate ? Uri.EscapeDataString(certificate.Pem) : null);
        text(prefix + "CERT_V_START", i => of(i) is { } certificate ? Time(certificate.NotBefore) : null);
        text(prefix + "CERT_V_END", i => of(i) is { } certificate ? Time(certificate.NotAfter) : null);
    }

    private static string? Chain(StreamInfo info, Func<PeerCertificate, string> what)
        => info.DownstreamTls is { PeerChain.Count: > 0 } tls
        ? string.Join(',', tls.PeerChain.Select(der => what(PeerCertificate.Read(der)))) : null;

    private static string Time(DateTimeOffset time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss.000'Z'", CultureInfo.InvariantCulture);

    private static string? NotEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
