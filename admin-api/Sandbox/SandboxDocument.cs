using Managed.AdminApi.Documents;
using Managed.AdminApi.Problems;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Sandbox;

/// <summary>
/// Cuts a document down to what a test needs: one listener with one chain on a socket of its own, and clusters that lead nowhere but to the
/// sandbox.
/// </summary>
internal static class SandboxDocument
{
    private const string TestListener = "test", TestCluster = "upstream";

    /// <param name="listener">The listener to take; null for one that only has the filters.</param>
    /// <param name="chain">Which of its chains; null for the first.</param>
    /// <param name="filters">In place of the chain's HTTP filters; null to keep those.</param>
    public static (ConfigObject Document, string Listener) Cut(ConfigObject document, string? listener, string? chain, ConfigArray? filters)
    {
        var cut = new ConfigObject();
        foreach (string part in (ReadOnlySpan<string>)["route_configurations", "extension_configs"])
            if (document[part] is { } kept)
                cut.Set(part, kept.Clone());
        var clusters = new ConfigArray();
        foreach (var cluster in document.Array("clusters")?.OfType<ConfigObject>() ?? [])
            if (cluster.Text("name") is { } name)
                clusters.Add(new ConfigObject().Set("name", ConfigScalar.String(name)));
        cut.Set("clusters", clusters);
        ConfigObject one;
        if (listener is null)
        {
            if (clusters.FindByName(TestCluster) is null)
                clusters.Add(new ConfigObject().Set("name", ConfigScalar.String(TestCluster)));
            var route = new ConfigObject().Set("match", new ConfigObject().Set("prefix", ConfigScalar.String("/")))
                .Set("route", new ConfigObject().Set("cluster", ConfigScalar.String(TestCluster)));
            one = ListenerForm.Expand(new ConfigObject().Set("name", ConfigScalar.String(TestListener))
                .Set("address", ConfigScalar.String("127.0.0.1:0")).Set("routes", new ConfigArray().Add(route)));
        }
        else
            one = ListenerForm.Expand((ConfigObject)TopLevelList.Listeners.Get(document, listener).Clone());
        one.Remove("listener_filters");
        one.Remove("default_filter_chain");
        var kept1 = Chain(one, listener, chain);
        kept1.Remove("filter_chain_match");
        kept1.Remove("transport_socket");
        one.Set("filter_chains", new ConfigArray().Add(kept1));
        if (filters is not null)
        {
            var manager = ListenerForm.ConnectionManager(kept1)
                ?? throw new ApiException(ProblemCode.ValidationFailed,
                    $"the chain of listener '{listener}' has no HTTP connection manager");
            var list = (ConfigArray)filters.Clone();
            if (list.LastOrDefault() is not ConfigObject last || last.Text("name")?.EndsWith("router", StringComparison.Ordinal) != true)
                list.Add(ListenerForm.ImpliedRouter());
            manager.Set("http_filters", list);
        }
        cut.Set("listeners", new ConfigArray().Add(one));
        return (cut, one.Text("name") ?? TestListener);
    }

    /// <summary>Puts the listener and each cluster on their sockets.</summary>
    public static void Place(ConfigObject cut, string listenerSocket, Func<string, string> clusterSocket)
    {
        ((ConfigObject)cut.Array("listeners")![0]).Set("address", ConfigScalar.String("unix://" + listenerSocket));
        foreach (var cluster in cut.Array("clusters")!.OfType<ConfigObject>())
            cluster.Set("endpoints", new ConfigArray().Add(ConfigScalar.String("unix://" + clusterSocket(cluster.Text("name")!))));
    }

    private static ConfigObject Chain(ConfigObject listener, string? name, string? chain)
    {
        var chains = listener.Array("filter_chains");
        if (chain is null)
            return chains?.Count > 0 ? (ConfigObject)chains[0]
                : throw new ApiException(ProblemCode.ValidationFailed, $"listener '{name}' has no filter chain");
        return chains?.FindByName(chain) ?? throw ApiException.NotFound("filter chain", chain,
            chains?.OfType<ConfigObject>().Select(c => c.Text("name") ?? "") ?? []);
    }
}
