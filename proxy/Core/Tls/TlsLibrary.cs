using System.Runtime.InteropServices;

namespace Managed.Proxy.Core.Tls;

/// <summary>
/// OpenSSL in this process: initialised once, and a library context for each worker. With one shared by all, two threads that shake hands
/// lose a sixth of their time to its locks. A library context stays for the life of the process: there are as many as workers, and nobody
/// has to know who used it last.
/// </summary>
internal static unsafe class TlsLibrary
{
    private static readonly Lock Making = new();
    private static readonly nint[] Contexts = new nint[256];

    static TlsLibrary()
    {
        // Without this flag handlers at the exit of the process free what other threads still use.
        if (LibSsl.OPENSSL_init_ssl(LibCrypto.InitNoAtExit, 0) != 1) throw new InvalidOperationException("OpenSSL cannot be initialised");
    }

    /// <summary>OpenSSL is initialised when it returns. Any thread.</summary>
    public static void Begin()
    {
    }

    /// <summary>The library context (OSSL_LIB_CTX) of a worker; made at the first call. Any thread.</summary>
    public static nint Of(int worker)
    {
        nint context = Volatile.Read(ref Contexts[worker]);
        if (context != 0) return context;
        lock (Making)
        {
            if (Contexts[worker] != 0) return Contexts[worker];
            context = LibCrypto.OSSL_LIB_CTX_new();
            if (context == 0) throw new InvalidOperationException("OpenSSL has no memory");
            LoadSettings(context);
            Volatile.Write(ref Contexts[worker], context);
            return context;
        }
    }

    /// <summary>Why the last call failed, in OpenSSL's words, and nothing of it is left for the next.</summary>
    public static string TakeError()
    {
        ulong first = LibCrypto.ERR_peek_error();
        if (first == 0) return "";
        string text = Text(LibCrypto.ERR_reason_error_string(first));
        LibCrypto.ERR_clear_error();
        return text.Length > 0 ? text : $"error {first:x}";
    }

    /// <summary>The last call failed for want of the peer's certificate.</summary>
    public static bool IsMissingCertificate()
    {
        const ulong SslLibrary = 20, PeerDidNotReturnACertificate = 199; // ERR_LIB_SSL, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE
        ulong error = LibCrypto.ERR_peek_error();
        return (error >> 23 & 0xFF) == SslLibrary && (error & 0x7FFFFF) == PeerDidNotReturnACertificate;
    }

    /// <summary>A string of OpenSSL's that is ASCII; empty for a null pointer.</summary>
    public static string Text(nint pointer) => Marshal.PtrToStringAnsi(pointer) ?? "";

    // A private library context reads openssl.cnf only when told to: what the operator of the machine demands counts here too.
    private static void LoadSettings(nint context)
    {
        nint file = LibCrypto.CONF_get1_default_config_file();
        if (file == 0) return;
        if (LibCrypto.OSSL_LIB_CTX_load_config(context, file) != 1) TakeError();
        LibCrypto.CRYPTO_free(file, 0, 0);
    }
}
