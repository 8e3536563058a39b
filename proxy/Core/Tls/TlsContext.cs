using System.Runtime.InteropServices;
using System.Text;

namespace Managed.Proxy.Core.Tls;

/// <summary>
/// An SSL_CTX: what connections of one worker and one set of certificates have in common, immutable. Made on any thread, used on its
/// worker. It goes when <see cref="Release"/> was called and the last connection has gone, on whatever thread that is.
/// </summary>
internal sealed unsafe partial class TlsContext
{
    private readonly (nint Pointer, TlsCertificate Certificate)[] _certificates;
    private readonly string[] _alpn;
    private readonly byte[] _alpnWire;
    private GCHandle _self;
    private int _references = 1;

    private TlsContext(nint pointer, bool isServer, TlsParameters parameters, IReadOnlyList<TlsCertificate> certificates,
        PeerVerifier? verifier)
    {
        Pointer = pointer;
        IsServer = isServer;
        Verifier = verifier;
        _certificates = new (nint, TlsCertificate)[certificates.Count];
        _alpn = [.. parameters.Alpn];
        _alpnWire = Wire(parameters.Alpn);
        _self = GCHandle.Alloc(this);
        LibSsl.SSL_CTX_set_ex_data(pointer, 0, GCHandle.ToIntPtr(_self));
    }

    public nint Pointer { get; private set; }
    public bool IsServer { get; }
    public PeerVerifier? Verifier { get; }
    /// <summary>A peer may have to show a certificate.</summary>
    public bool AsksForCertificate => !IsServer || Verifier is not null;
    /// <summary>A client's sessions, to be used again; null for a server, and for a client that keeps none.</summary>
    public ClientSessions? Sessions { get; private init; }
    public void AddReference() => Interlocked.Increment(ref _references);

