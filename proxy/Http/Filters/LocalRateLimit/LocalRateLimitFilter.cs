using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Limits;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Router.RateLimits;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.LocalRateLimit;

/// <summary>Takes a token for each request, or answers in its place.</summary>
internal sealed class LocalRateLimitFilter(LocalRateLimitSettings own) : HttpFilter
{
    [ThreadStatic] private static ByteWriter? t_scratch;

    private readonly DescriptorList _descriptors = new();
    private LocalRateLimitSettings? _used;
    private uint _limit, _remaining;
    private long _resetSeconds;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        var settings = RouteConfig<LocalRateLimitSettings>() ?? own;
        var worker = Stream.Worker;
        if (!Hits(settings.EnabledPerMillion, worker)) return HeadersStatus.Continue;
        var bucket = settings.Bucket(worker.Id, Stream.Info.ConnectionId, worker.NowMicros);
        if (bucket is null && !settings.HasDescriptors) return HeadersStatus.Continue;
        worker.Stats.Increment(settings.EnabledRequests);
        _used = settings;
        bool allowed = settings.HasDescriptors ? TakeAll(settings, headers, bucket) : Take(bucket!);
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
        if (_used is { AddsRateLimitHeaders: true } && _limit > 0)
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
        _descriptors.Clear();
    }

    // Of every bucket whose descriptor the request has; the first that is empty refuses it.
    private bool TakeAll(LocalRateLimitSettings settings, HeaderMap headers, TokenBucket? bucket)
    {
        var route = Stream.Route;
        _descriptors.Clear();
        RateLimitLevels.Fill(route, settings.RateLimits, settings.Config.VhRateLimits, settings.Config.Stage,
            new RateLimitSubject(headers, Stream.Info, route?.ResolveCluster(headers)?.Name, route?.Metadata), _descriptors);
        bool any = false;
        for (int i = 0; i < _descriptors.Count; i++)
        {
            if (settings.BucketOf(_descriptors[i]) is not { } own) continue;
            any = true;
            if (!Take(own)) return false;
        }
        return bucket is null || (any && !settings.Config.AlwaysConsumeDefaultTokenBucket) || Take(bucket);
    }

    // The bucket that is nearest to its end is the one that the client is told of.
    private bool Take(TokenBucket bucket)
    {
        long now = Stream.Worker.NowMicros;
        bool taken = bucket.TryTake(now, out uint remaining);
        if (_limit > 0 && taken && remaining >= _remaining) return true;
        (_limit, _remaining) = (bucket.MaxTokens, remaining);
        _resetSeconds = (bucket.MicrosToNextFill(now) + 999_999) / 1_000_000;
        return taken;
    }

    private void Decorate(HeaderMap response)
    {
        _used!.ResponseHeaders.Apply(response, Stream.Info, Scratch());
        if (GrpcStatus.IsGrpc(Stream.RequestHeaders))
            response.Set(HeaderId.GrpcStatus, _used.Config.RateLimitedAsResourceExhausted ? "8"u8 : "14"u8);
    }

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
