using System.Globalization;
using System.Text.Json;
using static Managed.Dashboard.AdminApi.JsonReads;

namespace Managed.Dashboard.AdminApi;

/// <summary>What the diagram of a listener shows of one filter chain (long form).</summary>
/// <param name="Match">Which connections it takes, in words.</param>
/// <param name="Tls">How the connection is secured, in words; null: not at all.</param>
/// <param name="NetworkFilters">In their order.</param>
/// <param name="StatPrefix">Of the connection manager: its figures are <c>http.PREFIX.…</c>; null where the chain is not HTTP.</param>
/// <param name="RouteTable">The route configuration that it takes by name; null where the routes are its own.</param>
internal sealed record ChainDocument(string Listener, string Name, string Match, string? Tls,
    IReadOnlyList<HttpFilterDocument> NetworkFilters, string? StatPrefix, string? RouteTable, IReadOnlyList<RouteDocument> Routes)
{
    /// <summary>Chains that are shown.</summary>
    public const int Most = 20;

    private static readonly (string Field, string Words)[] Conditions =
        [("server_names", "name"), ("application_protocols", "protocol"), ("transport_protocol", "transport"), ("destination_port", "port"),
            ("prefix_ranges", "address"), ("source_prefix_ranges", "from"), ("source_ports", "from port"), ("source_type", "source")];

    /// <summary>In their order, the router last.</summary>
    public IReadOnlyList<HttpFilterDocument> HttpFilters { get; init; } = [];

    public string Path => $"listeners/{Uri.EscapeDataString(Listener)}/filter_chains/{Uri.EscapeDataString(Name)}";

    public string FiltersPath => Path + "/http_filters";

    /// <summary>Of a chain that is not HTTP: where its connections go.</summary>
    public IReadOnlyList<string> ConnectionClusters { get; init; } = [];

    /// <summary>Where its requests or connections may go.</summary>
    public IEnumerable<string> Clusters
        => Routes.SelectMany(r => r.Targets).Where(t => t.IsNamed).Select(t => t.Cluster).Concat(ConnectionClusters).Distinct();

    /// <summary>It takes what no other chain does.</summary>
    public bool IsDefault { get; init; }

    /// <summary>The default chain of a listener's document; null when it has none.</summary>
    public static ChainDocument? DefaultOf(string listener, JsonElement document)
        => Property(document, "default_filter_chain") is { ValueKind: JsonValueKind.Object } chain
            ? Read(listener, chain) with
            {
                IsDefault = true, Match = "what no other chain does", Name = Text(chain, "name") ?? "default",
            } : null;

    public static ChainDocument Read(string listener, JsonElement chain)
    {
        var manager = Items(chain, "filters").FirstOrDefault(IsManager);
        var config = Property(manager, "typed_config") ?? default;
        return new(listener, Text(chain, "name") ?? "main", MatchOf(chain), TlsOf(chain),
            [.. Items(chain, "filters").Select(HttpFilterDocument.Read)],
            manager.ValueKind is JsonValueKind.Object ? Text(config, "stat_prefix") ?? listener : null,
            Property(config, "rds") is { } rds ? Text(rds, "route_config_name") : Text(config, "route_config_name"),
            RouteDocument.OfChain(listener, chain)) { ConnectionClusters = [.. Items(chain, "filters").SelectMany(TargetsOf)] };
    }

    private static IEnumerable<string> TargetsOf(JsonElement filter)
    {
        var config = Property(filter, "typed_config") ?? default;
        var weighted = Property(config, "weighted_clusters") is { } clusters
            ? Items(clusters, "clusters").Select(c => Text(c, "name")) : [];
        return weighted.Prepend(Text(config, "cluster")).OfType<string>();
    }

    public static bool IsManager(JsonElement filter) =>
        HttpFilterDocument.Read(filter).Kind.Contains("http_connection_manager", StringComparison.Ordinal)
        || (Property(filter, "typed_config") is { } config
            && Text(config, "@type")?.Contains("HttpConnectionManager", StringComparison.Ordinal) is true);

    private static string MatchOf(JsonElement chain)
    {
        if (Property(chain, "filter_chain_match") is not { } match)
            return "every connection";
        var words = Conditions.Select(c => (c.Words, Values: Property(match, c.Field) switch
        {
            { ValueKind: JsonValueKind.Array } list => string.Join(" or ", list.EnumerateArray().Take(4).Select(Value)),
            { } one => Value(one),
            _ => "",
        })).Where(c => c.Values.Length > 0).Select(c => $"{c.Words} {c.Values}");
        return string.Join(", ", words) is { Length: > 0 } text ? text : "every connection";
    }

    private static string Value(JsonElement value) => Text(value, "address_prefix") is { } prefix
        ? string.Create(CultureInfo.InvariantCulture, $"{prefix}/{Property(value, "prefix_len")}") : value.ToString();

    private static string? TlsOf(JsonElement chain)
    {
        if (Property(chain, "tls") is null && Property(chain, "transport_socket") is not { } _)
            return null;
        var socket = Property(chain, "transport_socket") is { } s ? s : default;
        var name = Text(socket, "name") ?? "tls";
        return name.EndsWith("raw_buffer", StringComparison.Ordinal) ? null : name[(name.LastIndexOf('.') + 1)..];
    }
}

/// <param name="Kind">Names its schema: what its type says, else its name.</param>
internal sealed record HttpFilterDocument(string Name, string Kind, bool Disabled)
{
    public bool IsRouter => Kind is "router" or "envoy.filters.http.router"
        || Kind.EndsWith("http.router.v3.Router", StringComparison.Ordinal);

    public static HttpFilterDocument Read(JsonElement filter)
    {
        var name = Text(filter, "name") ?? "";
        var type = Property(filter, "typed_config") is { } config ? Text(config, "@type") : null;
        return new(name, type is null ? name : type[(type.LastIndexOf('/') + 1)..],
            Property(filter, "disabled") is { ValueKind: JsonValueKind.True });
    }
}

/// <summary>An item of <c>…/filter_times</c>: microseconds that streams spent in a filter.</summary>
internal sealed record FilterTimes(string Name, bool Disabled, FilterTime Request, FilterTime Response, long Errors = 0);

internal sealed record FilterTime(long Count, double Mean, double P50, double P90, double P99);

/// <summary><c>GET /schema</c>, without the schema.</summary>
internal sealed record SchemaKinds(IReadOnlyList<SchemaKind> Kinds);

/// <param name="Type">resource, listener_filter, network_filter, http_filter or transport_socket.</param>
internal sealed record SchemaKind(string Kind, string Type, string? Summary)
{
    /// <summary>Filters of connections and of requests share some names; this one is of one alone.</summary>
    public string FullName => Type is "listener_filter" or "network_filter" ? FullNameOf(Kind, Type) : Kind;

    public static string FullNameOf(string kind, string type)
        => $"{(kind is "native" ? "managed" : "envoy")}.filters.{type[..type.IndexOf('_')]}.{kind}";
}

/// <summary>A write that has yet to be reviewed.</summary>
/// <param name="Path">Below <c>/api/v1</c>.</param>
/// <param name="Etag">What it was made from; null where it does not matter.</param>
internal sealed record Change(HttpMethod Method, string Path, System.Text.Json.Nodes.JsonNode? Body, string? Etag = null,
    string MediaType = "application/json");
