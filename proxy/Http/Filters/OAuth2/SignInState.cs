using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.OAuth2;

/// <summary>
/// What comes back with a browser that has signed in: the nonce that its cookie has too, and where it wanted to go; signed, so that nobody
/// else says where. <c>base64url(nonce LF url) . signature</c>; a nonce is <c>base64url(16 random bytes) . signature</c>.
/// </summary>
internal static class SignInState
{
    public static byte[] NewNonce(CookieSeal seal)
    {
        var nonce = new ByteWriter(96);
        nonce.Write(CookieSeal.Random(16));
        byte[] random = nonce.Written.ToArray();
        nonce.Write((byte)'.');
        seal.Sign(random, nonce);
        return nonce.Written.ToArray();
    }

    public static bool IsNonce(ReadOnlySpan<byte> text, CookieSeal seal)
        => text.IndexOf((byte)'.') is > 0 and var dot && seal.IsSigned(text[..dot], text[(dot + 1)..]);

    public static string Write(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> url, CookieSeal seal)
    {
        byte[] all = [.. nonce, (byte)'\n', .. url];
        var signature = new ByteWriter(64);
        seal.Sign(all, signature);
        return $"{Base64Url.EncodeToString(all)}.{Encoding.ASCII.GetString(signature.Written)}";
    }

    /// <summary>False: it is not what we have said to the browser with this cookie.</summary>
    /// <param name="state">As it came.</param>
    /// <param name="cookie">The browser's nonce.</param>
    /// <param name="seal">Of the worker.</param>
    /// <param name="url">Where it wanted to go.</param>
    public static bool TryRead(ReadOnlySpan<byte> state, ReadOnlySpan<byte> cookie, CookieSeal seal, out string url)
    {
        url = "";
        int dot = state.LastIndexOf((byte)'.');
        if (dot <= 0 || !Base64Url.IsValid(state[..dot])) return false;
        byte[] all = Base64Url.DecodeFromUtf8(state[..dot]);
        if (!seal.IsSigned(all, state[(dot + 1)..]) || !IsNonce(cookie, seal)) return false;
        int end = all.AsSpan().IndexOf((byte)'\n');
        if (end < 0 || !CryptographicOperations.FixedTimeEquals(all.AsSpan(0, end), cookie)) return false;
        url = Encoding.UTF8.GetString(all.AsSpan(end + 1));
        return FieldSyntax.IsValue(all.AsSpan(end + 1));
    }
}
