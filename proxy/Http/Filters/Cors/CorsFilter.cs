using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.Cors;

/// <summary>
/// Cross-origin requests as Envoy's filter serves them. Each field comes from the most specific level that gives it; policies under
/// typed_per_filter_config put the older <c>cors</c> fields of routes and virtual hosts out of force.
/// </summary>
internal sealed class CorsFilter(Counter valid, Counter invalid) : HttpFilter
{
    private readonly ByteWriter _origin = new(0); // allowed, and to be told so
    private CorsLevels _levels;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        var origin = headers.Get(HeaderId.Origin);
        if (origin.IsEmpty || Stream.Route is not { } route) return HeadersStatus.Continue;
        var levels = new CorsLevels(route, Stream.NameOf(this));
        if (levels.First is not { } first) return HeadersStatus.Continue;
        var worker = Stream.Worker;
        bool enabled = Hits(first.EnabledPerMillion, worker.NextRandom());
        if (!enabled && !Hits(first.ShadowPerMillion, worker.NextRandom())) return HeadersStatus.Continue;
        // Of several origins nobody knows which one the browser means.
        bool allowed = headers.CountOf("origin"u8) == 1 && levels.Origins?.Allows(origin) == true;
        worker.Stats.Increment(allowed ? valid : invalid);
        if (!enabled) return HeadersStatus.Continue;
        _levels = levels;
        if (allowed) _origin.Write(origin);
        bool preflight = headers.Get(HeaderId.Method).SequenceEqual("OPTIONS"u8)
            && headers.TryGet("access-control-request-method"u8, out var method) && !method.IsEmpty;
        if (!preflight || (!allowed && levels.ForwardNotMatchingPreflights)) return HeadersStatus.Continue;
        Stream.SendLocalReply(200, default, "cors_response", ResponseFlags.None,
            static (response, filter) => ((CorsFilter)filter!).Answer(response), this);
        return HeadersStatus.StopIteration;
    }

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        if (_origin.Length == 0) return HeadersStatus.Continue;
        headers.Set("access-control-allow-origin"u8, _origin.Written);
        if (_levels.AllowCredentials) headers.Set("access-control-allow-credentials"u8, "true"u8);
        if (_levels.ExposeHeaders is { Length: > 0 } exposed) headers.Set("access-control-expose-headers"u8, exposed);
        return HeadersStatus.Continue;
    }

    public override void OnDestroy()
    {
        _origin.Release(keep: 1024);
        _levels = default;
    }

    // To a preflight; who asks is told by the response hook.
    private void Answer(HeaderMap response)
    {
        if (_levels.AllowCredentials) response.Set("access-control-allow-credentials"u8, "true"u8);
        Say(response, "access-control-allow-methods"u8, _levels.AllowMethods, "access-control-request-method"u8);
        Say(response, "access-control-allow-headers"u8, _levels.AllowHeaders, "access-control-request-headers"u8);
        if (_levels.MaxAge is { Length: > 0 } age) response.Set("access-control-max-age"u8, age);
        if (_levels.AllowPrivateNetworkAccess && Stream.RequestHeaders.TryGet("access-control-request-private-network"u8, out var asked)
            && asked.SequenceEqual("true"u8))
            response.Set("access-control-allow-private-network"u8, "true"u8);
    }

    private void Say(HeaderMap response, ReadOnlySpan<byte> name, byte[]? value, ReadOnlySpan<byte> asked)
    {
        if (value is not { Length: > 0 }) return;
        if (value is not [(byte)'*']) response.Set(name, value);
        else if (Stream.RequestHeaders.TryGet(asked, out var wanted)) response.Set(name, wanted);
    }

    private static bool Hits(int perMillion, ulong random) => perMillion > 0 && random % 1_000_000 < (ulong)perMillion;
}
