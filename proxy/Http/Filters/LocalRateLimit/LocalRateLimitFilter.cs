using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.LocalRateLimit;

/// <summary>Takes a token for each request, or answers in its place.</summary>
internal sealed class LocalRateLimitFilter(LocalRateLimitSettings own) : HttpFilter
{
    [ThreadStatic] private static ByteWriter? t_scratch;

    private LocalRateLimitSettings? _used;
    private uint _limit, _remaining;
    private long _resetSeconds;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        var settings = RouteConfig<LocalRateLimitSettings>() ?? own;
        var worker = Stream.Worker;
        if (!Hits(settings.EnabledPerMillion, worker)) return HeadersStatus.Continue;
        if (settings.Bucket(worker.Id, Stream.Info.ConnectionId, worker.NowMicros) is not { } bucket) return HeadersStatus.Continue;
        worker.Stats.Increment(settings.EnabledRequests);
        bool allowed = bucket.TryTake(worker.NowMicros, out _remaining);
        _used = settings;
        _limit = bucket.MaxTokens;
        _resetSeconds = (bucket.MicrosToNextFill(worker.NowMicros) + 999_999) / 1_000_000;
        if (allowed)
        {
            worker.Stats.Increment(settings.Ok);
            return HeadersStatus.Continue;
        }
        worker.Stats.Increment(settings.RateLimited);
        if (!Hits(settings.EnforcedPerMillion, worker))
        {
            settings.RequestHeaders.Apply(headers, Stream.Info, Scratch());
            return HeadersStatus.Continue;
        }
        worker.Stats.Increment(settings.Enforced);
        Stream.SendLocalReply(settings.Status, "local_rate_limited"u8, "local_rate_limited", ResponseFlags.RateLimited,
            static (response, filter) => ((LocalRateLimitFilter)filter!).Decorate(response), this);
        return HeadersStatus.StopIteration;
    }

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        if (_used is { AddsRateLimitHeaders: true })
        {
            SetNumber(headers, "x-ratelimit-limit"u8, _limit);
            SetNumber(headers, "x-ratelimit-remaining"u8, _remaining);
            SetNumber(headers, "x-ratelimit-reset"u8, _resetSeconds);
        }
        return HeadersStatus.Continue;
    }

    public override void OnDestroy()
    {
        _used = null;
        _limit = _remaining = 0;
        _resetSeconds = 0;
    }

    private void Decorate(HeaderMap response) => _used!.ResponseHeaders.Apply(response, Stream.Info, Scratch());

    private static bool Hits(int partsPerMillion, WorkerContext worker)
        => partsPerMillion >= 1_000_000 || (partsPerMillion > 0 && worker.NextRandom() % 1_000_000 < (ulong)partsPerMillion);

    private static void SetNumber(HeaderMap headers, ReadOnlySpan<byte> name, long value)
    {
        var scratch = Scratch();
        scratch.Write(value);
        headers.Set(name, scratch.Written);
    }

    private static ByteWriter Scratch()
    {
        var scratch = t_scratch ??= new ByteWriter();
        scratch.Clear();
        return scratch;
    }
}
