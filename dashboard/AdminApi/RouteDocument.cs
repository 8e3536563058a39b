using System.Globalization;
using System.Text.Json;
using static Managed.Dashboard.AdminApi.JsonReads;

namespace Managed.Dashboard.AdminApi;

/// <summary>One route of the expanded document, where it stands, in the order in which it is asked.</summary>
/// <param name="Listener">The listener whose chain has it; null where a route configuration of its own has it.</param>
/// <param name="Configuration">The route configuration's name.</param>
/// <param name="Match">The path condition in words: <c>prefix /api</c>.</param>
/// <param name="Conditions">How many more conditions it has: methods, headers, query parameters.</param>
/// <param name="Targets">Clusters with their share in percent; empty for what is answered here.</param>
/// <param name="Answer">What is answered without an upstream, in words; null for a forwarded request.</param>
public sealed record RouteDocument(string? Listener, string Configuration, string VirtualHost, IReadOnlyList<string> Domains, string Name,
    string Match, int Conditions, IReadOnlyList<RouteTarget> Targets, string? Answer)
{
    private static readonly string[] Paths =
        ["prefix", "path", "path_separated_prefix", "safe_regex", "connect_matcher", "path_match_policy"];
    private static readonly string[] MoreConditions = ["headers", "query_parameters", "cookies", "dynamic_metadata", "filter_state"];

    /// <summary>All routes of a document in its long form (<c>/config?expanded=true</c>).</summary>
    public static IReadOnlyList<RouteDocument> ReadAll(JsonElement document)
    {
        var routes = new List<RouteDocument>();
        foreach (var listener in Items(document, "listeners"))
            foreach (var chain in Items(listener, "filter_chains").Append(Property(listener, "default_filter_chain") ?? default))
                routes.AddRange(OfChain(Text(listener, "name"), chain));
        foreach (var table in Items(document, "route_configurations"))
            Read(null, table, routes);
        return routes;
    }

    /// <summary>The routes that a chain has itself.</summary>
    public static IReadOnlyList<RouteDocument> OfChain(string? listener, JsonElement chain)
    {
        var routes = new List<RouteDocument>();
        foreach (var filter in Items(chain, "filters"))
            if (Property(filter, "typed_config") is { } config && Property(config, "route_config") is { } table)
                Read(listener, table, routes);
        return routes;
    }

    /// <summary>The routes of a route configuration of its own.</summary>
    public static IReadOnlyList<RouteDocument> OfTable(JsonElement table)
    {
        var routes = new List<RouteDocument>();
        Read(null, table, routes);
        return routes;
    }

    /// <summary>Whether a route with this text is looked for.</summary>
    public IEnumerable<string> Texts => [Listener ?? "", Configuration, VirtualHost, Name, Match, Answer ?? "", .. Domains,
        .. Targets.Select(t => t.Cluster)];

    private static void Read(string? listener, JsonElement table, List<RouteDocument> into)
    {
        foreach (var host in Items(table, "virtual_hosts"))
        {
            string[] domains = [.. Items(host, "domains").Select(d => d.ToString())];
            // A match tree chooses among the routes that are its actions.
            var chosen = Property(host, "matcher") is { } tree ? Actions(tree) : [];
            foreach (var (index, route) in Items(host, "routes").Concat(chosen).Index())
                into.Add(new(listener, Text(table, "name") ?? "", Text(host, "name") ?? "", domains,
                    Text(route, "name") ?? string.Create(CultureInfo.InvariantCulture, $"route-{index}"), MatchOf(route),
                    Property(route, "match") is { } match ? MoreConditions.Sum(c => Items(match, c).Count()) : 0, TargetsOf(route),
                    AnswerOf(route)));
        }
    }

    /// <summary>The routes below the actions of a match tree, those of route lists one by one, in the order of the text.</summary>
    private static IEnumerable<JsonElement> Actions(JsonElement node) => node.ValueKind switch
    {
        JsonValueKind.Array => node.EnumerateArray().SelectMany(Actions),
        JsonValueKind.Object when Property(node, "action") is { } action && Property(action, "typed_config") is { } route =>
            Property(route, "routes") is null ? [route] : Items(route, "routes"),
        JsonValueKind.Object => node.EnumerateObject().SelectMany(m => Actions(m.Value)),
        _ => [],
    };

    private static string MatchOf(JsonElement route)
    {
        if (Property(route, "match") is not { } match)
            return "—";
        foreach (var kind in Paths)
            if (Property(match, kind) is { } value)
                return kind.Replace('_', ' ') + " " + (value.ValueKind == JsonValueKind.String ? value.GetString()
                    : Text(value, "regex") ?? "");
        return "every path";
    }

    private static IReadOnlyList<RouteTarget> TargetsOf(JsonElement route)
    {
        if (Property(route, "route") is not { } action)
            return [];
        if (Property(action, "weighted_clusters") is { } weighted)
        {
            var each = Items(weighted, "clusters").Select(c => (Name: Text(c, "name") ?? Text(c, "cluster_header") ?? "?",
                Weight: Property(c, "weight") is { ValueKind: JsonValueKind.Number } w ? w.GetDouble() : 0)).ToList();
            var sum = Math.Max(1, each.Sum(e => e.Weight));
            return [.. each.Select(e => new RouteTarget(e.Name, e.Weight / sum * 100))];
        }
        return [new(Text(action, "cluster") ?? (Text(action, "cluster_header") is { } header ? $"named by {header}" : "?"), 100,
            Text(action, "cluster") is not null)];
    }

    private static string? AnswerOf(JsonElement route)
    {
        if (Property(route, "direct_response") is { } direct)
            return $"answers {Property(direct, "status")}";
        if (Property(route, "redirect") is { } redirect)
            return "redirects to " + (Text(redirect, "host_redirect") ?? Text(redirect, "path_redirect")
                ?? Text(redirect, "prefix_rewrite") ?? Text(redirect, "scheme_redirect") ?? "another address");
        return Property(route, "non_forwarding_action") is not null ? "is not forwarded" : null;
    }
}

/// <param name="Percent">Its share of the route's requests.</param>
/// <param name="IsNamed">False where a header of the request names the cluster.</param>
public sealed record RouteTarget(string Cluster, double Percent, bool IsNamed = true);
