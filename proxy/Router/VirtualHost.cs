using System.Buffers;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Router.Trees;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Router;

/// <summary>The routes of some domains, in order: the first that matches counts. Many are found by an index of their paths.</summary>
internal sealed class VirtualHost
{
    // Up to this many, asking one after another is faster.
    private const int Few = 8;
    // Lists of candidates that are merged on the stack.
    private const int FewLists = 16;
    // Bytes of a path that are turned to lower case on the stack.
    private const int ShortPath = 256;
    // Routes told of in an explanation before the one that matches.
    private const int MostLosers = 100;

    private readonly TlsRequirement _requireTls;
    private readonly RouteEntry _toHttps;
    private readonly CompiledRoute[] _routes;
    private readonly RouteIndex? _index;
    private readonly MatchTree<CompiledRoute[]>? _tree;

    // Of routes that were there before, by their configuration; made when they do not stand where they stood.
    private Dictionary<RouteConfig, CompiledRoute>? _byConfig;
    private Dictionary<string, RouteCounts>? _countsByLabel; // made when a version changes a route of it

    public VirtualHost(VirtualHostConfig config, string tableName, CompiledRoute[] routes, VirtualHost? former,
        MatchTree<CompiledRoute[]>? tree = null)
    {
        _tree = tree;
        Config = config;
        _requireTls = config.RequireTls;
        _routes = routes;
        TakesConnect = Array.Exists(routes, r => r.Path.IsConnect);
        if (routes.Length > Few && tree is null) _index = former is not null
            && HasSamePaths(former) ? former._index : new RouteIndex([.. routes.Select(r => (r.Path, r.IsSure))]);
        _toHttps = new RouteEntry { VirtualHostName = Name, RouteConfigurationName = tableName, Kind = RouteKind.Redirect,
            Redirect = RedirectAction.Https };
    }

    public string Name => Config.Name;
    public VirtualHostConfig Config { get; }

    /// <summary>Some of its routes are for CONNECT.</summary>
    public bool TakesConnect { get; }

    /// <summary>The route that was made of this very record; null when none was. Control thread.</summary>
    /// <param name="config">Of the route.</param>
    /// <param name="index">Where it probably stands.</param>
    public CompiledRoute? Find(RouteConfig config, int index)
    {
        if (index < _routes.Length && ReferenceEquals(_routes[index].Config, config)) return _routes[index];
        if (_byConfig is not { } known)
        {
            known = new Dictionary<RouteConfig, CompiledRoute>(_routes.Length, ReferenceEqualityComparer.Instance);
            foreach (var route in _routes) known.TryAdd(route.Config, route);
            _byConfig = known;
        }
        return known.GetValueOrDefault(config);
    }

    /// <summary>What its routes have answered.</summary>
    public IEnumerable<RouteCounts> Counts => _routes.Select(r => r.Counts);

    /// <summary>Those of the route of this name; null when it has none. Control thread.</summary>
    public RouteCounts? CountsOf(string label)
    {
        if (_countsByLabel is null)
        {
            var byLabel = new Dictionary<string, RouteCounts>(_routes.Length, StringComparer.Ordinal);
            foreach (var route in _routes) byLabel.TryAdd(route.Label, route.Counts);
            _countsByLabel = byLabel;
        }
        return _countsByLabel.GetValueOrDefault(label);
    }

    // An index knows routes by their number, what they ask for and nothing else of them.
    private bool HasSamePaths(VirtualHost former)
    {
        if (former._routes.Length != _routes.Length) return false;
        for (int i = 0; i < _routes.Length; i++)
            if (!ReferenceEquals(_routes[i].Config, former._routes[i].Config)) return false;
        return true;
    }

    public RouteEntry? Match(HeaderMap request, StreamInfo info, ulong random)
    {
        if (_requireTls != TlsRequirement.None && MustUseTls(request)) return _toHttps;
        var target = request.Get(HeaderId.Path);
        var path = QueryString.PathOf(target);
        var work = new MatchWork();
        if (_tree is not null)
        {
            if (_tree.Find(info, ref work, out var found) != MatchVerdict.Yes) return null;
            var chosen = FirstOf(found, request, target, path, random, ref work);
            return work.GaveUp ? null : chosen?.Choose(request, random);
        }
        // Few routes are for CONNECT, and the index knows paths alone.
        var route = _index is null || path.IsEmpty
            ? FirstOf(_routes, request, target, path, random, ref work) : ByIndex(_index, request, target, path, random, ref work);
        return route is null || work.GaveUp ? null : route.Choose(request, random);
    }

    /// <summary>What <see cref="Match"/> has to find, by asking one route after another.</summary>
    public RouteEntry? MatchOneByOne(HeaderMap request, ulong random)
    {
        var target = request.Get(HeaderId.Path);
        var work = new MatchWork();
        return FirstOf(_routes, request, target, QueryString.PathOf(target), random, ref work)?.Choose(request, random);
    }

