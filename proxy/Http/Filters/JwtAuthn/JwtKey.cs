using System.Security.Cryptography;
using Managed.Proxy.Core.Tls;

namespace Managed.Proxy.Http.Filters.JwtAuthn;

/// <summary>
/// One key of a set, for the algorithms of its own kind alone: a public key never serves as a secret. Immutable; any thread.
/// </summary>
internal sealed class JwtKey
{
    private const int MaxRsaBits = 8192, MinRsaBits = 1024; // what verifying may cost, and what is no key any more

    private readonly RSA? _rsa;
    private readonly ECDsa? _ec;
    private readonly JwtAlgorithm _ecAlgorithm;
    private readonly byte[]? _secret, _edwards;

    private JwtKey(string id, JwtAlgorithm? only, RSA? rsa = null, ECDsa? ec = null, byte[]? secret = null, byte[]? edwards = null)
    {
        (Id, Only, _rsa, _ec, _secret, _edwards) = (id, only, rsa, ec, secret, edwards);
        _ecAlgorithm = ec?.KeySize switch { 384 => JwtAlgorithm.ES384, 521 => JwtAlgorithm.ES512, _ => JwtAlgorithm.ES256 };
    }

    /// <summary>Empty: it has none.</summary>
    public string Id { get; }
    /// <summary>The one algorithm that it says it is for.</summary>
    public JwtAlgorithm? Only { get; }

    /// <summary>Null: it is none that can be used.</summary>
    public static JwtKey? Read(Dictionary<string, object?> jwk)
    {
        if (jwk.GetValueOrDefault("use") is string and not "sig") return null;
        string id = jwk.GetValueOrDefault("kid") as string ?? "";
        JwtAlgorithm? only = null;
        if (jwk.GetValueOrDefault("alg") is { } alg)
        {
            if (alg is not string name || !JwtAlgorithms.TryFind(name, out var known)) return null;
            only = known;
        }
        try
        {
            var key = jwk.GetValueOrDefault("kty") switch
            {
                "RSA" when Bytes(jwk, "n") is { } n && Bytes(jwk, "e") is { Length: <= 8 } e
                    => new JwtKey(id, only, rsa: Rsa(new RSAParameters { Modulus = n, Exponent = e })),
                "EC" when Curve(jwk.GetValueOrDefault("crv")) is { } curve && Bytes(jwk, "x") is { } x && Bytes(jwk, "y") is { } y
                    => new JwtKey(id, only, ec: ECDsa.Create(
                        new ECParameters { Curve = curve, Q = new ECPoint { X = Pad(x, curve), Y = Pad(y, curve) } })),
                "oct" when Bytes(jwk, "k") is { Length: > 0 } k => new JwtKey(id, only, secret: k),
                "OKP" when jwk.GetValueOrDefault("crv") is "Ed25519" && Bytes(jwk, "x") is { Length: 32 } x
                    => new JwtKey(id, only, edwards: x),
                _ => null,
            };
            return key is { _rsa.KeySize: > MaxRsaBits or < MinRsaBits } || (only is { } own && key?.Serves(own) == false) ? null : key;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or PlatformNotSupportedException)
        {
            return null; // a point that is on no curve, and the like
        }
    }

    /// <summary>A public key of a certificate (the form that maps key identifiers to certificates).</summary>
    public static JwtKey? Of(string id, RSA? rsa, ECDsa? ec)
        => rsa is null && ec is null || rsa is { KeySize: > MaxRsaBits or < MinRsaBits } ? null : new JwtKey(id, null, rsa, ec);

    public bool Serves(JwtAlgorithm algorithm) => algorithm switch
    {
        <= JwtAlgorithm.PS512 => _rsa is not null,
        <= JwtAlgorithm.ES512 => _ec is not null && algorithm == _ecAlgorithm,
        <= JwtAlgorithm.HS512 => _secret is not null,
        _ => _edwards is not null,
    };

    /// <summary>Only for an algorithm that it <see cref="Serves"/>.</summary>
    public bool Verifies(Jwt jwt)
    {
        var hash = JwtAlgorithms.HashOf(jwt.Algorithm);
        try
        {
            switch (jwt.Algorithm)
            {
                case <= JwtAlgorithm.RS512: return _rsa!.VerifyData(jwt.Signed, jwt.Signature, hash, RSASignaturePadding.Pkcs1);
                case <= JwtAlgorithm.PS512: return _rsa!.VerifyData(jwt.Signed, jwt.Signature, hash, RSASignaturePadding.Pss);
                // Both numbers one after the other (RFC 7518 section 3.4).
                case <= JwtAlgorithm.ES512: return _ec!.VerifyData(jwt.Signed, jwt.Signature, hash);
                case <= JwtAlgorithm.HS512:
                    Span<byte> own = stackalloc byte[64];
                    int length = CryptographicOperations.HmacData(hash, _secret, jwt.Signed, own);
                    return CryptographicOperations.FixedTimeEquals(own[..length], jwt.Signature);
                default: return Ed25519.Verify(_edwards, jwt.Signed, jwt.Signature);
            }
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static RSA Rsa(RSAParameters parameters)
    {
        if (parameters.Modulus!.Length * 8 > MaxRsaBits + 8) throw new CryptographicException("too large");
        return RSA.Create(parameters);
    }

    private static ECCurve? Curve(object? name) => name switch
    {
        "P-256" => ECCurve.NamedCurves.nistP256,
        "P-384" => ECCurve.NamedCurves.nistP384,
        "P-521" => ECCurve.NamedCurves.nistP521,
        _ => null,
    };

    // Some leave out zeroes in front.
    private static byte[] Pad(byte[] number, ECCurve curve)
    {
        int size = curve.Oid.FriendlyName switch { "nistP384" or "ECDSA_P384" => 48, "nistP521" or "ECDSA_P521" => 66, _ => 32 };
        if (number.Length >= size) return number;
        byte[] padded = new byte[size];
        number.CopyTo(padded, size - number.Length);
        return padded;
    }

    private static byte[]? Bytes(Dictionary<string, object?> jwk, string name)
        => jwk.GetValueOrDefault(name) is string text && Jwt.TryDecode(text.TrimEnd('='), out byte[] bytes) ? bytes : null;
}
