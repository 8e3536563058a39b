using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>A document with one mistake.</summary>
/// <param name="Kind">What is wrong with it.</param>
/// <param name="Pointer">Where the answer has to point to; what it points to may be deeper.</param>
/// <param name="Ports">Listeners that can be bound before one cannot.</param>
/// <param name="Occupant">Sits on the port of the listener that cannot be bound.</param>
internal sealed record InvalidDocument(string Kind, string Text, string Pointer, IReadOnlyList<int> Ports, Socket? Occupant) : IDisposable
{
    private delegate (string Kind, string Pointer) Mistake(JsonObject document);

    private static readonly Mistake[] Mistakes =
    [
        d => { Edge(d)["adress"] = "127.0.0.1:1"; return ("unknown field", "#/listeners/0"); },
        d => { Edge(d)["address"] = "127.0.0.1:70000"; return ("bad port", "#/listeners/0/address"); },
        d => { Edge(d)["address"] = 5; return ("wrong type", "#/listeners/0/address"); },
        d =>
        {
            Route(d)["match"] = new JsonObject { ["safe_regex"] = new JsonObject { ["regex"] = "/a(b" } };
            return ("bad regex", "#/listeners/0/routes/0");
        },
        d => { Route(d)["route"]!["cluster"] = "nowhere"; return ("unknown cluster", "#/listeners/0/routes/0/route"); },
        d => { Route(d)["route"]!["timeout"] = "soon"; return ("bad duration", "#/listeners/0/routes/0/route/timeout"); },
        d => { d["listeners"]!.AsArray().Add(Edge(d).DeepClone()); return ("duplicate listener", "#/listeners/1"); },
        d => { d["clusters"]!.AsArray().Add(d["clusters"]![0]!.DeepClone()); return ("duplicate cluster", "#/clusters/1"); },
        d =>
        {
            Edge(d)["http_filters"]![0]!["typed_config"]!["@type"] = "no_such_filter";
            return ("unknown filter", "#/listeners/0/http_filters/0");
        },
        d => { Route(d).Remove("route"); return ("no action", "#/listeners/0/routes/0"); },
        d => { d["clusters"]![0]!["lb_policy"] = "GUESS"; return ("bad enum", "#/clusters/0/lb_policy"); },
        d =>
        {
            Edge(d)["http_filters"]![1]!["typed_config"]!["mutations"]!["response_mutations"]![0]!["append"]!["header"]!["key"] = "x v";
            return ("bad header name", "#/listeners/0/http_filters/1");
        },
    ];

    /// <summary>The kinds take turns; every third document fails only at its fifth listener's socket.</summary>
    public static InvalidDocument Make(StampedDocument from, int number)
    {
        var document = from.Whole(1000 + number);
        if (number % 3 == 2) return BindInUse(document);
        var (kind, pointer) = Mistakes[number / 3 * 2 % Mistakes.Length + number % 3](document);
        return new(kind, document.ToJsonString(), pointer, [], null);
    }

    public void Dispose() => Occupant?.Dispose();

    private static InvalidDocument BindInUse(JsonObject document)
    {
        var occupant = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        occupant.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        occupant.Listen(1);
        int[] free = [FreePort.Take(), FreePort.Take(), FreePort.Take(), FreePort.Take()];
        foreach (int port in (IEnumerable<int>)[.. free, ((IPEndPoint)occupant.LocalEndPoint!).Port])
        {
            var more = (JsonObject)Edge(document).DeepClone();
            (more["name"], more["address"]) = (string.Create(CultureInfo.InvariantCulture, $"more-{port}"),
                string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"));
            document["listeners"]!.AsArray().Add(more);
        }
        return new("bind in use", document.ToJsonString(), "#/listeners/5", free, occupant);
    }

    private static JsonObject Edge(JsonObject document) => document["listeners"]![0]!.AsObject();

    private static JsonObject Route(JsonObject document) => Edge(document)["routes"]![0]!.AsObject();
}
