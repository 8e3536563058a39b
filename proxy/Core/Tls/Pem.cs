namespace Managed.Proxy.Core.Tls;

/// <summary>Objects of OpenSSL from PEM (RFC 7468), made in a library context. Whoever gets one frees it.</summary>
internal static unsafe class Pem
{
    /// <summary>All certificates, in their order; empty when one of them cannot be read.</summary>
    public static List<nint> ReadCertificates(nint library, byte[] pem)
    {
        var certificates = new List<nint>();
        if (pem.Length == 0) return certificates;
        fixed (byte* bytes = pem)
        {
            nint bio = LibCrypto.BIO_new_mem_buf(bytes, pem.Length);
            while (true)
            {
                nint certificate = LibCrypto.X509_new_ex(library, 0);
                if (LibCrypto.PEM_read_bio_X509(bio, &certificate, 0, NoPassword) != 0) certificates.Add(certificate);
                else
                {
                    // On failure OpenSSL frees what it was to fill, and clears the pointer, unless it did not get that far.
                    if (certificate != 0) LibCrypto.X509_free(certificate);
                    break;
                }
            }
            LibCrypto.BIO_free(bio);
        }
        if (!IsEndOfInput())
        {
            foreach (nint certificate in certificates) LibCrypto.X509_free(certificate);
            certificates.Clear();
        }
        return certificates;
    }

    /// <summary>All revocation lists; null when one of them cannot be read.</summary>
    public static List<nint>? ReadRevocationLists(byte[] pem)
    {
        var lists = new List<nint>();
        if (pem.Length == 0) return null;
        fixed (byte* bytes = pem)
        {
            nint bio = LibCrypto.BIO_new_mem_buf(bytes, pem.Length);
            while (LibCrypto.PEM_read_bio_X509_CRL(bio, null, 0, NoPassword) is var list and not 0) lists.Add(list);
            LibCrypto.BIO_free(bio);
        }
        if (IsEndOfInput() && lists.Count > 0) return lists;
        foreach (nint list in lists) LibCrypto.X509_CRL_free(list);
        return null;
    }

    /// <summary>The private key; 0 when there is none, or not with this password.</summary>
    public static nint ReadKey(nint library, byte[] pem, string password)
    {
        nint key;
        if (pem.Length == 0) return 0;
        fixed (byte* bytes = pem)
        fixed (byte* secret = System.Text.Encoding.UTF8.GetBytes(password + "\0"))
        {
            nint bio = LibCrypto.BIO_new_mem_buf(bytes, pem.Length);
            key = LibCrypto.PEM_read_bio_PrivateKey_ex(bio, null, 0, secret, library, 0);
            LibCrypto.BIO_free(bio);
        }
        TlsLibrary.TakeError();
        return key;
    }

    // Never null: without a password OpenSSL would ask for one on the terminal.
    private static byte* NoPassword
        => (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref System.Runtime.InteropServices.MemoryMarshal.GetReference("\0"u8));

    private static bool IsEndOfInput()
    {
        ulong error = LibCrypto.ERR_peek_error();
        bool end = error == 0 || ((int)(error >> 23 & 0xFF) == LibCrypto.PemLibrary && (int)(error & 0x7FFFFF) == LibCrypto.PemNoStartLine);
        if (error != 0) LibCrypto.ERR_clear_error();
        return end;
    }
}
