namespace Managed.Proxy.Core.Tls;

/// <summary>What both sides of a handshake may agree on. Empty lists leave it to OpenSSL.</summary>
internal sealed record TlsParameters
{
    public TlsVersion MinVersion { get; init; } = TlsVersion.Tls12;
    public TlsVersion MaxVersion { get; init; } = TlsVersion.Tls13;
    /// <summary>
    /// OpenSSL's names, best first. Those of TLS 1.3 begin with TLS_ and are a list of their own. [A|B], of equal worth in Envoy, stands
    /// for A and B in this order.
    /// </summary>
    public IReadOnlyList<string> CipherSuites { get; init; } = [];
    /// <summary>Groups of the key exchange, such as X25519 and P-256, best first.</summary>
    public IReadOnlyList<string> Curves { get; init; } = [];
    /// <summary>Such as ecdsa_secp256r1_sha256 and rsa_pss_rsae_sha256, best first.</summary>
    public IReadOnlyList<string> SignatureAlgorithms { get; init; } = [];
    /// <summary>Application protocols (ALPN, RFC 7301), best first.</summary>
    public IReadOnlyList<string> Alpn { get; init; } = [];
    /// <summary>A server lets the client's order of ciphers count, not its own.</summary>
    public bool PreferClientCiphers { get; init; }
    /// <summary>Takes the secrets of connections; null: nobody.</summary>
    public KeyLog? KeyLog { get; init; }

    /// <summary>All of it in one line, the same for equal ones.</summary>
    public string Key() => string.Join('|', MinVersion, MaxVersion, List(CipherSuites), List(Curves), List(SignatureAlgorithms), List(Alpn),
        PreferClientCiphers, KeyLog?.Key);

    private static string List(IReadOnlyList<string> names) => string.Join(',', names);
}
