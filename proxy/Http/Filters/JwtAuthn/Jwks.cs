using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Managed.Proxy.Core.Json;

namespace Managed.Proxy.Http.Filters.JwtAuthn;

/// <summary>A set of keys (RFC 7517 section 5), or Google's map of key identifiers to certificates. Immutable; any thread.</summary>
internal sealed class Jwks
{
    // Making a key costs some ten microseconds, and a token without an identifier is tried with all of them.
    private const int MaxKeys = 100;

    private readonly JwtKey[] _keys;

    private Jwks(JwtKey[] keys) => _keys = keys;

    public int Count => _keys.Length;

    /// <summary>Null with the reason: it is no set, or none of its keys can be used. Keys that cannot be are passed over.</summary>
    public static Jwks? Read(ReadOnlySpan<byte> text, out string wrong)
    {
        wrong = "";
        if (!JsonTree.TryReadObject(text, out var set)) { wrong = "is no JSON object"; return null; }
        var keys = new List<JwtKey>();
        if (set.TryGetValue("keys", out object? list))
        {
            if (list is not List<object?> items) { wrong = "'keys' is not an array"; return null; }
            if (items.Count > MaxKeys) { wrong = $"has more than {MaxKeys} keys"; return null; }
            foreach (object? item in items)
                if (item is Dictionary<string, object?> jwk && JwtKey.Read(jwk) is { } key) keys.Add(key);
        }
        else
        {
            if (set.Count > MaxKeys) { wrong = $"has more than {MaxKeys} keys"; return null; }
            foreach (var (id, pem) in set)
                if (pem is string certificate && OfCertificate(id, certificate) is { } key) keys.Add(key);
            if (keys.Count == 0) { wrong = "does not have 'keys'"; return null; }
        }
        if (keys.Count > 0) return new Jwks([.. keys]);
        wrong = "has no key that can be used";
        return null;
    }

    /// <summary>Whether a key of the set has signed the token.</summary>
    public JwtStatus Verify(Jwt jwt)
    {
        if (jwt.Algorithm == JwtAlgorithm.EdDSA && jwt.Signature.Length != 64) return JwtStatus.SignatureLength;
        bool any = false;
        foreach (var key in _keys)
        {
            if (jwt.KeyId.Length > 0 && key.Id.Length > 0 && key.Id != jwt.KeyId) continue;
            if (key.Only is { } only && only != jwt.Algorithm) continue;
            any = true;
            if (key.Serves(jwt.Algorithm) && key.Verifies(jwt)) return JwtStatus.Ok;
        }
        return any ? JwtStatus.VerificationFails : JwtStatus.NoMatchingKey;
    }

    private static JwtKey? OfCertificate(string id, string pem)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(pem);
            return JwtKey.Of(id, certificate.GetRSAPublicKey(), certificate.GetECDsaPublicKey());
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
