using System.Security.Cryptography;

namespace Managed.Proxy.Http.Filters.JwtAuthn;

/// <summary>How a token is signed (RFC 7518 section 3.1, RFC 8037). <c>none</c> is none of them.</summary>
internal enum JwtAlgorithm { RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, HS256, HS384, HS512, EdDSA }

internal static class JwtAlgorithms
{
    private static readonly Dictionary<string, JwtAlgorithm> ByName =
        Enum.GetValues<JwtAlgorithm>().ToDictionary(a => a.ToString(), StringComparer.Ordinal);

    public static bool TryFind(string name, out JwtAlgorithm algorithm) => ByName.TryGetValue(name, out algorithm);

    public static HashAlgorithmName HashOf(JwtAlgorithm algorithm) => algorithm switch
    {
        JwtAlgorithm.RS384 or JwtAlgorithm.PS384 or JwtAlgorithm.ES384 or JwtAlgorithm.HS384 => HashAlgorithmName.SHA384,
        JwtAlgorithm.RS512 or JwtAlgorithm.PS512 or JwtAlgorithm.ES512 or JwtAlgorithm.HS512 => HashAlgorithmName.SHA512,
        _ => HashAlgorithmName.SHA256,
    };
}
