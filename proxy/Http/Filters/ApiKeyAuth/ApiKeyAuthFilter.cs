using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.ApiKeyAuth;

/// <summary>Counters of a chain's filter, under Envoy's <c>http.prefix.api_key_auth</c>.</summary>
internal sealed class ApiKeyStats(FilterBuildContext context)
{
    public Counter Allowed { get; } = context.Stats.Counter(context.StatPrefix + "api_key_auth.allowed");
    public Counter Unauthorized { get; } = context.Stats.Counter(context.StatPrefix + "api_key_auth.unauthorized");
    public Counter Forbidden { get; } = context.Stats.Counter(context.StatPrefix + "api_key_auth.forbidden");
}

/// <summary>Lets a request through when it has the key of a client who may be here.</summary>
internal sealed class ApiKeyAuthFilter(ApiKeySettings own, ApiKeyStats stats) : HttpFilter
{
    private readonly ByteWriter _scratch = new(0);

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        var route = RouteConfig<ApiKeySettings>();
        if ((route?.Sources ?? own.Sources) is not { } sources) return Deny("missing_key_sources");
        if ((route?.Clients ?? own.Clients) is not { } clients) return Deny("missing_credentials");
        ReadOnlySpan<byte> key = default;
        foreach (var source in sources)
            if (source.TryFind(headers, _scratch, out key)) break;
        if (key.IsEmpty) return Deny("missing_api_key");
        if (!clients.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out byte[]? client)) return Deny("unknown_api_key");
        if (route?.Allowed?.Contains(client) == false)
        {
            Stream.Worker.Stats.Increment(stats.Forbidden);
            Stream.SendLocalReply(403, "Client is forbidden."u8, "client_not_allowed");
            return HeadersStatus.StopIteration;
        }
        Stream.Worker.Stats.Increment(stats.Allowed);
        var forwarding = route?.ForwardHeader is not null ? route : own;
        if (forwarding.ForwardHeader is { Length: > 0 } header) headers.Set(header, client);
        if (forwarding.Hides)
            foreach (var source in sources) source.Remove(headers, _scratch);
        return HeadersStatus.Continue;
    }

    public override void OnDestroy() => _scratch.Release(keep: 1024);

    private HeadersStatus Deny(string details)
    {
        Stream.Worker.Stats.Increment(stats.Unauthorized);
        Stream.SendLocalReply(401, "Client authentication failed."u8, details);
        return HeadersStatus.StopIteration;
    }
}
