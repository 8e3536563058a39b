using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Managed.AdminApi.Acme;

/// <summary>
/// The key of an account (ECDSA P-256, ES256) and the signatures made with it: JWS in its flattened JSON form (RFC 7515, RFC 8555 section
/// 6.2).
/// </summary>
internal sealed class AccountKey : IDisposable
{
    private readonly ECDsa _key;
    private readonly string _x, _y;

    private AccountKey(ECDsa key)
    {
        _key = key;
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        (_x, _y) = (Base64Url.EncodeToString(point.X), Base64Url.EncodeToString(point.Y));
    }

    public static AccountKey Make() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    public static AccountKey Read(byte[] pkcs8)
    {
        var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(pkcs8, out _);
        return new(key);
    }

    public byte[] Export() => _key.ExportPkcs8PrivateKey();

    public void Dispose() => _key.Dispose();

    private JsonObject Jwk => new() { ["crv"] = "P-256", ["kty"] = "EC", ["x"] = _x, ["y"] = _y };

    /// <summary>RFC 8555 section 8.1: the token and the key's thumbprint (RFC 7638, over the members in this order).</summary>
    public string KeyAuthorization(string token) => token + "." + Base64Url.EncodeToString(
        SHA256.HashData(Encoding.ASCII.GetBytes($$"""{"crv":"P-256","kty":"EC","x":"{{_x}}","y":"{{_y}}"}""")));

    /// <summary>A request's body.</summary>
    /// <param name="account">The account's URL; null: the key itself says who it is.</param>
    /// <param name="payload">Null: to read what is there (POST-as-GET).</param>
    public string Sign(Uri url, string nonce, Uri? account, JsonNode? payload)
    {
        var head = new JsonObject { ["alg"] = "ES256", ["nonce"] = nonce, ["url"] = url.AbsoluteUri };
        if (account is null)
            head["jwk"] = Jwk;
        else
            head["kid"] = account.AbsoluteUri;
        return Flattened(head, payload?.ToJsonString() ?? "", signed => _key.SignData(signed, HashAlgorithmName.SHA256));
    }

    /// <summary>RFC 8555 section 7.3.4: this key, signed with that of an account that exists already.</summary>
    public JsonNode Bind(Uri url, string kid, byte[] hmacKey) => JsonNode.Parse(Flattened(
        new() { ["alg"] = "HS256", ["kid"] = kid, ["url"] = url.AbsoluteUri }, Jwk.ToJsonString(),
        signed => HMACSHA256.HashData(hmacKey, signed)))!;

    private static string Flattened(JsonObject head, string payload, Func<byte[], byte[]> sign)
    {
        var (first, second) = (Encode(head.ToJsonString()), Encode(payload));
        return new JsonObject
        {
            ["protected"] = first, ["payload"] = second,
            ["signature"] = Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes(first + "." + second))),
        }.ToJsonString();

        static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));
    }
}