    public RouteEntry? Explain(HeaderMap request, StreamInfo info, ulong random, List<MatchStep> steps)
    {
        if (_requireTls != TlsRequirement.None && MustUseTls(request))
        {
            steps.Add(new MatchStep("route", "", true, "require_tls: redirected to https"));
            return _toHttps;
        }
        var target = request.Get(HeaderId.Path);
        var path = QueryString.PathOf(target);
        var work = new MatchWork();
        int told = 0, untold = 0;
        var routes = _routes;
        if (_tree is not null)
        {
            bool finds = _tree.Find(info, ref work, out var found) == MatchVerdict.Yes;
            steps.Add(new MatchStep("route", "", finds, finds ? $"the matcher finds {found!.Length} routes" : "the matcher finds nothing"));
            routes = found ?? [];
        }
        foreach (var route in routes)
        {
            // Half of the room is kept for those that did not lose by their path.
            bool tell = told < MostLosers / 2 || (told < MostLosers && route.Path.Begins(path));
            string? reason = tell ? route.Explain(request, target, path, random, ref work)
                : route.IsMatch(request, target, path, random, ref work) && !work.GaveUp ? null : "an expression cannot be asked";
            if (reason is null || work.GaveUp)
            {
                TellRest();
                steps.Add(new MatchStep("route", route.Label, reason is null, reason is null ? route.Describe() : $"{reason}: no route"));
                return reason is null ? route.Choose(request, random) : null;
            }
            if (!tell) untold++;
            else
            {
                told++;
                steps.Add(new MatchStep("route", route.Label, false, reason));
            }
        }
        TellRest();
        return null;

        void TellRest()
        {
            if (untold > 0) steps.Add(new MatchStep("route", "", false, $"{untold} more routes before do not match; they are not listed"));
        }
    }

    // As in Envoy by x-forwarded-proto, which the connection manager sets for an untrusted client.
    private bool MustUseTls(HeaderMap request)
        => !request.Get(HeaderId.XForwardedProto).SequenceEqual("https"u8)
        && (_requireTls == TlsRequirement.All || !request.Get(HeaderId.XEnvoyInternal).SequenceEqual("true"u8));

    private static CompiledRoute? FirstOf(
        ReadOnlySpan<CompiledRoute> routes, HeaderMap request, ReadOnlySpan<byte> target, ReadOnlySpan<byte> path, ulong random,
            ref MatchWork work)
    {
        foreach (var route in routes)
        {
            if (route.IsMatch(request, target, path, random, ref work) && !work.GaveUp) return route;
            // What the expression would have said nobody knows; what comes behind it may be what it was to keep from.
            if (work.GaveUp) return null;
        }
        return null;
    }

    private CompiledRoute? ByIndex(
        RouteIndex index, HeaderMap request, ReadOnlySpan<byte> target, ReadOnlySpan<byte> path, ulong random, ref MatchWork work)
    {
        int folded = Math.Min(index.Folded, path.Length);
        byte[]? rented = folded > ShortPath ? ArrayPool<byte>.Shared.Rent(folded) : null;
        Span<byte> lower = folded == 0 ? default : rented ?? stackalloc byte[ShortPath];
        var found = index.Find(path, lower);
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        int sure = found.Sure, lists = found.Lists, from = 0;
        if (lists == 0) return sure < _routes.Length ? _routes[sure] : null;
        if (lists <= FewLists)
            return Among(index.Merge(found, from, stackalloc RouteMerge.Cursor[FewLists]), sure, request, target, path, random, ref work);
        // So many lists cost something before the first candidate: as many routes are asked first, in case one of them matches.
        // Where most routes are candidates, there is nothing to be saved by merging them.
        from = found.Asked >= Math.Min(sure, _routes.Length) / 2 ? Math.Min(sure, _routes.Length) : Math.Min(lists, sure);
        if (FirstOf(_routes.AsSpan(0, from), request, target, path, random, ref work) is { } early) return early;
        if (work.GaveUp) return null;
        if (from >= sure || from == _routes.Length) return sure < _routes.Length ? _routes[sure] : null;
        var cursors = ArrayPool<RouteMerge.Cursor>.Shared.Rent(lists);
        var route = Among(index.Merge(found, from, cursors), sure, request, target, path, random, ref work);
        ArrayPool<RouteMerge.Cursor>.Shared.Return(cursors);
        return route;
    }

    private CompiledRoute? Among(
        RouteMerge candidates, int sure, HeaderMap request, ReadOnlySpan<byte> target, ReadOnlySpan<byte> path, ulong random,
            ref MatchWork work)
    {
        for (int next; (next = candidates.Next()) < sure;)
        {
            var route = _routes[next];
            if (route.IsMatchOfCandidate(request, target, path, random, ref work) && !work.GaveUp) return route;
            if (work.GaveUp) return null;
        }
        return sure < _routes.Length ? _routes[sure] : null;
    }
}
