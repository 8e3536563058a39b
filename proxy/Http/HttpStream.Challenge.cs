using Managed.Proxy.Core;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http;

/// <summary>HTTP-01 (RFC 8555 section 8.3): what an authority asks for to see whether a host is ours.</summary>
public sealed partial class HttpStream
{
    private const int LongestToken = 256;

    private static ReadOnlySpan<byte> ChallengePath => "/.well-known/acme-challenge/"u8;

    /// <summary>
    /// Before filters and routes, so that neither a redirect to https nor a sign-in is in the way. Only the token of an order that is on
    /// its way, and only at its host; everything else under the path is the routes'.
    /// </summary>
    private bool AnswersChallenge(PendingChallenges.Table pending)
    {
        var path = RequestHeaders.Get(HeaderId.Path);
        if (!path.StartsWith(ChallengePath) || !RequestHeaders.Get(HeaderId.Method).SequenceEqual("GET"u8)) return false;
        var token = path[ChallengePath.Length..];
        if (token.Length > LongestToken) return false;
        Span<char> key = stackalloc char[token.Length];
        if (System.Text.Ascii.ToUtf16(token, key, out _) != System.Buffers.OperationStatus.Done
            || !pending.Tokens.TryGetValue(key, out var challenge)) return false;
        var host = RequestHeaders.Get(HeaderId.Authority);
        int colon = host.LastIndexOf((byte)':');
        if (colon >= 0) host = host[..colon];
        if (!System.Text.Ascii.EqualsIgnoreCase(host, challenge.Host)) return false;
        // As it is: what rewrites our other replies must not touch it.
        SendStoredReply(200, challenge.Answer, "acme_challenge", ResponseFlags.None,
            static (headers, _) => headers.Set(HeaderId.ContentType, "application/octet-stream"u8), "");
        return true;
    }
}
