using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Headers;

/// <summary>What a www-authenticate field says of where somebody has to say who he is (RFC 9110 section 11.6.1).</summary>
internal static class AuthChallenge
{
    private const int MaxPath = 256; // as in Envoy

    /// <summary>
    /// Appends <c>scheme realm="scheme://host/path</c> without the last quote, and without the query, which may hold a token. What is in it
    /// comes from the client, so nothing of it may end it.
    /// </summary>
    public static void Write(ByteWriter to, ReadOnlySpan<byte> scheme, HeaderMap request)
    {
        to.Write(scheme);
        to.Write(" realm=\""u8);
        int mark = to.Length;
        to.Write(request.Get(HeaderId.Scheme));
        to.Write("://"u8);
        to.Write(request.Get(HeaderId.Authority));
        var path = QueryString.PathOf(request.Get(HeaderId.Path));
        to.Write(path[..Math.Min(path.Length, MaxPath)]);
        foreach (ref byte letter in to.Storage.Slice(mark, to.Length - mark))
            if (letter is (byte)'"' or (byte)'\\' or < 0x20 or 0x7F) letter = (byte)'_';
    }
}
