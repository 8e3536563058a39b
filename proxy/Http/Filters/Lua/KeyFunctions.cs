using System.Security.Cryptography;
using Managed.Proxy.Bindings;
using Managed.Proxy.Bindings.Lua;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>importPublicKey and verifySignature; the detail of a key is its place in the run's list.</summary>
internal static unsafe class KeyFunctions
{
    private const int MaxKeys = 100;

    public static (string, nint)[] All => [("import_key", LuaLibrary.Address(&Import)), ("verify", LuaLibrary.Address(&Verify))];

    // (self, der, length) -> key; a text that is no key gives a key that verifies nothing, as in Envoy
    private static int Import(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Handle, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        var der = LuaApi.Bytes(L, 2);
        int ok;
        long length = LuaApi.ToInteger(L, 3, &ok);
        if (ok == 0) length = der.Length;
        if (length < 0 || length > der.Length) return LuaState.Fail(L, "importPublicKey: the length is not within the string");
        var keys = run.Keys ??= [];
        if (keys.Count >= MaxKeys) return LuaState.Fail(L, "importPublicKey: too many keys on one stream");
        keys.Add(Read(der[..(int)length]));
        state.PushObject(L, LuaHandles.Key, keys.Count - 1);
        return 1;
    }

    // What is no key, or one that costs too much, is something that verifies nothing.
    private static IDisposable Read(ReadOnlySpan<byte> der)
    {
        var rsa = RSA.Create();
        try
        {
            rsa.ImportSubjectPublicKeyInfo(der, out _);
            if (KeyCost.IsBearable(rsa, secret: false)) return rsa;
        }
        catch (CryptographicException)
        {
            var curve = ECDsa.Create();
            try
            {
                curve.ImportSubjectPublicKeyInfo(der, out _);
                if (KeyCost.OrNothing(curve) is { } key) return key;
            }
            catch (CryptographicException) { curve.Dispose(); }
        }
        rsa.Dispose();
        return new MemoryStream();
    }

    // (self, hash, key, signature, its length, data, its length) -> ok, text of the error
    private static int Verify(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Handle, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        if (!state.IsObject(L, 3, LuaHandles.Key, out int place)) return LuaState.Fail(L, "verifySignature: key expected");
        HashAlgorithmName? hash = (LuaHandles.String(L, 2) ?? "").ToUpperInvariant() switch
        {
            "SHA1" => HashAlgorithmName.SHA1, "SHA256" => HashAlgorithmName.SHA256, "SHA384" => HashAlgorithmName.SHA384,
            "SHA512" => HashAlgorithmName.SHA512, _ => null,
        };
        var signature = Part(L, 4, 5);
        var data = Part(L, 6, 7);
        string error = "";
        if (hash is null) error = (LuaHandles.String(L, 2) ?? "") + " is not supported.";
        else
            try
            {
                bool good = run.Keys![place] switch
                {
                    RSA rsa => rsa.VerifyData(data, signature, hash.Value, RSASignaturePadding.Pkcs1),
                    ECDsa curve => curve.VerifyData(data, signature, hash.Value, DSASignatureFormat.Rfc3279DerSequence),
                    _ => throw new CryptographicException("Failed to initialize digest verify."),
                };
                if (!good) error = "Failed to verify digest.";
            }
            catch (CryptographicException e) { error = e.Message; }
        LuaApi.PushBoolean(L, error.Length == 0 ? 1 : 0);
        LuaApi.Push(L, error);
        return 2;
    }

    private static ReadOnlySpan<byte> Part(nint L, int text, int length)
    {
        var bytes = LuaApi.Bytes(L, text);
        int ok;
        long wanted = LuaApi.ToInteger(L, length, &ok);
        return ok != 0 && wanted >= 0 && wanted < bytes.Length ? bytes[..(int)wanted] : bytes;
    }
}
