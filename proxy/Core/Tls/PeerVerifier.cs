using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Managed.Proxy.Core.Tls;

/// <summary>
/// What a peer's certificate is held against, immutable and shared by all workers. All that is asked for must hold: the chain, one of the
/// names, one of the pins. With nothing asked for any certificate is accepted.
/// </summary>
internal sealed unsafe class PeerVerifier
{
    private static readonly delegate* unmanaged[Cdecl]<int, nint, int> IgnoreTimesCallback = &IgnoreTimes;

    /// <summary>Certificates that chains may end in, in PEM, intermediate ones too; empty: chains are not verified.</summary>
    public byte[] TrustedCa { get; init; } = [];
    /// <summary>Servers name the authorities to their clients; not those of the system, which are many.</summary>
    public bool TellsAuthorities { get; init; } = true;
    /// <summary>Revocation lists in PEM; empty: none is asked for.</summary>
    public byte[] RevocationLists { get; init; } = [];
    /// <summary>Only the peer's own certificate is looked up in the lists.</summary>
    public bool RevocationOfLeafOnly { get; init; }
    /// <summary>Certificates that are out of date, or not yet valid, pass.</summary>
    public bool AllowExpired { get; init; }
    /// <summary>A chain that is not trusted is noted and passes (Envoy's ACCEPT_UNTRUSTED).</summary>
    public bool AcceptUntrusted { get; init; }
    /// <summary>Intermediate certificates between the peer's and the trusted one.</summary>
    public int MaxDepth { get; init; } = 100; // OpenSSL's default
    /// <summary>One of them must be true of an alternative name.</summary>
    public IReadOnlyList<SanMatcher> Names { get; init; } = [];
    /// <summary>The name that a client asked for must be in the certificate (Envoy's auto_sni_san_validation).</summary>
    public bool RequiresServerName { get; init; }
    /// <summary>SHA-256 of the certificate in DER; one of these or of <see cref="KeyPins"/> must be the peer's.</summary>
    public IReadOnlyList<byte[]> CertificatePins { get; init; } = [];
    /// <summary>SHA-256 of the public key's SubjectPublicKeyInfo in DER.</summary>
    public IReadOnlyList<byte[]> KeyPins { get; init; } = [];

    /// <summary>A certificate that is accepted says something of who the peer is.</summary>
    public bool Verifies => TrustedCa.Length > 0 || Names.Count > 0 || RequiresServerName || CertificatePins.Count + KeyPins.Count > 0;

    /// <summary>Puts authorities and lists into a context's store; null, or what of them cannot be read.</summary>
    public string? FillStore(nint library, nint store)
    {
        if (TrustedCa.Length > 0)
        {
            var authorities = Pem.ReadCertificates(library, TrustedCa);
            if (authorities.Count == 0) return "the trusted certificates cannot be read";
            foreach (nint authority in authorities)
            {
                LibCrypto.X509_STORE_add_cert(store, authority);
                LibCrypto.X509_free(authority);
            }
        }
        ulong flags = LibCrypto.StorePartialChain;
        if (RevocationLists.Length > 0)
        {
            if (Pem.ReadRevocationLists(RevocationLists) is not { } lists) return "the revocation lists cannot be read";
            foreach (nint list in lists)
            {
                LibCrypto.X509_STORE_add_crl(store, list);
                LibCrypto.X509_CRL_free(list);
            }
            flags |= LibCrypto.StoreCrlCheck | (RevocationOfLeafOnly ? 0 : LibCrypto.StoreCrlCheckAll);
        }
        LibCrypto.X509_STORE_set_flags(store, flags);
        if (AllowExpired) LibCrypto.X509_STORE_set_verify_cb(store, (nint)IgnoreTimesCallback);
        return null;
    }

    /// <summary>
    /// In the middle of a handshake: what is to be said of the peer's chain. Of a chain that passes untrusted the error stays noted.
    /// </summary>
    /// <param name="store">OpenSSL's X509_STORE_CTX.</param>
    /// <param name="serverName">What a client asked for.</param>
    public PeerVerdict Verify(nint store, string serverName)
    {
        if (TrustedCa.Length == 0) LibCrypto.X509_STORE_CTX_set_error(store, LibCrypto.VerifyOk);
        else if (LibCrypto.X509_verify_cert(store) != 1 && !AcceptUntrusted)
        {
            TlsLibrary.TakeError();
            return PeerVerdict.Untrusted;
        }
        TlsLibrary.TakeError();
        bool asksForName = Names.Count > 0 || (RequiresServerName && serverName.Length > 0),
            asksForPin = CertificatePins.Count + KeyPins.Count > 0;
        if (!asksForName && !asksForPin) return PeerVerdict.Accepted;
        nint leaf = LibCrypto.X509_STORE_CTX_get0_cert(store);
        if (leaf == 0) return PeerVerdict.NoCertificate;
        var certificate = PeerCertificate.Read(PeerCertificate.Der(leaf));
        if (Names.Count > 0 && !Names.Any(n => n.IsIn(certificate))) return PeerVerdict.WrongName;
        if (RequiresServerName && serverName.Length > 0 && !IsFor(certificate, serverName)) return PeerVerdict.WrongName;
        return !asksForPin || IsPinned(certificate) ? PeerVerdict.Accepted : PeerVerdict.NotPinned;
    }

    private static bool IsFor(PeerCertificate certificate, string name)
        => IPAddress.TryParse(name, out var address)
            ? certificate.AlternativeNames.Any(n => n.Type == SanType.IpAddress && n.Value == address.ToString())
            : certificate.AlternativeNames.Any(n => n.Type == SanType.Dns && DnsName.Matches(n.Value, name));

    private bool IsPinned(PeerCertificate certificate)
        => CertificatePins.Any(p => p.AsSpan().SequenceEqual(certificate.Sha256))
        || KeyPins.Any(p => p.AsSpan().SequenceEqual(certificate.KeySha256));

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int IgnoreTimes(int ok, nint store)
    {
        if (ok != 0 || LibCrypto.X509_STORE_CTX_get_error(store) is not (LibCrypto.VerifyErrExpired or LibCrypto.VerifyErrNotYetValid))
            return ok;
        LibCrypto.X509_STORE_CTX_set_error(store, LibCrypto.VerifyOk);
        return 1;
    }
}
