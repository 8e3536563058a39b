using Managed.TestKit;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;

/// <summary>A document with one listener <c>edge</c> before cluster <c>up</c>, in flow style; tests give what matters to them.</summary>
internal static class Edge
{
    private const string EveryPath = "{match: {prefix: /}, route: {cluster: up}}";

    /// <param name="endpoint">Of the cluster.</param>
    /// <param name="manager">Fields of the connection manager, ending in a comma.</param>
    /// <param name="hosts">Virtual hosts in place of the one that takes every path.</param>
    /// <param name="table">Fields of the route configuration, ending in a comma.</param>
    /// <param name="host">Fields of the one virtual host, ending in a comma.</param>
    /// <param name="filters">HTTP filters, each ending in a comma.</param>
    /// <param name="cluster">Further fields of the cluster, beginning with a comma.</param>
    /// <param name="listener">Further fields of the listener, beginning with a comma.</param>
    public static string Document(string endpoint, string manager = "", string routes = EveryPath, string? hosts = null, string table = "",
        string host = "", string filters = "", string cluster = "",
        string listener = "")
    {
        hosts ??= $"{{name: all, domains: [\"*\"], {host} routes: [{routes}]}}";
        return $"clusters:\n- {{name: up, endpoints: [\"{endpoint}\"]{cluster}}}\nlisteners:\n- "
            + $"{Listener("edge", manager, hosts, table, filters, listener)}\n";
    }

    public static string Document(RecordingUpstream up, string manager = "", string routes = EveryPath, string table = "", string host = "",
        string filters = "", string cluster = "", string listener = "")
        => Document(up.Address, manager, routes, null, table, host, filters, cluster, listener);

    public static string Listener(string name, string manager, string hosts, string table = "", string filters = "", string fields = "")
    {
        string routes = $"{{name: {name}, {table} virtual_hosts: [{hosts}]}}";
        string config = $"{{stat_prefix: {name}, {manager} http_filters: [{filters} {{name: router}}], route_config: {routes}}}";
        return $"{{name: {name}, address: \"127.0.0.1:0\"{fields}, filter_chains: [{{name: main, filters: [{{name: "
            + $"http_connection_manager, typed_config: {config}}}]}}]}}";
    }
}
