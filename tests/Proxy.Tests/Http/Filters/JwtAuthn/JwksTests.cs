using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Managed.Proxy.Core.Json;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Http.Filters.JwtAuthn;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.JwtAuthn;

public sealed class JwksTests
{
    // RFC 8037 appendix A.
    private const string Edwards = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    [Fact]
    public void EdwardsSignature_IsVerifiedAsTheRfcSays()
    {
        Assert.True(Jwt.TryDecode(Edwards, out byte[] key));
        const string text = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        Assert.True(Jwt.TryDecode(text, out byte[] signature));
        byte[] signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"u8.ToArray();
        Assert.True(Ed25519.Verify(key, signed, signature));
        signed[^1]++;
        Assert.False(Ed25519.Verify(key, signed, signature));
        Assert.False(Ed25519.Verify(key, signed, signature.AsSpan(1)));
        string set = $$"""{"keys":[{"kty":"OKP","crv":"Ed25519","x":"{{Edwards}}"}]}""";
        Assert.Equal(1, Jwks.Read(Encoding.UTF8.GetBytes(set), out _)!.Count);
    }

    [Theory]
    [InlineData("[]", "is no JSON object")]
    [InlineData("{", "is no JSON object")]
    [InlineData("{}", "does not have 'keys'")]
    [InlineData("""{"keys":{}}""", "'keys' is not an array")]
    [InlineData("""{"keys":[]}""", "has no key that can be used")]
    [InlineData("""{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}""", "has no key that can be used")] // on no curve
    [InlineData("""{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}""", "has no key that can be used")] // no size for a key
    [InlineData("""{"keys":[{"kty":"oct","k":"AAAA","alg":"RS256"}]}""", "has no key that can be used")]
    [InlineData("""{"keys":[{"kty":"oct","k":"AAAA","use":"enc"}]}""", "has no key that can be used")]
    public void SetThatIsNone_SaysWhy(string text, string says)
    {
        Assert.Null(Jwks.Read(Encoding.UTF8.GetBytes(text), out string wrong));
        Assert.Equal(says, wrong);
    }

    [Fact]
    public void ManyKeys_AreRefused()
    {
        string keys = string.Join(",", Enumerable.Repeat("""{"kty":"oct","k":"AAAA"}""", 101));
        Assert.Null(Jwks.Read(Encoding.UTF8.GetBytes($$"""{"keys":[{{keys}}]}"""), out string wrong));
        Assert.Equal("has more than 100 keys", wrong);
    }

    [Fact]
    public void MapOfCertificates_IsASetToo()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=x", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
        string pem = certificate.ExportCertificatePem().ReplaceLineEndings("\\n");
        Assert.Equal(1, Jwks.Read(Encoding.UTF8.GetBytes($$"""{"k1":"{{pem}}","k2":"none"}"""), out _)!.Count);
    }

    [Theory]
    [InlineData("""{"a":[1,-2.5e3,true,false,null,"\u0041\n\\"],"b":{}}""", true)]
    [InlineData(""" {"a" : [ ] } """, true)]
    [InlineData("""{"a":1}x""", false)]
    [InlineData("""{"a":01}""", false)]
    [InlineData("""{"a":1.}""", false)]
    [InlineData("""{"a":-}""", false)]
    [InlineData("""{"a":"\x"}""", false)]
    [InlineData("""{"a":"\u12"}""", false)]
    [InlineData("""{"a":"\""", false)]
    [InlineData("{\"a\":\"\n\"}", false)]
    [InlineData("""{"a"}""", false)]
    [InlineData("""{"a":1,}""", false)]
    [InlineData("[1,]", false)]
    [InlineData("""{"a":tru}""", false)]
    [InlineData("", false)]
    public void Json_IsReadStrictly(string text, bool isJson)
        => Assert.Equal(isJson, JsonTree.TryRead(Encoding.UTF8.GetBytes(text), out _));

    [Fact]
    public void JsonOfEveryCut_IsRefusedAndNothingThrows()
    {
        byte[] whole = """{"a":[1,-2.5e3,true,false,null,"\u0041\n"],"b":{"c":"\\"}}"""u8.ToArray();
        Assert.True(JsonTree.TryRead(whole, out _));
        for (int i = 0; i < whole.Length; i++) Assert.False(JsonTree.TryRead(whole.AsSpan(0, i), out _));
        var random = new Random(1);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] other = (byte[])whole.Clone();
            other[random.Next(other.Length)] = (byte)random.Next(256);
            JsonTree.TryRead(other, out _);
        }
    }
}