    /// <summary>Who made it, or a connection, needs it no more.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _references) != 0) return;
        Sessions?.Clear();
        foreach (var (pointer, _) in _certificates) if (pointer != 0) LibCrypto.X509_free(pointer);
        LibSsl.SSL_CTX_free(Pointer);
        if (_ticketCipher != 0) LibCrypto.EVP_CIPHER_free(_ticketCipher);
        Pointer = 0;
        _self.Free();
    }

    /// <summary>The name of a protocol that was agreed on, without allocating when it is one of ours.</summary>
    public string AlpnName(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty) return "";
        foreach (string known in _alpn)
            if (Ascii.Equals(name, known)) return known;
        return Encoding.Latin1.GetString(name);
    }

    /// <summary>Which of our certificates OpenSSL's object is.</summary>
    public TlsCertificate? CertificateOf(nint pointer)
    {
        foreach (var (mine, certificate) in _certificates)
            if (mine == pointer && pointer != 0) return certificate;
        return null;
    }

    internal static TlsContext Of(nint ssl)
        => (TlsContext)GCHandle.FromIntPtr(LibSsl.SSL_CTX_get_ex_data(LibSsl.SSL_get_SSL_CTX(ssl), 0)).Target!;

    /// <summary>
    /// A server's context for <paramref name="certificates"/>, one for each type of key. Null and the reason when OpenSSL does not take
    /// something of it.
    /// </summary>
    /// <param name="library">The worker's, see <see cref="TlsLibrary.Of"/>.</param>
    public static TlsContext? CreateServer(nint library, TlsServerSettings settings, IReadOnlyList<TlsCertificate> certificates,
        out string? wrong)
    {
        var context = Begin(library, LibSsl.TLS_server_method(), isServer: true, settings.Parameters, certificates, settings.Verifier, null,
            out wrong);
        if (context is null) return null;
        nint pointer = context.Pointer;
        if (!settings.Parameters.PreferClientCiphers)
            LibSsl.SSL_CTX_set_options(pointer, LibSsl.OpCipherServerPreference | LibSsl.OpPrioritizeChaCha);
        fixed (byte* id = settings.SessionContext) LibSsl.SSL_CTX_set_session_id_context(pointer, id, (uint)settings.SessionContext.Length);
        LibSsl.SSL_CTX_set_timeout(pointer, (nint)settings.SessionTimeout.TotalSeconds);
        LibSsl.SSL_CTX_ctrl(pointer, LibSsl.CtrlSetSessionCacheMode, LibSsl.SessionCacheOff, 0);
        if (settings.Tickets is { } tickets) context.UseTickets(library, tickets);
        else
        {
            LibSsl.SSL_CTX_set_options(pointer, LibSsl.OpNoTicket);
            LibSsl.SSL_CTX_set_num_tickets(pointer, 0);
        }
        if (settings.Parameters.KeyLog is { } log) context.UseKeyLog(log);
        if (settings.Parameters.Alpn.Count > 0) LibSsl.SSL_CTX_set_alpn_select_cb(pointer, (nint)AlpnCallback, 0);
        if (certificates.Any(c => c.Staple is not null) || settings.StaplePolicy == StaplePolicy.MustStaple)
        {
            context._staplePolicy = settings.StaplePolicy;
            LibSsl.SSL_CTX_callback_ctrl(pointer, LibSsl.CtrlSetStatusRequestCallback, (nint)StapleCallback);
        }
        if (settings.Verifier is { } verifier)
        {
            if (verifier.TellsAuthorities) context.TellAuthorities(library, verifier.TrustedCa);
            LibSsl.SSL_CTX_set_verify(pointer, settings.RequireClientCertificate ? LibSsl.VerifyPeer | LibSsl.VerifyFailIfNoPeerCert
                : LibSsl.VerifyPeer, 0);
        }
        return context;
    }

    /// <summary>A client's context; null and the reason when OpenSSL does not take something of it.</summary>
    public static TlsContext? CreateClient(nint library, TlsClientSettings settings, out string? wrong)
    {
        IReadOnlyList<TlsCertificate> certificates = settings.Certificate is { } own ? [own] : [];
        var sessions = settings.MaxSessions > 0 ? new ClientSessions(settings.MaxSessions) : null;
        var context = Begin(library, LibSsl.TLS_client_method(), isServer: false, settings.Parameters, certificates, settings.Verifier,
            sessions, out wrong);
        if (context is null) return null;
        nint pointer = context.Pointer;
        LibSsl.SSL_CTX_set_verify(pointer, settings.Verifier is null ? LibSsl.VerifyNone : LibSsl.VerifyPeer, 0);
        fixed (byte* alpn = context._alpnWire) LibSsl.SSL_CTX_set_alpn_protos(pointer, alpn, (uint)context._alpnWire.Length);
        LibSsl.SSL_CTX_ctrl(pointer, LibSsl.CtrlSetSessionCacheMode,
            sessions is null ? LibSsl.SessionCacheOff : LibSsl.SessionCacheClient | LibSsl.SessionCacheNoInternal, 0);
        if (sessions is not null) LibSsl.SSL_CTX_sess_set_new_cb(pointer, (nint)NewSessionCallback);
        if (settings.Parameters.KeyLog is { } log) context.UseKeyLog(log);
        return context;
    }

    // What both sides have in common.
    private static TlsContext? Begin(nint library, nint method, bool isServer, TlsParameters parameters,
        IReadOnlyList<TlsCertificate> certificates,
        PeerVerifier? verifier, ClientSessions? sessions, out string? wrong)
    {
        nint pointer = LibSsl.SSL_CTX_new_ex(library, 0, method);
        if (pointer == 0)
        {
            wrong = TlsLibrary.TakeError();
            return null;
        }
        var context = new TlsContext(pointer, isServer, parameters, certificates, verifier) { Sessions = sessions };
        LibSsl.SSL_CTX_set_options(pointer, LibSsl.OpNoRenegotiation | LibSsl.OpNoCompression | LibSsl.OpIgnoreUnexpectedEof);
        LibSsl.SSL_CTX_ctrl(pointer, LibSsl.CtrlMode, LibSsl.ModeReleaseBuffers | LibSsl.ModeNoAutoChain, 0);
        LibSsl.SSL_CTX_ctrl(pointer, LibSsl.CtrlSetReadAhead, 1, 0);
        LibSsl.SSL_CTX_ctrl(pointer, LibSsl.CtrlSetMinVersion, (int)parameters.MinVersion, 0);
        LibSsl.SSL_CTX_ctrl(pointer, LibSsl.CtrlSetMaxVersion, (int)parameters.MaxVersion, 0);
        wrong = context.UseAlgorithms(parameters);
        for (int i = 0; i < certificates.Count && wrong is null; i++) wrong = context.UseCertificate(library, i, certificates[i]);
        if (wrong is null && verifier is not null)
        {
            LibSsl.SSL_CTX_set_verify_depth(pointer, verifier.MaxDepth);
            wrong = verifier.FillStore(library, LibSsl.SSL_CTX_get_cert_store(pointer));
            LibSsl.SSL_CTX_set_cert_verify_callback(pointer, (nint)VerifyCallback, 0);
        }
        if (wrong is null) return context;
        context.Release();
        return null;
    }

    private string? UseAlgorithms(TlsParameters parameters)
    {
        var (tls12, tls13) = CipherNames(parameters.CipherSuites);
        // Each alone first: in a list OpenSSL leaves out what it does not know.
        foreach (string name in tls12)
            if (!Take(name, LibSsl.SSL_CTX_set_cipher_list)) return $"'{name}' is no cipher that OpenSSL has";
        if (tls12.Count > 0 && !Take(string.Join(':', tls12), LibSsl.SSL_CTX_set_cipher_list)) return "none of the ciphers can be used";
        if (tls13.Count > 0 && !Take(string.Join(':', tls13), LibSsl.SSL_CTX_set_ciphersuites))
            return $"one of '{string.Join(", ", tls13)}' is no cipher of TLS 1.3 that OpenSSL has";
        foreach (string name in parameters.Curves)
            if (!Control(LibSsl.CtrlSetGroups, name)) return $"'{name}' is no curve that OpenSSL has";
        if (parameters.Curves.Count > 0) Control(LibSsl.CtrlSetGroups, string.Join(':', parameters.Curves));
        foreach (string name in parameters.SignatureAlgorithms)
            if (!Control(LibSsl.CtrlSetSigAlgs, name)) return $"'{name}' is no signature algorithm that OpenSSL has";
        if (parameters.SignatureAlgorithms.Count > 0) Control(LibSsl.CtrlSetSigAlgs, string.Join(':', parameters.SignatureAlgorithms));
        return null;
    }

    private static (List<string> Tls12, List<string> Tls13) CipherNames(IReadOnlyList<string> names)
    {
        var all = names.SelectMany(n => n.Trim('[', ']').Split('|', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            .ToList();
        return (all.FindAll(n => !n.StartsWith("TLS_", StringComparison.Ordinal)),
            all.FindAll(n => n.StartsWith("TLS_", StringComparison.Ordinal)));
    }

    private delegate int TakeNames(nint context, byte* names);

    private bool Take(string names, TakeNames take)
    {
        fixed (byte* text = Encoding.UTF8.GetBytes(names + "\0"))
            if (take(Pointer, text) == 1) return true;
        TlsLibrary.TakeError();
        return false;
    }

    private bool Control(int command, string names)
    {
        fixed (byte* text = Encoding.UTF8.GetBytes(names + "\0"))
            if (LibSsl.SSL_CTX_ctrl(Pointer, command, 0, (nint)text) == 1) return true;
        TlsLibrary.TakeError();
        return false;
    }

    private string? UseCertificate(nint library, int index, TlsCertificate certificate)
    {
        var chain = Pem.ReadCertificates(library, certificate.ChainPem);
        nint key = Pem.ReadKey(library, certificate.KeyPem, certificate.Password);
        try
        {
            if (chain.Count == 0) return "there is no certificate in it";
            if (key == 0) return "the private key cannot be read" + (certificate.Password.Length > 0 ? " with this password" : "");
            if (LibSsl.SSL_CTX_use_certificate(Pointer, chain[0]) != 1) return "the certificate is refused: " + TlsLibrary.TakeError();
            if (LibSsl.SSL_CTX_use_PrivateKey(Pointer, key) != 1)
                return "the private key does not belong to the certificate: " + TlsLibrary.TakeError();
            for (int i = 1; i < chain.Count; i++)
                if (LibSsl.SSL_CTX_ctrl(Pointer, LibSsl.CtrlChainCert, 1, chain[i]) != 1)
                    return "the chain is refused: " + TlsLibrary.TakeError();
            _certificates[index] = (chain[0], certificate);
            chain[0] = 0; // ours, to know it again
            return null;
        }
        finally
        {
            foreach (nint each in chain) if (each != 0) LibCrypto.X509_free(each);
            if (key != 0) LibCrypto.EVP_PKEY_free(key);
        }
    }

    // So that a client that has several certificates knows which one is wanted.
    private void TellAuthorities(nint library, byte[] pem)
    {
        foreach (nint authority in Pem.ReadCertificates(library, pem))
        {
            LibSsl.SSL_CTX_add_client_CA(Pointer, authority); // copies the name
            LibCrypto.X509_free(authority);
        }
    }

    private static byte[] Wire(IReadOnlyList<string> protocols)
    {
        var wire = new List<byte>();
        foreach (string name in protocols)
        {
            byte[] bytes = Encoding.Latin1.GetBytes(name);
            wire.Add((byte)bytes.Length);
            wire.AddRange(bytes);
        }
        return [.. wire];
    }
}
