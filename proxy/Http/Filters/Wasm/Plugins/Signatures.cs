using System.Security.Cryptography;
using System.Text;
using Managed.Proxy.Bindings;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.Wasm.Plugins;

/// <summary>
/// Envoy's foreign functions <c>sign</c> and <c>verify_signature</c> (source/extensions/common/wasm/ext): RSA with PKCS #1 padding, or
/// ECDSA with
/// its DER form, over SHA-1 or SHA-2. A key that is no key or a signature that is wrong is a result, not an error; no key, or both forms of
/// it, is BAD_ARGUMENT.
/// </summary>
internal static class Signatures
{
    private const int MaxKeyBytes = 16 << 10;

    public static WasmStatus Verify(ReadOnlySpan<byte> arguments, ByteWriter result)
    {
        // 1 hash_function, 2 public_key (DER), 3 signature, 4 text, 5 public_key_pem; the answer: 1 result, 2 error.
        if (!TryKey(arguments, 2, 5, out var der, out var pem)) return WasmStatus.BadArgument;
        ReadOnlySpan<byte> hash = Field(arguments, 1), signature = Field(arguments, 3), text = Field(arguments, 4);
        string error;
        try
        {
            if (HashOf(hash) is not { } algorithm) error = $"{Encoding.UTF8.GetString(hash)} is not supported.";
            else
            {
                using var key = Import(der, pem, secret: false);
                bool valid = key switch
                {
                    RSA rsa => rsa.VerifyData(text, signature, algorithm, RSASignaturePadding.Pkcs1),
                    ECDsa ec => ec.VerifyData(text, signature, algorithm, DSASignatureFormat.Rfc3279DerSequence),
                    _ => false,
                };
                error = valid ? "" : key is null ? "Failed to read the public key." : "Failed to verify digest.";
            }
        }
        catch (CryptographicException e)
        {
            error = "Failed to verify digest: " + e.Message;
        }
        ProtoWriter.Truth(result, 1, error.Length == 0);
        ProtoWriter.Field(result, 2, Encoding.UTF8.GetBytes(error));
        return WasmStatus.Ok;
    }

    public static WasmStatus Sign(ReadOnlySpan<byte> arguments, ByteWriter result)
    {
        // 1 hash_function, 2 private_key (DER), 3 text, 4 private_key_pem; the answer: 1 result, 2 signature, 3 error.
        if (!TryKey(arguments, 2, 4, out var der, out var pem)) return WasmStatus.BadArgument;
        ReadOnlySpan<byte> hash = Field(arguments, 1), text = Field(arguments, 3);
        string error;
        byte[] signature = [];
        try
        {
            if (HashOf(hash) is not { } algorithm) error = $"{Encoding.UTF8.GetString(hash)} is not supported.";
            else
            {
                using var key = Import(der, pem, secret: true);
                signature = key switch
                {
                    RSA rsa => rsa.SignData(text, algorithm, RSASignaturePadding.Pkcs1),
                    ECDsa ec => ec.SignData(text, algorithm, DSASignatureFormat.Rfc3279DerSequence),
                    _ => [],
                };
                error = key is null ? "Failed to read the private key." : "";
            }
        }
        catch (CryptographicException e)
        {
            error = "Failed to sign: " + e.Message;
        }
        ProtoWriter.Truth(result, 1, error.Length == 0);
        ProtoWriter.Field(result, 2, signature);
        ProtoWriter.Field(result, 3, Encoding.UTF8.GetBytes(error));
        return WasmStatus.Ok;
    }

    private static ReadOnlySpan<byte> Field(ReadOnlySpan<byte> message, int number)
        => ProtoReader.TryField(message, number, out var value) ? value : default;

    // Exactly one of the two forms.
    private static bool TryKey(ReadOnlySpan<byte> arguments, int derField, int pemField, out ReadOnlySpan<byte> der,
        out ReadOnlySpan<byte> pem)
    {
        der = Field(arguments, derField);
        pem = Field(arguments, pemField);
        return der.IsEmpty != pem.IsEmpty && der.Length <= MaxKeyBytes && pem.Length <= MaxKeyBytes;
    }

    private static HashAlgorithmName? HashOf(ReadOnlySpan<byte> name) => Encoding.ASCII.GetString(name).ToLowerInvariant() switch
    {
        "sha1" => HashAlgorithmName.SHA1, "sha256" => HashAlgorithmName.SHA256, "sha384" => HashAlgorithmName.SHA384,
        "sha512" => HashAlgorithmName.SHA512,
        _ => null, // sha224 is Envoy's, but not .NET's
    };

    /// <summary>Null, or an exception of cryptography, for what is no key.</summary>
    private static AsymmetricAlgorithm? Import(ReadOnlySpan<byte> der, ReadOnlySpan<byte> pem, bool secret)
    {
        if (der.IsEmpty)
        {
            string text = Encoding.ASCII.GetString(pem);
            if (!PemEncoding.TryFind(text, out var found)) return null;
            byte[] bytes = new byte[found.DecodedDataLength];
            if (!Convert.TryFromBase64Chars(text.AsSpan()[found.Base64Data], bytes, out int length)) return null;
            string label = text[found.Label];
            der = bytes.AsSpan(0, length);
            if (label is "EC PRIVATE KEY" && secret)
            {
                var ec = ECDsa.Create();
                ec.ImportECPrivateKey(der, out _);
                return KeyCost.OrNothing(ec);
            }
            if (label is "RSA PRIVATE KEY" && secret)
                return Rsa(der, secret, static (RSA key, ReadOnlySpan<byte> from) => key.ImportRSAPrivateKey(from, out _));
            if (label != (secret ? "PRIVATE KEY" : "PUBLIC KEY")) return null;
        }
        // PKCS #8 and SubjectPublicKeyInfo name the algorithm in their first bytes.
        var head = der[..Math.Min(der.Length, 48)];
        if (head.IndexOf(EcPublicKey) >= 0)
        {
            var ec = ECDsa.Create();
            if (secret) ec.ImportPkcs8PrivateKey(der, out _); else ec.ImportSubjectPublicKeyInfo(der, out _);
            return KeyCost.OrNothing(ec);
        }
        if (head.IndexOf(RsaEncryption) < 0) return null;
        return secret ? Rsa(der, secret, static (RSA key, ReadOnlySpan<byte> from) => key.ImportPkcs8PrivateKey(from, out _))
            : Rsa(der, secret, static (RSA key, ReadOnlySpan<byte> from) => key.ImportSubjectPublicKeyInfo(from, out _));
    }

    private delegate void Importer(RSA key, ReadOnlySpan<byte> from);

    private static RSA? Rsa(ReadOnlySpan<byte> der, bool secret, Importer import)
    {
        var key = RSA.Create();
        import(key, der);
        if (KeyCost.IsBearable(key, secret)) return key;
        key.Dispose();
        return null;
    }

    // Object identifiers 1.2.840.10045.2.1 and 1.2.840.113549.1.1.1 in DER.
    private static ReadOnlySpan<byte> EcPublicKey => [0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
    private static ReadOnlySpan<byte> RsaEncryption => [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
}
