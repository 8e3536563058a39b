using System.Buffers;
using System.Buffers.Text;
using System.Text;
using Managed.Proxy.Core.Json;

namespace Managed.Proxy.Http.Filters.JwtAuthn;

/// <summary>A token that was read (RFC 7519, in RFC 7515's compact form): nothing of it is verified by that. Immutable.</summary>
internal sealed class Jwt
{
    private static readonly SearchValues<byte> Letters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"u8);

    private Jwt(byte[] token, int signedLength) => (Token, SignedLength) = (token, signedLength);

    /// <summary>As it came.</summary>
    public byte[] Token { get; }
    /// <summary>What is signed: header and payload with the dot between them.</summary>
    public ReadOnlySpan<byte> Signed => Token.AsSpan(0, SignedLength);
    private int SignedLength { get; }
    public ReadOnlySpan<byte> EncodedPayload => Signed[(Signed.IndexOf((byte)'.') + 1)..];
    public required byte[] Signature { get; init; }
    public required Dictionary<string, object?> Header { get; init; }
    public required Dictionary<string, object?> Payload { get; init; }
    public required JwtAlgorithm Algorithm { get; init; }
    /// <summary>Empty: none.</summary>
    public required string KeyId { get; init; }
    public string Issuer { get; private init; } = "";
    /// <summary>UTF-8.</summary>
    public byte[] SubjectBytes { get; private init; } = [];
    /// <summary>As they compare.</summary>
    public string[] Audiences { get; private init; } = [];
    /// <summary>Seconds since the Unix epoch; 0: not said.</summary>
    public long NotBefore { get; private init; }
    /// <summary>Likewise; -1: not said.</summary>
    public long Expires { get; private init; }

    public static JwtStatus TryRead(ReadOnlySpan<byte> token, out Jwt? jwt)
    {
        jwt = null;
        int first = token.IndexOf((byte)'.'), last = token.LastIndexOf((byte)'.');
        if (first <= 0 || last <= first + 1 || last == token.Length - 1 || token[(first + 1)..].IndexOf((byte)'.') != last - first - 1)
            return JwtStatus.BadFormat;
        if (!TryDecode(token[..first], out byte[] header)) return JwtStatus.HeaderBase64;
        if (!JsonTree.TryReadObject(header, out var head)) return JwtStatus.HeaderJson;
        if (head.GetValueOrDefault("alg") is not string alg) return JwtStatus.HeaderAlg;
        if (!JwtAlgorithms.TryFind(alg, out var algorithm)) return JwtStatus.UnknownAlg;
        if (!Text(head, "kid", out string kid)) return JwtStatus.HeaderKid;
        if (!TryDecode(token[(first + 1)..last], out byte[] payload)) return JwtStatus.PayloadBase64;
        if (!JsonTree.TryReadObject(payload, out var claims)) return JwtStatus.PayloadJson;
        if (!Text(claims, "iss", out string issuer)) return JwtStatus.Issuer;
        if (!Text(claims, "sub", out string subject)) return JwtStatus.Subject;
        if (!Seconds(claims, "iat", 0, out _)) return JwtStatus.IssuedAt;
        if (!Seconds(claims, "nbf", 0, out long notBefore)) return JwtStatus.NotBefore;
        if (!Seconds(claims, "exp", -1, out long expires)) return JwtStatus.Expiration;
        if (!Text(claims, "jti", out _)) return JwtStatus.Id;
        if (!Texts(claims, "aud", out var audiences)) return JwtStatus.Audience;
        if (!TryDecode(token[(last + 1)..], out byte[] signature)) return JwtStatus.SignatureBase64;
        jwt = new Jwt(token.ToArray(), last)
        {
            Signature = signature, Header = head, Payload = claims, Algorithm = algorithm, KeyId = kid, Issuer = issuer,
            SubjectBytes = Encoding.UTF8.GetBytes(subject),
            Audiences = [.. audiences.Select(JwtProvider.Bare)], NotBefore = notBefore, Expires = expires,
        };
        return JwtStatus.Ok;
    }

    /// <summary>Base64url without padding (RFC 7515 section 2), and nothing else.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> text, out byte[] bytes)
    {
        bytes = [];
        if (text.IndexOfAnyExcept(Letters) >= 0 || text.Length % 4 == 1) return false;
        bytes = new byte[Base64Url.GetMaxDecodedLength(text.Length)];
        bool whole = Base64Url.DecodeFromUtf8(text, bytes, out _, out int written) == OperationStatus.Done;
        if (written < bytes.Length) Array.Resize(ref bytes, written);
        return whole;
    }

    public static bool TryDecode(string text, out byte[] bytes) => TryDecode(Encoding.UTF8.GetBytes(text), out bytes);

    /// <summary>A claim by its name, else by names within objects with dots between them; null when there is none.</summary>
    public object? Claim(string name)
    {
        if (Payload.TryGetValue(name, out object? found)) return found;
        object? value = Payload;
        foreach (string part in name.Split('.'))
            if (value is not Dictionary<string, object?> map || !map.TryGetValue(part, out value)) return null;
        return value;
    }

    private static bool Text(Dictionary<string, object?> from, string name, out string text)
    {
        text = "";
        if (!from.TryGetValue(name, out object? value)) return true;
        text = value as string ?? "";
        return value is string;
    }

    private static bool Seconds(Dictionary<string, object?> from, string name, long absent, out long seconds)
    {
        seconds = absent;
        if (!from.TryGetValue(name, out object? value)) return true;
        if (value is not double number || number is < 0 or > long.MaxValue / 2) return false;
        seconds = (long)number;
        return true;
    }

    private static bool Texts(Dictionary<string, object?> from, string name, out IReadOnlyList<string> texts)
    {
        texts = [];
        if (!from.TryGetValue(name, out object? value)) return true;
        if (value is string one) { texts = [one]; return true; }
        if (value is not List<object?> list) return false;
        var strings = list.OfType<string>().ToList();
        texts = strings;
        return strings.Count == list.Count;
    }
}
