using System.Globalization;
using System.Text.Json;
using static Managed.Dashboard.AdminApi.JsonReads;

namespace Managed.Dashboard.AdminApi;

/// <summary>What a table shows of one cluster's document, whether it is written in the short or in the long form.</summary>
/// <param name="Endpoints">Their addresses.</param>
/// <param name="Discovery">Where the endpoints come from: STATIC, STRICT_DNS and the like.</param>
public sealed record ClusterDocument(string Name, string Discovery, string Policy, IReadOnlyList<string> Endpoints)
{
    public static ClusterDocument Read(JsonElement cluster)
    {
        var endpoints = new List<string>();
        if (Property(cluster, "endpoints") is { ValueKind: JsonValueKind.Array } list)
            endpoints.AddRange(list.EnumerateArray().Select(AddressOf));
        if (Property(cluster, "load_assignment") is { } assignment
            && Property(assignment, "endpoints") is { ValueKind: JsonValueKind.Array } localities)
            foreach (var locality in localities.EnumerateArray())
                if (Property(locality, "lb_endpoints") is { ValueKind: JsonValueKind.Array } inside)
                    endpoints.AddRange(inside.EnumerateArray().Select(e => AddressOf(Property(e, "endpoint") ?? e)));
        return new(Text(cluster, "name") ?? "", Text(cluster, "type") ?? "STATIC", Text(cluster, "lb_policy") ?? "ROUND_ROBIN", endpoints);
    }

    private static string AddressOf(JsonElement endpoint)
    {
        if (endpoint.ValueKind == JsonValueKind.String)
            return endpoint.GetString()!;
        if (Property(endpoint, "address") is not { } address)
            return "?";
        if (address.ValueKind == JsonValueKind.String)
            return address.GetString()!;
        if (Property(address, "pipe") is { } pipe)
            return "unix://" + Text(pipe, "path");
        if (Property(address, "socket_address") is not { } socket)
            return "?";
        var host = Text(socket, "address") ?? "?";
        var port = Property(socket, "port_value") is { ValueKind: JsonValueKind.Number } number
            ? number.GetInt32().ToString(CultureInfo.InvariantCulture) : "?";
        return host.Contains(':') ? $"[{host}]:{port}" : $"{host}:{port}";
    }
}
