using System.Buffers;

namespace Managed.Proxy.Http.Headers;

/// <summary>
/// Fields by which proxies talk to each other, and which of them are not taken from whom (Envoy: HTTP header sanitizing). Their twins,
/// with any other character in place of a dash (<c>x_forwarded_for</c>, <c>x-envoy.retry-on</c>), are taken from nobody outside: servers
/// that fold such characters into one (CGI, RFC 3875 section 4.1.18) would read the client's word as the proxy's.
/// </summary>
internal static class ProxyFields
{
    private const int LongestPrefix = 12; // x-forwarded-, x-request-id

    private static readonly SearchValues<byte> Ordinary = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-"u8);

    /// <summary>Removes what a request from outside may not say.</summary>
    /// <param name="headers">The request's.</param>
    /// <param name="edge">
    /// The client itself is the peer: then all of x-envoy- goes, but for what asks the fault filter for a fault, which is off unless
    /// configured. Otherwise a proxy in front may have set some, and only what steers the router goes.
    /// </param>
    public static void Strip(HeaderMap headers, bool edge)
    {
        int cursor = 0;
        while (headers.Next(ref cursor, out ReadOnlySpan<byte> name, out _))
        {
            if (name.Length < 9 || name[0] != 'x' || char.IsAsciiLetterOrDigit((char)name[1])) continue;
            bool goes = name.StartsWith("x-envoy-"u8) && (edge ? !name.StartsWith("x-envoy-fault-"u8) : Steers(name[8..]));
            if (goes || IsTwin(name)) headers.RemoveLast(cursor);
        }
    }

    /// <summary>Whether the lower-case name belongs to what proxies say to each other, or looks like it.</summary>
    public static bool AreOurs(ReadOnlySpan<byte> name)
        => name.Length >= 9 && name[0] == 'x'
        && (name.StartsWith("x-envoy-"u8) || name.StartsWith("x-forwarded-"u8) || name.SequenceEqual("x-request-id"u8) || IsTwin(name));

    private static bool IsTwin(ReadOnlySpan<byte> name)
    {
        if (!name.ContainsAnyExcept(Ordinary)) return false;
        Span<byte> folded = stackalloc byte[LongestPrefix];
        int n = Math.Min(name.Length, LongestPrefix);
        for (int i = 0; i < n; i++) folded[i] = char.IsAsciiLetterOrDigit((char)name[i]) ? name[i] : (byte)'-';
        folded = folded[..n];
        return folded.StartsWith("x-envoy-"u8) || folded.SequenceEqual("x-forwarded-"u8)
            || (name.Length == LongestPrefix && folded.SequenceEqual("x-request-id"u8));
    }

    // After x-envoy-: what Envoy takes out of every external request.
    private static bool Steers(ReadOnlySpan<byte> name) =>
        name.StartsWith("retriable-"u8) || name.StartsWith("retry-"u8) || name.StartsWith("upstream-rq-"u8) || name.StartsWith("hedge-"u8)
        || name.SequenceEqual("max-retries"u8) || name.SequenceEqual("upstream-alt-stat-name"u8)
        || name.SequenceEqual("expected-rq-timeout-ms"u8) || name.SequenceEqual("force-trace"u8) || name.SequenceEqual("ip-tags"u8)
        || name.SequenceEqual("original-url"u8);
}
