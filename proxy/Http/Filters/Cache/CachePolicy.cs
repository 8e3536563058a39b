using System.Globalization;
using System.Text;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Cache;

/// <summary>What may be kept and how long it is fresh (RFC 9111 sections 3 and 4).</summary>
internal static class CachePolicy
{
    /// <summary>Those that may be kept whole, as in Envoy.</summary>
    private static bool MayKeep(int status) => status is 200 or 203 or 204 or 300 or 301 or 308 or 404 or 405 or 410 or 414 or 451 or 501;

    // Of one hop or one client, or made anew with each use.
    private static readonly byte[][] NotKept =
    [
        [.. "connection"u8], [.. "keep-alive"u8], [.. "proxy-connection"u8], [.. "transfer-encoding"u8], [.. "upgrade"u8], [.. "te"u8],
        [.. "trailer"u8], [.. "proxy-authenticate"u8], [.. "proxy-authentication-info"u8], [.. "content-length"u8], [.. "age"u8],
        [.. "x-envoy-upstream-service-time"u8], [.. "x-request-id"u8], [.. ":status"u8],
    ];

    /// <summary>Makes of a response's head what is kept of it, without body; null: it may not be kept.</summary>
    /// <param name="headers">Of the response.</param>
    /// <param name="status">Its status.</param>
    /// <param name="asked">When the request was sent; wall clock, seconds.</param>
    /// <param name="now">Now, likewise.</param>
    /// <param name="key">Its key.</param>
    public static CacheEntry? Keep(HeaderMap headers, int status, long asked, long now, byte[] key)
    {
        if (!MayKeep(status) || headers.Has(HeaderId.SetCookie) || headers.TryGet("content-range"u8, out _)) return null;
        var control = CacheControl.Of(headers, request: false);
        if (control.NoStore || control.Private) return null;
        long date = Date(headers, "date"u8) ?? now, lifetime = control.SharedMaxAge >= 0 ? control.SharedMaxAge : control.MaxAge;
        if (lifetime < 0 && headers.TryGet("expires"u8, out _))
            lifetime = Math.Max(0, (headers.CountOf("expires"u8) == 1 ? Date(headers, "expires"u8) ?? date : date) - date);
        if (lifetime < 0 && !control.NoCache) return null; // guessing (section 4.2.2) is not for a gateway
        var kept = new List<(byte[], byte[])>(headers.Count);
        int cursor = 0;
        long bytes = 0;
        while (headers.Next(ref cursor, out var name, out var value))
        {
            if (IsKept(name)) kept.Add((name.ToArray(), value.ToArray()));
            bytes += name.Length + value.Length;
        }
        if (bytes > CacheSettings.MostHead) return null;
        headers.TryGet("age"u8, out var age);
        long initial = Math.Max(Math.Max(0, now - date), CacheControl.Seconds(age) + Math.Max(0, now - asked));
        var entry = new CacheEntry(key)
        {
            Status = status, Headers = [.. kept], Received = now, InitialAge = initial, Lifetime = Math.Max(0, lifetime),
            AlwaysAsks = control.NoCache, NeverStale = control.MustRevalidate || control.SharedMaxAge >= 0,
        };
        // One that can neither be given nor asked for is of no use.
        return lifetime > initial && !control.NoCache || entry.HasValidator ? entry : null;
    }

    /// <summary>The entry with what a 304 says anew (section 3.2).</summary>
    public static CacheEntry? Renew(CacheEntry entry, byte[] body, HeaderMap headers, long asked, long now)
    {
        var merged = new HeaderMap();
        foreach (var (name, value) in entry.Headers)
            if (!headers.TryGet(name, out _)) merged.Add(name, value);
        int cursor = 0;
        while (headers.Next(ref cursor, out var name, out var value))
            if (IsKept(name) && !name.StartsWith("content-"u8)) merged.Add(name, value);
        foreach (var (name, value) in entry.Headers)
            if (name.AsSpan().StartsWith("content-"u8) && !merged.TryGet(name, out _)) merged.Add(name, value);
        if (headers.TryGet("age"u8, out var age)) merged.Add("age"u8, age);
        if (Keep(merged, entry.Status, asked, now, entry.Key) is not { } renewed) return null;
        renewed.Body = body;
        return renewed.Measured();
    }

    /// <summary>May be given without asking.</summary>
    /// <param name="entry">What there is.</param>
    /// <param name="request">What the client says.</param>
    /// <param name="now">Wall clock, seconds.</param>
    public static bool IsFresh(CacheEntry entry, in CacheControl request, long now)
    {
        if (entry.AlwaysAsks || request.NoCache) return false;
        long age = entry.Age(now), left = entry.Lifetime - age;
        if (request.MaxAge >= 0 && age > request.MaxAge) return false;
        if (request.MinFresh >= 0 && left < request.MinFresh) return false;
        return left > 0 || (request.MaxStale >= 0 && !entry.NeverStale && -left <= request.MaxStale);
    }

    /// <summary>The client has what is kept already (RFC 9110 section 13.2.2): 304 is the answer.</summary>
    public static bool IsKnown(CacheEntry entry, HeaderMap request)
    {
        if (entry.Status != 200) return false;
        if (request.TryGet("if-none-match"u8, out _))
        {
            entry.TryGet("etag"u8, out var etag);
            for (int i = 0; request.TryGetAt("if-none-match"u8, i, out var list); i++)
                while (FieldSyntax.NextMember(ref list, out var member))
                    if (member is [(byte)'*'] || (!etag.IsEmpty && Weakly(member).SequenceEqual(Weakly(etag)))) return true;
            return false;
        }
        return Date(request, "if-modified-since"u8) is { } since && entry.TryGet("last-modified"u8, out var text)
            && Date(text) is { } modified && modified <= since;
    }

    /// <summary>A strong tag by which a part may be asked for (RFC 9110 section 13.1.5).</summary>
    public static bool IsSame(CacheEntry entry, ReadOnlySpan<byte> ifRange)
        => ifRange is [(byte)'"', ..] ? entry.TryGet("etag"u8, out var etag) && etag.SequenceEqual(ifRange)
            : entry.TryGet("last-modified"u8, out var modified) && modified.SequenceEqual(ifRange);

    /// <summary>IMF-fixdate; null: it is none. Seconds since the Unix epoch.</summary>
    private static long? Date(HeaderMap headers, ReadOnlySpan<byte> name) => headers.TryGet(name, out var text) ? Date(text) : null;

    private static long? Date(ReadOnlySpan<byte> text)
    {
        if (text.Length > 40) return null;
        Span<char> chars = stackalloc char[40];
        return DateTimeOffset.TryParseExact(chars[..Encoding.Latin1.GetChars(text, chars)], "r", CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal, out var date) ? date.ToUnixTimeSeconds() : null;
    }

    private static ReadOnlySpan<byte> Weakly(ReadOnlySpan<byte> tag) => tag.StartsWith("W/"u8) ? tag[2..] : tag;

    private static bool IsKept(ReadOnlySpan<byte> name)
    {
        foreach (byte[] not in NotKept)
            if (name.SequenceEqual(not)) return false;
        return true;
    }
}
