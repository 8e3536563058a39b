using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.Csrf;

/// <summary>A built policy, of the filter or of a route.</summary>
internal sealed record CsrfPolicy(int EnabledPerMillion, int ShadowPerMillion, StringMatch[] Additional);

/// <summary>Counters of a chain's filter, under Envoy's <c>http.prefix.csrf</c>.</summary>
internal sealed class CsrfStats(FilterBuildContext context)
{
    public Counter MissingSource { get; } = context.Stats.Counter(context.StatPrefix + "csrf.missing_source_origin");
    public Counter Invalid { get; } = context.Stats.Counter(context.StatPrefix + "csrf.request_invalid");
    public Counter Valid { get; } = context.Stats.Counter(context.StatPrefix + "csrf.request_valid");
}

/// <summary>
/// Compares where a request that changes something comes from (origin, else referer) with where it goes to: host and port, as in Envoy.
/// </summary>
internal sealed class CsrfFilter(CsrfPolicy own, CsrfStats stats) : HttpFilter
{
    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        if (!Changes(headers.Get(HeaderId.Method))) return HeadersStatus.Continue;
        var policy = RouteConfig<CsrfPolicy>() ?? own;
        var worker = Stream.Worker;
        bool enabled = Hits(policy.EnabledPerMillion, worker.NextRandom());
        if (!enabled && !Hits(policy.ShadowPerMillion, worker.NextRandom())) return HeadersStatus.Continue;
        var source = HostOf(headers.Get(HeaderId.Origin));
        if (source.IsEmpty) source = HostOf(headers.Get(HeaderId.Referer));
        bool valid = !source.IsEmpty && IsValid(source, policy, headers);
        worker.Stats.Increment(valid ? stats.Valid : source.IsEmpty ? stats.MissingSource : stats.Invalid);
        if (valid || !enabled) return HeadersStatus.Continue;
        Stream.SendLocalReply(403, "Invalid origin"u8, "csrf_origin_mismatch", ResponseFlags.None);
        return HeadersStatus.StopIteration;
    }

    private static bool IsValid(ReadOnlySpan<byte> source, CsrfPolicy policy, HeaderMap headers)
    {
        // Of several nobody knows which one the browser means.
        if (headers.CountOf("origin"u8) > 1 || (!headers.Has(HeaderId.Origin) && headers.CountOf("referer"u8) > 1)) return false;
        if (System.Text.Ascii.EqualsIgnoreCase(source, HostOf(headers.Get(HeaderId.Authority)))) return true;
        foreach (var match in policy.Additional)
            if (match.IsMatch(source)) return true;
        return false;
    }

    private static bool Changes(ReadOnlySpan<byte> method) => method.SequenceEqual("POST"u8) || method.SequenceEqual("PUT"u8)
        || method.SequenceEqual("DELETE"u8) || method.SequenceEqual("PATCH"u8);

    // Host and port of a URL; what is no URL as it is.
    private static ReadOnlySpan<byte> HostOf(ReadOnlySpan<byte> url)
    {
        int scheme = url.IndexOf("://"u8);
        if (scheme < 0) return url;
        url = url[(scheme + 3)..];
        int end = url.IndexOfAny("/?#\\"u8);
        if (end >= 0) url = url[..end];
        return url[(url.LastIndexOf((byte)'@') + 1)..];
    }

    private static bool Hits(int perMillion, ulong random) => perMillion > 0 && random % 1_000_000 < (ulong)perMillion;
}
