namespace Managed.Proxy.Core.Tls;

/// <summary>Signatures of Ed25519 (RFC 8032), which .NET's own classes do not have. Any thread.</summary>
internal static unsafe class Ed25519
{
    /// <param name="key">32 bytes.</param>
    /// <param name="signed">Any bytes.</param>
    /// <param name="signature">64 bytes.</param>
    public static bool Verify(ReadOnlySpan<byte> key, ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature)
    {
        if (key.Length != 32 || signature.Length != 64) return false;
        TlsLibrary.Begin();
        fixed (byte* k = key, d = signed, s = signature)
        {
            nint pkey = LibCrypto.EVP_PKEY_new_raw_public_key(LibCrypto.KeyEd25519, 0, k, (nuint)key.Length);
            nint context = LibCrypto.EVP_MD_CTX_new();
            bool verifies = pkey != 0 && context != 0 && LibCrypto.EVP_DigestVerifyInit(context, null, 0, 0, pkey) == 1
                && LibCrypto.EVP_DigestVerify(context, s, (nuint)signature.Length, d, (nuint)signed.Length) == 1;
            LibCrypto.EVP_MD_CTX_free(context);
            LibCrypto.EVP_PKEY_free(pkey);
            LibCrypto.ERR_clear_error(); // whoever looks next on this thread has nothing to do with it
            return verifies;
        }
    }
}
