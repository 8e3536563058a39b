namespace Managed.AdminApi.Requests;

/// <summary>RFC 9110 section 13: conditional requests on strong entity tags.</summary>
internal static class Conditions
{
    public static bool HasIfMatch(HttpRequest request) => request.Headers.IfMatch.Count > 0;

    /// <summary>True when there is no If-Match or it names this tag. Weak tags never match (strong comparison).</summary>
    public static bool IfMatchHolds(HttpRequest request, string? etag)
        => !HasIfMatch(request) || (etag is not null && Names(request.Headers.IfMatch, etag));

    /// <summary>False when If-None-Match names the tag that exists.</summary>
    public static bool IfNoneMatchHolds(HttpRequest request, string? etag)
        => request.Headers.IfNoneMatch.Count == 0 || etag is null || !Names(request.Headers.IfNoneMatch, etag, weak: true);

    private static bool Names(IEnumerable<string?> headers, string etag, bool weak = false) => headers
        .SelectMany(h => (h ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        .Any(tag => tag == "*" || tag == etag || (weak && tag.StartsWith("W/", StringComparison.Ordinal) && tag[2..] == etag));
}
