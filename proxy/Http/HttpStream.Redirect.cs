using System.Text;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http;

/// <summary>
/// Redirects that are followed here: the request begins anew at the place that the answer names, with all of its filters, for what they
/// decide depends on where it goes.
/// </summary>
public sealed partial class HttpStream
{
    private const int MostTarget = 8192;

    private bool _redirects; // the request begins anew
    private uint _redirected; // so often it has
    private HashSet<(string From, string To)>? _followed;

    // The final head is here. True: it is not passed on, and the request is where it leads to.
    private bool FollowsRedirect(ClientExchange up, RouteEntry route)
    {
        if (route.InternalRedirects is not { } policy || !policy.Follows(up.Status)) return false;
        bool follows = !ClientSendsBody && !_down.AsksUpgrade && ResponseHeaders.Has(HeaderId.Location)
            && TryMove(policy, route, up.Status);
        _upstream.CountRedirect(follows);
        if (!follows) return false;
        _redirects = true;
        _redirected++;
        Skip(up);
        return true;
    }

    // What may not be followed leaves the request as it is, and is counted for the first reason that there is (Envoy's order).
    private bool TryMove(InternalRedirectPolicy policy, RouteEntry from, int status)
    {
        byte[] scheme = RequestHeaders.Get(HeaderId.Scheme).ToArray(), host = RequestHeaders.Get(HeaderId.Authority).ToArray(),
            path = RequestHeaders.Get(HeaderId.Path).ToArray();
        byte[] target = ResponseHeaders.Get(HeaderId.Location).ToArray();
        // 1. Where to.
        if (target.Length is 0 or > MostTarget || !FieldSyntax.IsValue(target)
            || !TryRead(target, scheme, host, out var newScheme, out var newHost, out var newPath))
            return Refuse(Manager.Stats.RedirectBadLocation);
        // 2. By which scheme.
        bool crosses = !newScheme.SequenceEqual(scheme);
        if (crosses && !policy.MayCrossScheme) return Refuse(Manager.Stats.RedirectUnsafeScheme);
        // 3. How often.
        if (_redirected >= policy.Most) return Refuse(Manager.Stats.RedirectTooMany);
        // 4. The route of the request as it will be: what is copied into it may decide on the route.
        var before = new HeaderMap();
        before.CopyFrom(RequestHeaders);
        foreach (byte[] name in policy.Copied)
        {
            RequestHeaders.Remove(name);
            for (int i = 0; ResponseHeaders.TryGetAt(name, i, out var value); i++) RequestHeaders.Add(name, value);
        }
        Place(newScheme, newHost, newPath);
        // RFC 9110 section 15.4.4: what answers a 303 is asked for by GET.
        if (status == 303 && !_down.IsHead) RequestHeaders.Set(HeaderId.Method, "GET"u8);
        RequestHeaders.Set("x-envoy-original-url"u8, [.. scheme, .. "://"u8, .. host, .. path]);
        var entry = Manager.RoutesOf(RequestHeaders)?.Match(RequestHeaders, Info, Worker.NextRandom());
        // 5. Whether its predicates like that route; a scheme that is safe is one of them.
        bool safe = !policy.KeepsSchemeSafe || !newScheme.SequenceEqual("https"u8) || !crosses;
        if (entry is not null && safe && policy.MayGoTo(entry)
            && (!policy.AvoidsPrevious || (_followed ??= []).Add((from.Name, entry.Name)))) return true;
        RequestHeaders.CopyFrom(before);
        return Refuse(entry is null ? Manager.Stats.RedirectNoRoute : Manager.Stats.RedirectPredicate);
    }

    private bool Refuse(Counter reason)
    {
        Worker.Stats.Increment(reason);
        return false;
    }

    private void Place(ReadOnlySpan<byte> scheme, ReadOnlySpan<byte> host, ReadOnlySpan<byte> path)
    {
        RequestHeaders.Set(HeaderId.Scheme, scheme);
        RequestHeaders.Set(HeaderId.Authority, host);
        if (RequestHeaders.Has(HeaderId.Host)) RequestHeaders.Set(HeaderId.Host, host);
        RequestHeaders.Set(HeaderId.Path, path);
    }

    // An absolute URL of http or https, or a path on the same host (RFC 9110 section 10.2.2). Paths that are relative, or that would have
    // to be cleaned first, are not followed: the filters see the path as it would have come from a client.
    private static bool TryRead(ReadOnlySpan<byte> location, ReadOnlySpan<byte> scheme, ReadOnlySpan<byte> host,
        out ReadOnlySpan<byte> newScheme, out ReadOnlySpan<byte> newHost, out ReadOnlySpan<byte> newPath)
    {
        newScheme = scheme;
        newHost = host;
        int fragment = location.IndexOf((byte)'#');
        if (fragment >= 0) location = location[..fragment];
        newPath = location;
        if (!location.StartsWith("/"u8))
        {
            bool tls = location.Length > 8 && Ascii.EqualsIgnoreCase(location[..8], "https://"u8);
            if (!tls && !(location.Length > 7 && Ascii.EqualsIgnoreCase(location[..7], "http://"u8))) return false;
            newScheme = tls ? "https"u8 : "http"u8;
            var rest = location[(tls ? 8 : 7)..];
            int end = rest.IndexOfAny((byte)'/', (byte)'?');
            newHost = end < 0 ? rest : rest[..end];
            newPath = end < 0 ? "/"u8 : rest[end..];
            if (newPath[0] == '?' || !HeaderValue.IsAuthority(newHost)) return false;
        }
        else if (location.StartsWith("//"u8)) return false;
        return !PathRewrite.HasDotSegment(newPath) && !newPath.ContainsAnyExceptInRange((byte)0x21, (byte)0x7E);
    }

    private async IoTask<bool> ServeAnewAsync()
    {
        BeginAnew();
        AttachFilters();
        if (!IsStopped) _request.Headers(end: true);
        while (!_request.HeadersOut && !IsStopped) await _main.WaitAsync();
        return !IsStopped && await ForwardAsync();
    }

    // Its filters and what was made for its first way go; what is counted and timed for it as a whole stays.
    private void BeginAnew()
    {
        _redirects = false;
        ReturnFilters();
        _request.End();
        _response.End();
        _request.Begin();
        _response.Begin();
        _request.BufferLimit = _response.BufferLimit = Manager.BufferLimit;
        if (_shadowCount > 0) ReleaseShadows();
        Worker.Timers.Cancel(_routeTimer);
        EndTry();
        ResponseHeaders.Clear();
        ResponseTrailers.Clear();
        OverrideHost = null;
        _newCookies = null;
        _sent.Release();
        _sentEnd = false;
        _keepsSent = true;
        Info.UpstreamAttempts = 0;
        Info.UpstreamHost = null;
        _upstream.Forget();
        ClearRouteCache();
        _main.Reset();
    }
}
