using System.Globalization;
using System.Text.Json.Nodes;

namespace Managed.Load.Product;

/// <summary>
/// A configuration whose two filters stamp a number into the field <c>x-v</c>, one into requests and one into responses: a stream
/// that met parts of two versions shows two numbers.
/// </summary>
internal sealed record StampedDocument(int Listener, int Upstream)
{
    public JsonObject Edge(long stamp, int fillers = 0)
    {
        var routes = new JsonArray();
        for (var i = 0; i < fillers; i++)
            routes.Add(JsonNode.Parse(string.Create(CultureInfo.InvariantCulture,
                $$$"""{"name":"filler-{{{i}}}","match":{"path":"/filler/{{{stamp}}}/{{{i}}}"},"route":{"cluster":"web"}}""")));
        routes.Add(JsonNode.Parse("""{"name":"all","match":{"prefix":"/"},"route":{"cluster":"web","timeout":"10s"}}"""));
        return new()
        {
            ["name"] = "edge", ["address"] = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Listener}"),
            ["http_filters"] = new JsonArray(Stamp("stamp-request", "request_mutations", stamp),
                Stamp("stamp-response", "response_mutations", stamp)),
            ["routes"] = routes,
        };
    }

    public JsonObject Whole(long stamp, int fillers = 0)
        => new() { ["listeners"] = new JsonArray(Edge(stamp, fillers)), ["clusters"] = new JsonArray(Web()) };

    /// <summary>
    /// The long form of the listener, with time enough for a head that all clients of a crowd are there before the first is told that it
    /// was too slow.
    /// </summary>
    public static JsonNode Patient(JsonObject listener)
    {
        var whole = JsonNode.Parse("""
            {"filter_chains": [{"name": "main", "filters": [{"name": "http_connection_manager", "typed_config": {"stat_prefix": "edge", "request_headers_timeout": "300s",
              "route_config": {"name": "edge", "virtual_hosts": [{"name": "all", "domains": ["*"]}]}}}]}]}
            """)!.AsObject();
        var manager = whole["filter_chains"]![0]!["filters"]![0]!["typed_config"]!;
        manager["route_config"]!["virtual_hosts"]![0]!["routes"] = listener["routes"]!.DeepClone();
        var filters = listener["http_filters"]!.DeepClone().AsArray();
        filters.Add(JsonNode.Parse("""{"name": "router"}"""));
        manager["http_filters"] = filters;
        (whole["name"], whole["address"]) = (listener["name"]!.DeepClone(), listener["address"]!.DeepClone());
        return whole;
    }

    private JsonObject Web() => new() { ["name"] = "web",
        ["endpoints"] = new JsonArray(string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Upstream}")) };

    private static JsonNode Stamp(string name, string place, long stamp) => JsonNode.Parse(string.Create(CultureInfo.InvariantCulture,
        $$$$"""{"name":"{{{{name}}}}","typed_config":{"@type":"header_mutation","mutations":{"{{{{place}}}}":[{"append":{"header":"""
            + $$$$"""{"key":"x-v","value":"{{{{stamp}}}}"},"append_action":"OVERWRITE_IF_EXISTS_OR_ADD"}}]}}}"""))!;
}
