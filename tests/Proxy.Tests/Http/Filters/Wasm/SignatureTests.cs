using System.Security.Cryptography;
using System.Text;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Filters.Wasm.Plugins;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>The foreign functions <c>sign</c> and <c>verify_signature</c> with keys of both kinds, in all their forms.</summary>
public sealed class SignatureTests
{
    private static readonly byte[] Words = "what is signed"u8.ToArray();

    private static byte[] Message(params (int Number, byte[] Value)[] fields)
    {
        var into = new ByteWriter();
        foreach (var (number, value) in fields) ProtoWriter.Field(into, number, value);
        return into.Written.ToArray();
    }

    private static (bool Result, string Error) Verify(string hash, byte[] signature, byte[] text, byte[]? der = null, string? pem = null)
    {
        var into = new ByteWriter();
        Assert.Equal(WasmStatus.Ok,
            Signatures.Verify(Message((1, Encoding.ASCII.GetBytes(hash)), (2, der ?? []), (3, signature), (4, text),
                (5, Encoding.ASCII.GetBytes(pem ?? ""))), into));
        return (ProtoReader.Number(into.Written, 1, 0) == 1,
            ProtoReader.TryField(into.Written, 2, out var error) ? Encoding.UTF8.GetString(error) : "");
    }

    private static (bool Result, byte[] Signature, string Error) Sign(string hash, byte[] text, byte[]? der = null, string? pem = null)
    {
        var into = new ByteWriter();
        Assert.Equal(WasmStatus.Ok,
            Signatures.Sign(Message((1, Encoding.ASCII.GetBytes(hash)), (2, der ?? []), (3, text), (4, Encoding.ASCII.GetBytes(pem ?? ""))),
                into));
        return (ProtoReader.Number(into.Written, 1, 0) == 1,
            ProtoReader.TryField(into.Written, 2, out var signature) ? signature.ToArray() : [],
                ProtoReader.TryField(into.Written, 3, out var error) ? Encoding.UTF8.GetString(error) : "");
    }

    private static AsymmetricAlgorithm Key(string kind) => kind == "RSA" ? RSA.Create(2048) : ECDsa.Create(ECCurve.NamedCurves.nistP256);

    [Theory]
    [InlineData("RSA", "sha1")]
    [InlineData("RSA", "sha256")]
    [InlineData("RSA", "SHA384")]
    [InlineData("RSA", "sha512")]
    [InlineData("EC", "sha256")]
    [InlineData("EC", "sha512")]
    public void WhatIsSigned_IsVerified_InBothFormsOfTheKey(string kind, string hash)
    {
        using var key = Key(kind);
        foreach (var signed in new[] { Sign(hash, Words, der: key.ExportPkcs8PrivateKey()),
            Sign(hash, Words, pem: key.ExportPkcs8PrivateKeyPem()),
                Sign(hash, Words, pem: key is RSA rsa ? rsa.ExportRSAPrivateKeyPem() : ((ECDsa)key).ExportECPrivateKeyPem()) })
        {
            Assert.Equal((true, ""), (signed.Result, signed.Error));
            Assert.Equal((true, ""), Verify(hash, signed.Signature, Words, der: key.ExportSubjectPublicKeyInfo()));
            Assert.Equal((true, ""), Verify(hash, signed.Signature, Words, pem: key.ExportSubjectPublicKeyInfoPem()));
            Assert.False(Verify(hash, signed.Signature, [.. Words, 0], der: key.ExportSubjectPublicKeyInfo()).Result);
            Assert.False(Verify(hash == "sha1" ? "sha256" : "sha1", signed.Signature, Words, der: key.ExportSubjectPublicKeyInfo()).Result);
        }
    }

    [Fact]
    public void SignaturesOfOthers_AreVerified()
    {
        using var rsa = RSA.Create(2048);
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Assert.True(Verify("sha256", rsa.SignData(Words, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), Words,
            der: rsa.ExportSubjectPublicKeyInfo()).Result);
        Assert.True(Verify("sha256", ec.SignData(Words, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence), Words,
            der: ec.ExportSubjectPublicKeyInfo()).Result);
        Assert.True(ec.VerifyData(Words, Sign("sha256", Words, der: ec.ExportPkcs8PrivateKey()).Signature, HashAlgorithmName.SHA256,
            DSASignatureFormat.Rfc3279DerSequence));
    }

    [Fact]
    public void WhatIsWrong_IsAResultWithAReason()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] open = key.ExportSubjectPublicKeyInfo(), secret = key.ExportPkcs8PrivateKey();
        Assert.Equal((false, "md5 is not supported."), Verify("md5", [1], Words, der: open));
        Assert.Equal("sha224 is not supported.", Sign("sha224", Words, der: secret).Error);
        foreach (byte[] bad in new[] { [0x30], open[..40], [.. open[..30], 0xFF, 0xFF, .. open[32..]], Words })
            Assert.False(Verify("sha256", [1], Words, der: bad) is (true, _) or (_, ""));
        Assert.False(Verify("sha256", [], Words, der: open).Result);
        Assert.False(Verify("sha256", [1], Words, pem: "-----BEGIN PUBLIC KEY-----\n????\n-----END PUBLIC KEY-----").Result);
        Assert.False(Verify("sha256", [1], Words, pem: "no key").Result);
        Assert.False(Verify("sha256", [1], Words, der: secret).Result); // a secret key is not a public one
        Assert.False(Sign("sha256", Words, der: open).Result);
        Assert.False(Sign("sha256", Words, pem: key.ExportSubjectPublicKeyInfoPem()).Result);
    }

    [Fact]
    public void NoKey_OrBothForms_IsABadArgument()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] der = key.ExportPkcs8PrivateKey(), pem = Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem());
        Assert.Equal(WasmStatus.BadArgument, Signatures.Sign(Message((1, "sha256"u8.ToArray()), (3, Words)), new ByteWriter()));
        Assert.Equal(WasmStatus.BadArgument, Signatures.Sign(Message((1, "sha256"u8.ToArray()), (2, der), (3, Words), (4, pem)),
            new ByteWriter()));
        Assert.Equal(WasmStatus.BadArgument, Signatures.Verify([], new ByteWriter()));
        Assert.Equal(WasmStatus.BadArgument, Signatures.Verify([0xFF, 0xFF, 0xFF], new ByteWriter()));
        Assert.Equal(WasmStatus.BadArgument, Signatures.Verify(Message((2, new byte[20_000])), new ByteWriter()));
    }

    [Fact]
    public async Task Guest_CallsThemByName()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] signature = key.SignData(Words, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        string Bytes(byte[] message) => "\"" + string.Concat(message.Select(b => $"\\{b:x2}")) + "\"";
        Assert.Equal(["verify: 0", "result: 264", "size: 2", "sign: 0", "no key: 2"], await Guests.OnRequestSaysAsync($"""
            (call $r "verify" (call $proxy_call_foreign_function "verify_signature" {Bytes(Message((1, "sha256"u8.ToArray()), (2, key.ExportSubjectPublicKeyInfo()), (3, signature), (4, Words)))} (global.get $OUT) (global.get $SIZE)))
            (call $n "result" (i32.load16_u (i32.load (global.get $OUT)))) (call $n "size" (i32.load (global.get $SIZE)))
            (call $r "sign" (call $proxy_call_foreign_function "sign" {Bytes(Message((1, "sha256"u8.ToArray()), (2, key.ExportPkcs8PrivateKey()), (3, Words)))} (global.get $OUT) (global.get $SIZE)))
            (call $r "no key" (call $proxy_call_foreign_function "sign" "" (global.get $OUT) (global.get $SIZE)))
            """));
    }
}
