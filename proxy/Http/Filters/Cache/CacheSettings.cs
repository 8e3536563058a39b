using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Http.Filters.Cache;

/// <summary>The counters of a cache, under <c>http.prefix.cache</c>; Envoy's has none.</summary>
internal sealed class CacheStats(FilterBuildContext context, bool files = false)
{
    /// <summary>Given without asking; after asking; nothing there.</summary>
    public Counter Hit { get; } = context.Stats.Counter(context.StatPrefix + "cache.hit");
    public Counter Validated { get; } = context.Stats.Counter(context.StatPrefix + "cache.validated");
    public Counter Miss { get; } = context.Stats.Counter(context.StatPrefix + "cache.miss");
    /// <summary>Came in; had to go for others; was thrown away because something was written.</summary>
    public Counter Stored { get; } = context.Stats.Counter(context.StatPrefix + "cache.stored");
    public Counter Evicted { get; } = context.Stats.Counter(context.StatPrefix + "cache.evicted");
    public Counter Invalidated { get; } = context.Stats.Counter(context.StatPrefix + "cache.invalidated");
    /// <summary>Requests that waited for another one's response.</summary>
    public Counter Waited { get; } = context.Stats.Counter(context.StatPrefix + "cache.waited");
    /// <summary>Of the files behind it, by <see cref="FileEvent"/>; empty: there are none.</summary>
    public Counter[] Files { get; } = !files ? [] : [.. Array.ConvertAll(
        ["file_read", "file_written", "file_write_failed", "file_dropped", "file_damaged", "file_late", "eviction_runs", "file_evicted"],
        (string name) => context.Stats.Counter(context.StatPrefix + "cache." + name))];
}

/// <summary>What one version says of a cache, compiled.</summary>
internal sealed class CacheSettings
{
    public const int MostHead = 64 * 1024;

    private readonly CacheKeyConfig _key;
    private readonly QueryMatch[] _included, _excluded;
    private readonly StringMatch[] _vary;

    private CacheSettings(CacheConfig config, QueryMatch[] included, QueryMatch[] excluded, StringMatch[] vary)
    {
        (_key, _included, _excluded, _vary) = (config.KeyCreatorParams, included, excluded, vary);
        MostBody = config.MaxBodyBytes > 0 ? (int)config.MaxBodyBytes : 1 << 20;
        IgnoresRequest = config.IgnoreRequestCacheControlHeader;
        if (config.ThunderingHerdHandler?.BlockUntilCompletion is { } block)
            WaitMicros = (long)(block.UnblockAdditionalRequestPeriod ?? TimeSpan.FromSeconds(1)).TotalMicroseconds;
    }

    public int MostBody { get; }
    public bool IgnoresRequest { get; }
    /// <summary>How long a request waits for another one's response; 0: it does not.</summary>
    public long WaitMicros { get; }

    /// <summary>Null with errors added.</summary>
    public static CacheSettings? Build(CacheConfig config, ConfigErrors errors)
    {
        int before = errors.Count;
        var included = config.KeyCreatorParams.QueryParametersIncluded.Select(q => QueryMatch.Compile(q, errors)).OfType<QueryMatch>();
        var excluded = config.KeyCreatorParams.QueryParametersExcluded.Select(q => QueryMatch.Compile(q, errors)).OfType<QueryMatch>();
        var settings = new CacheSettings(config, [.. included], [.. excluded],
            [.. config.AllowedVaryHeaders.Select(v => StringMatch.Of(v, errors)).OfType<StringMatch>()]);
        return errors.Count == before ? settings : null;
    }

    /// <summary>Responses may vary by the header of this lower-case name.</summary>
    public bool MayVaryBy(ReadOnlySpan<byte> name)
    {
        foreach (var match in _vary)
            if (match.IsMatch(name)) return true;
        return false;
    }

    /// <summary>Writes the key of a request's URL, where it goes and nothing else.</summary>
    /// <param name="headers">Of the request.</param>
    /// <param name="cluster">That its route leads to: hosts and headers may be routed apart.</param>
    /// <param name="to">Is cleared first.</param>
    public void WriteKey(HeaderMap headers, string? cluster, ByteWriter to)
    {
        const byte end = 0; // no value has it
        to.Clear();
        to.Write(cluster ?? "");
        to.Write(end);
        if (!_key.ExcludeScheme) to.Write(headers.Get(HeaderId.Scheme));
        to.Write(end);
        if (!_key.ExcludeHost) WriteLower(headers.Get(HeaderId.Authority), to);
        to.Write(end);
        var target = headers.Get(HeaderId.Path);
        if (_included.Length + _excluded.Length == 0)
        {
            to.Write(target);
            return;
        }
        to.Write(QueryString.PathOf(target));
        if (!QueryString.TryOf(target, out var query)) return;
        var work = new MatchWork();
        byte before = (byte)'?';
        while (query.Length > 0)
        {
            var piece = QueryString.NextPiece(ref query);
            if (!Counts(piece, ref work)) continue;
            to.Write(before);
            to.Write(piece);
            before = (byte)'&';
        }
    }

    // What an expression cannot say counts: a key that is too long finds nothing, one that is too short finds what is another's.
    private bool Counts(ReadOnlySpan<byte> piece, ref MatchWork work)
    {
        bool counts = _included.Length == 0;
        foreach (var match in _included) counts = counts || match.IsOf(piece, ref work);
        bool excluded = false;
        foreach (var match in _excluded) excluded = excluded || match.IsOf(piece, ref work);
        return work.GaveUp || (counts && !excluded);
    }

    private static void WriteLower(ReadOnlySpan<byte> text, ByteWriter to)
    {
        var room = to.GetSpan(text.Length);
        for (int i = 0; i < text.Length; i++) room[i] = text[i] is >= (byte)'A' and <= (byte)'Z' ? (byte)(text[i] | 0x20) : text[i];
        to.Advance(text.Length);
    }
}
