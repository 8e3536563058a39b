using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.OAuth2;

/// <summary>
/// Signs and encrypts what cookies carry, with keys made of the configured secret; each worker has its own. Encrypted values are
/// AES-256-GCM under a random nonce, bound to the kind of cookie, in base64url: <c>nonce(12) | ciphertext | tag(16)</c>. Signatures are
/// HMAC-SHA256.
/// </summary>
internal sealed class CookieSeal
{
    public const int SignatureLength = 43; // 32 bytes in base64url
    private const int NonceSize = 12, TagSize = 16;

    private readonly byte[] _signs;
    private readonly AesGcm _aes;
    private readonly ByteWriter _work = new(256);

    public CookieSeal(byte[] secret)
    {
        _signs = HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 32, info: "managed oauth2 sign"u8.ToArray());
        _aes = new AesGcm(HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 32, info: "managed oauth2 encrypt"u8.ToArray()), TagSize);
    }

    /// <summary>Appends 43 characters.</summary>
    public void Sign(ReadOnlySpan<byte> message, ByteWriter to)
    {
        Span<byte> mac = stackalloc byte[32];
        HMACSHA256.HashData(_signs, message, mac);
        to.Advance(Base64Url.EncodeToUtf8(mac, to.GetSpan(64)));
    }

    /// <summary>Takes as long for a wrong signature as for a right one.</summary>
    public bool IsSigned(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        _work.Clear();
        Sign(message, _work);
        return CryptographicOperations.FixedTimeEquals(_work.Written, signature);
    }

    public void Encrypt(ReadOnlySpan<byte> plain, ReadOnlySpan<byte> kind, ByteWriter to)
    {
        _work.Clear();
        var all = _work.GetSpan(NonceSize + plain.Length + TagSize)[..(NonceSize + plain.Length + TagSize)];
        RandomNumberGenerator.Fill(all[..NonceSize]);
        _aes.Encrypt(all[..NonceSize], plain, all[NonceSize..^TagSize], all[^TagSize..], kind);
        to.Advance(Base64Url.EncodeToUtf8(all, to.GetSpan(Base64Url.GetEncodedLength(all.Length))));
    }

    /// <summary>False: it is not what was encrypted with this secret for this kind; nothing is appended then.</summary>
    public bool TryDecrypt(ReadOnlySpan<byte> text, ReadOnlySpan<byte> kind, ByteWriter to)
    {
        _work.Clear();
        var all = _work.GetSpan(Base64Url.GetMaxDecodedLength(text.Length));
        if (!Base64Url.IsValid(text, out int length) || length < NonceSize + TagSize) return false;
        Base64Url.DecodeFromUtf8(text, all, out _, out int n);
        all = all[..n];
        var plain = to.GetSpan(n)[..(n - NonceSize - TagSize)];
        try
        {
            _aes.Decrypt(all[..NonceSize], all[NonceSize..^TagSize], all[^TagSize..], plain, kind);
        }
        catch (AuthenticationTagMismatchException)
        {
            // There is no other way to ask. Who sends such cookies pays for each with a request.
            return false;
        }
        to.Advance(plain.Length);
        return true;
    }

    /// <summary>Random bytes in base64url.</summary>
    public static string Random(int bytes) => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(bytes));

    /// <summary>The challenge of a code verifier (RFC 7636 section 4.2, S256).</summary>
    public static string Challenge(string verifier) => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));
}
