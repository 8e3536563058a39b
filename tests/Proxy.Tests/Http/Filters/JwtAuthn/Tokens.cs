using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Managed.Proxy.Tests.Http.Filters.JwtAuthn;

/// <summary>Keys of a test and the tokens that they sign.</summary>
internal static class Tokens
{
    private static readonly RSA Rsa = RSA.Create(2048);
    private static readonly ECDsa P256 = ECDsa.Create(ECCurve.NamedCurves.nistP256), P384 = ECDsa.Create(ECCurve.NamedCurves.nistP384),
        P521 = ECDsa.Create(ECCurve.NamedCurves.nistP521);
    private static readonly byte[] Secret = RandomNumberGenerator.GetBytes(40);
    /// <summary>Seconds since the Unix epoch.</summary>
    public static readonly long Now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    /// <summary>The public halves, and the secret.</summary>
    public static string Jwks { get; } = $$"""{"keys":[{{RsaKey("rsa")}},{{EcKey(P256, "P-256")}},{{EcKey(P384, "P-384")}},"""
        + $$"""{{EcKey(P521, "P-521")}},{"kty":"oct","kid":"oct","k":"{{Url(Secret)}}"},{"kty":"odd","kid":"odd"}]}""";

    public static string RsaKey(string id)
    {
        var key = Rsa.ExportParameters(false);
        return $$"""{"kty":"RSA","kid":"{{id}}","n":"{{Url(key.Modulus!)}}","e":"{{Url(key.Exponent!)}}"}""";
    }

    /// <param name="payload">JSON.</param>
    /// <param name="alg">Of RFC 7518.</param>
    /// <param name="kid">Null: none.</param>
    public static string Sign(string payload, string alg = "HS256", string? kid = null)
    {
        string header = kid is null ? $$"""{"alg":"{{alg}}"}""" : $$"""{"alg":"{{alg}}","kid":"{{kid}}"}""";
        string signed = Url(Encoding.UTF8.GetBytes(header)) + "." + Url(Encoding.UTF8.GetBytes(payload));
        byte[] data = Encoding.ASCII.GetBytes(signed);
        var hash = new HashAlgorithmName("SHA" + (alg.Length == 5 ? alg[2..] : "256"));
        byte[] signature = alg[..2] switch
        {
            "RS" => Rsa.SignData(data, hash, RSASignaturePadding.Pkcs1),
            "PS" => Rsa.SignData(data, hash, RSASignaturePadding.Pss),
            "ES" => (alg switch { "ES384" => P384, "ES512" => P521, _ => P256 }).SignData(data, hash),
            "HS" => CryptographicOperations.HmacData(hash, Secret, data),
            _ => [1, 2, 3],
        };
        return signed + "." + Url(signature);
    }

    /// <summary>Signed with the public key as if it were a secret.</summary>
    public static string SignWithPublicKey(string payload)
    {
        string signed = Url("""{"alg":"HS256","kid":"rsa"}"""u8) + "." + Url(Encoding.UTF8.GetBytes(payload));
        return signed + "." + Url(HMACSHA256.HashData(Rsa.ExportParameters(false).Modulus!, Encoding.ASCII.GetBytes(signed)));
    }

    public static string Url(ReadOnlySpan<byte> bytes) => Base64Url.EncodeToString(bytes);

    private static string EcKey(ECDsa key, string curve)
    {
        var point = key.ExportParameters(false).Q;
        return $$"""{"kty":"EC","kid":"{{curve}}","crv":"{{curve}}","x":"{{Url(point.X!)}}","y":"{{Url(point.Y!)}}"}""";
    }
}
