using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Router;

/// <summary>
/// The routes of some domains, in order. Runs of routes by exact path are looked up by hash: within a run only routes of the very path
/// can match, so the first match in order stays the first.
/// </summary>
internal sealed class VirtualHost
{
    // Below this, comparing one by one is faster than hashing.
    private const int ShortestRun = 4;

    // Either one route, or a run of exact paths.
    private readonly record struct Step(CompiledRoute? Route, Dictionary<byte[], CompiledRoute[]>? ByPath);

    private readonly TlsRequirement _requireTls;
    private readonly RouteEntry _toHttps;
    private readonly CompiledRoute[] _routes;
    private readonly Step[] _steps;

    public VirtualHost(string name, string tableName, TlsRequirement requireTls, CompiledRoute[] routes)
    {
        Name = name;
        _requireTls = requireTls;
        _routes = routes;
        _steps = Steps(routes);
        _toHttps = new RouteEntry { VirtualHostName = name, RouteConfigurationName = tableName, Kind = RouteKind.Redirect, Redirect = RedirectAction.Https };
    }

    public string Name { get; }

    public RouteEntry? Match(HeaderMap request, ulong random)
    {
        if (_requireTls != TlsRequirement.None && MustUseTls(request)) return _toHttps;
        var target = request.Get(HeaderId.Path);
        var path = QueryString.PathOf(target);
        foreach (ref readonly var step in _steps.AsSpan())
        {
            if (step.Route is { } route)
            {
                // Whether the expression would have matched nobody knows; what comes behind it may be what it was to keep from.
                if (path.Length > LinearRegex.MaxSubject && route.Path.Test == PathTest.Regex) return null;
                if (route.Path.IsMatch(path) && route.MatchesRest(request, target, random)) return route.Choose(request, random);
            }
            else if (step.ByPath!.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(path, out var candidates))
            {
                foreach (var candidate in candidates)
                    if (candidate.MatchesRest(request, target, random)) return candidate.Choose(request, random);
            }
        }
        return null;
    }

    public RouteEntry? Explain(HeaderMap request, ulong random, List<MatchStep> steps)
    {
        if (_requireTls != TlsRequirement.None && MustUseTls(request))
        {
            steps.Add(new MatchStep("route", "", true, "require_tls: redirected to https"));
            return _toHttps;
        }
        var target = request.Get(HeaderId.Path);
        var path = QueryString.PathOf(target);
        foreach (var route in _routes)
        {
            if (path.Length > LinearRegex.MaxSubject && route.Path.Test == PathTest.Regex)
            {
                steps.Add(new MatchStep("route", route.Label, false, $"the path is longer than an expression takes ({LinearRegex.MaxSubject} bytes): no route"));
                return null;
            }
            string? reason = route.Explain(request, target, path, random);
            steps.Add(new MatchStep("route", route.Label, reason is null, reason ?? route.Describe()));
            if (reason is null) return route.Choose(request, random);
        }
        return null;
    }

    // As in Envoy by x-forwarded-proto, which the connection manager sets for an untrusted client.
    private bool MustUseTls(HeaderMap request)
        => !request.Get(HeaderId.XForwardedProto).SequenceEqual("https"u8)
        && (_requireTls == TlsRequirement.All || !request.Get(HeaderId.XEnvoyInternal).SequenceEqual("true"u8));

    private static Step[] Steps(CompiledRoute[] routes)
    {
        var steps = new List<Step>();
        for (int i = 0; i < routes.Length;)
        {
            int end = i;
            while (end < routes.Length && routes[end].Path.IsPlainPath) end++;
            if (end - i >= ShortestRun)
            {
                var byPath = new Dictionary<byte[], CompiledRoute[]>(ByteKeys.Comparer);
                foreach (var group in routes[i..end].GroupBy(r => r.Path.Value.ToArray(), ByteKeys.Comparer)) byPath.Add(group.Key, [.. group]);
                steps.Add(new Step(null, byPath));
            }
            else
            {
                end = Math.Max(end, i + 1);
                steps.AddRange(routes[i..end].Select(r => new Step(r, null)));
            }
            i = end;
        }
        return [.. steps];
    }
}
