using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.Formatting;
using Managed.Proxy.Upstream.OnDemand;

namespace Managed.Proxy.Http.Filters.DynamicForwardProxy;

/// <summary>
/// Asks for the host of a request that goes to a cluster of this kind, and holds it until there is an answer (Envoy's filter of the same
/// name). Then the cluster finds the endpoint by the same host.
/// </summary>
internal sealed class DynamicForwardProxyFilter(DnsCache cache) : HttpFilter
{
    private Wait? _wait; // null: nothing is waited for

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        if (Stream.Route is not { } route || route.ResolveCluster(headers) is not { OnDemand: { Dns: not null } plan })
            return HeadersStatus.Continue;
        if (RouteConfig<OtherHost>() is { } other) Rewrite(headers, other);
        Span<char> key = stackalloc char[HostKey.MaxLength];
        int length = HostKey.Write(headers.Get(HeaderId.Authority), plan.DefaultPort, key, out int name);
        if (length < 0) return Refuse(DnsLookup.NoName);
        // The usual case: nothing is made for it.
        if (cache.Find(key[..length]) is not null) return HeadersStatus.Continue;
        var wait = new Wait { Filter = this };
        int port = int.Parse(key[(name + 1)..length], System.Globalization.CultureInfo.InvariantCulture);
        switch (cache.Ask(key[..length], name, port, Stream.Worker, static w => ((Wait)w!).Filter?.Go(), wait, out var host))
        {
            case DnsLookup.Known when host!.Current is not null: return HeadersStatus.Continue;
            case DnsLookup.Waits:
                wait.Host = host;
                _wait = wait;
                return HeadersStatus.StopAllIterationAndWatermark;
            case var refused: return Refuse(refused);
        }
    }

    public override void OnDestroy()
    {
        if (_wait is not { } wait) return;
        wait.Filter = null; // the answer is for a request that is gone
        _wait = null;
    }

    private static void Rewrite(HeaderMap headers, OtherHost other)
    {
        ReadOnlySpan<byte> host = other.Literal;
        if (other.Header is { } header && !(header.TryGet(headers, out host) && HeaderValue.IsAuthority(host))) return;
        if (host.IsEmpty) return;
        // It may stand in the same map, which the first change moves.
        Span<byte> copy = stackalloc byte[512];
        if (host.Length > copy.Length) return;
        host.CopyTo(copy);
        headers.Set(HeaderId.Authority, copy[..host.Length]);
        if (headers.Has(HeaderId.Host)) headers.Set(HeaderId.Host, copy[..host.Length]);
    }

    private void Go()
    {
        var wait = _wait!;
        _wait = null;
        if (wait.Host!.Current is null) Refuse(DnsLookup.Known); else ContinueRequest();
    }

    private HeadersStatus Refuse(DnsLookup lookup)
    {
        switch (lookup)
        {
            case DnsLookup.TooManyHosts:
                Stream.SendLocalReply(503, "DNS cache overflow"u8, "dns_cache_overflow", ResponseFlags.UpstreamOverflow);
                break;
            case DnsLookup.TooManyWait:
                Stream.SendLocalReply(503, "Dynamic forward proxy pending request overflow"u8,
                    "dynamic_forward_proxy_pending_request_overflow", ResponseFlags.UpstreamOverflow);
                break;
            default:
                Stream.SendLocalReply(503, "DNS resolution failure"u8, "dns_resolution_failure", ResponseFlags.DnsResolutionFailed);
                break;
        }
        return HeadersStatus.StopIteration;
    }

    // Outlives the request where that is given up: instances of filters go on to other requests.
    private sealed class Wait
    {
        public DynamicForwardProxyFilter? Filter;
        public DnsHost? Host;
    }
}
