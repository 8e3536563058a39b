using System.Collections.Concurrent;

namespace Managed.Proxy.Core.Tls;

/// <summary>What two peers agreed on in their handshake. It stays readable when the connection is closed.</summary>
internal sealed class TlsConnection
{
    // Names of ciphers by the address of OpenSSL's own entry; of groups by their number. There are some dozens of each.
    private static readonly ConcurrentDictionary<nint, string> Ciphers = new();
    private static readonly ConcurrentDictionary<int, string> Groups = new();

    private readonly byte[]? _peer;
    private readonly byte[][] _chain;
    private PeerCertificate? _certificate;

    private TlsConnection(byte[]? peer, byte[][] chain) => (_peer, _chain) = (peer, chain);

    /// <summary>TLSv1.2 or TLSv1.3, as Envoy writes it.</summary>
    public required string Version { get; init; }
    /// <summary>OpenSSL's name, such as ECDHE-RSA-AES128-GCM-SHA256 or TLS_AES_128_GCM_SHA256.</summary>
    public required string Cipher { get; init; }
    /// <summary>Its number in TLS's registry.</summary>
    public required int CipherId { get; init; }
    /// <summary>The group of the key exchange; empty for a resumed session without one.</summary>
    public required string Group { get; init; }
    /// <summary>Empty when none was agreed on.</summary>
    public required string Alpn { get; init; }
    /// <summary>What the client asked for; empty when it named none.</summary>
    public required string ServerName { get; init; }
    public required bool IsResumed { get; init; }
    /// <summary>Lower-case hexadecimal digits; empty when the session has none.</summary>
    public required string SessionId { get; init; }
    /// <summary>Our own certificate; null for a client without one.</summary>
    public required TlsCertificate? Local { get; init; }
    /// <summary>The peer showed a certificate.</summary>
    public bool HasPeerCertificate => _peer is not null;
    /// <summary>It was verified, and nothing was accepted in spite of it.</summary>
    public required bool IsPeerVerified { get; init; }

    /// <summary>The peer's certificate; read at the first call. Null when it showed none.</summary>
    public PeerCertificate? Peer => _peer is null ? null : _certificate ??= PeerCertificate.Read(_peer);

    /// <summary>The certificates that the peer sent, its own first, in DER. On a resumed connection its own alone.</summary>
    public IReadOnlyList<byte[]> PeerChain => _chain;

    /// <summary>Text that somebody made of it, and who: made once, since it does not change.</summary>
    public (object? Maker, object? Text) Described { get; set; }

    internal static unsafe TlsConnection Of(nint ssl, TlsContext context, string serverName)
    {
        byte[]? peer = null;
        byte[][] chain = [];
        nint certificate = context.AsksForCertificate ? LibSsl.SSL_get1_peer_certificate(ssl) : 0;
        if (certificate != 0)
        {
            peer = PeerCertificate.Der(certificate);
            LibCrypto.X509_free(certificate);
            chain = ChainOf(ssl, peer, context.IsServer);
        }
        byte* alpn;
        uint alpnLength;
        LibSsl.SSL_get0_alpn_selected(ssl, &alpn, &alpnLength);
        nint cipher = LibSsl.SSL_get_current_cipher(ssl);
        if (serverName.Length == 0) serverName = TlsLibrary.Text(LibSsl.SSL_get_servername(ssl, 0));
        return new TlsConnection(peer, chain)
        {
            Version = LibSsl.SSL_version(ssl) == LibSsl.Tls13 ? "TLSv1.3" : "TLSv1.2",
            Cipher = Ciphers.TryGetValue(cipher, out string? name) ? name
                : Ciphers.GetOrAdd(cipher, static c => TlsLibrary.Text(LibSsl.SSL_CIPHER_get_name(c))),
            CipherId = LibSsl.SSL_CIPHER_get_protocol_id(cipher),
            Group = GroupOf(ssl),
            Alpn = context.AlpnName(new ReadOnlySpan<byte>(alpn, (int)alpnLength)),
            ServerName = serverName,
            IsResumed = LibSsl.SSL_session_reused(ssl) != 0,
            SessionId = SessionIdOf(ssl),
            Local = context.CertificateOf(LibSsl.SSL_get_certificate(ssl)),
            IsPeerVerified = peer is not null && context.Verifier is { } verifier && verifier.Verifies
                && LibSsl.SSL_get_verify_result(ssl) == LibCrypto.VerifyOk,
        };
    }

    private static string GroupOf(nint ssl)
    {
        int group = (int)LibSsl.SSL_ctrl(ssl, LibSsl.CtrlGetNegotiatedGroup, 0, 0);
        if (group == 0) return "";
        if (Groups.TryGetValue(group, out string? name)) return name;
        name = TlsLibrary.Text(LibSsl.SSL_group_to_name(ssl, group));
        return Groups.GetOrAdd(group, name switch { "x25519" => "X25519", "secp256r1" or "prime256v1" => "P-256", "secp384r1" => "P-384",
            "secp521r1" => "P-521", _ => name });
    }

    private static unsafe string SessionIdOf(nint ssl)
    {
        nint session = LibSsl.SSL_get_session(ssl);
        if (session == 0) return "";
        uint length;
        byte* id = LibSsl.SSL_SESSION_get_id(session, &length);
        return length == 0 ? "" : Convert.ToHexStringLower(new ReadOnlySpan<byte>(id, (int)length));
    }

    // A server's list lacks the client's own certificate, a client's begins with the server's.
    private static byte[][] ChainOf(nint ssl, byte[] peer, bool isServer)
    {
        nint stack = LibSsl.SSL_get_peer_cert_chain(ssl);
        int count = stack == 0 ? 0 : LibCrypto.OPENSSL_sk_num(stack);
        var chain = new List<byte[]> { peer };
        for (int i = isServer ? 0 : 1; i < count; i++) chain.Add(PeerCertificate.Der(LibCrypto.OPENSSL_sk_value(stack, i)));
        return [.. chain];
    }
}
