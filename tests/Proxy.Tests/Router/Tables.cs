using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Streams;
using Managed.Proxy.Tests.Http;
using Managed.Proxy.Upstream;
using Xunit;

namespace Managed.Proxy.Tests.Router;

/// <summary>Route tables from YAML, with clusters a, b, c.</summary>
internal static class Tables
{
    public static RouteTable Build(string yaml, params HttpFilterDefinition[] filters)
    {
        var table = TryBuild(yaml, out var errors, filters);
        Assert.Empty(errors);
        return table!;
    }

    public static RouteTable? TryBuild(string yaml, out IReadOnlyList<ConfigError> found, params HttpFilterDefinition[] filters)
    {
        var errors = new ConfigErrors();
        var config = ConfigBinder.BindPartial<RouteConfigurationConfig>(Requests.Node(yaml), errors)!;
        var clusters = new[] { "a", "b", "c" }.ToDictionary(n => n, n => new Cluster(new ClusterConfig { Name = n }, null!, []));
        var stats = new StatScope(new StatsRegistry());
        var shared = new SharedState(1);
        var table = RouteTable.Build(config, new RouteBuildContext
        {
            Errors = errors,
            Clusters = clusters,
            BuildFilter = new RouteFilterBuilder(new HttpFilterCatalog(filters), new FilterBuildContext
            {
                Errors = errors, Stats = stats, Shared = shared, StatPrefix = "http.test.", ClusterNames = clusters.Keys.ToHashSet(),
                Identity = "listener/chain",
            }).Build,
        });
        found = errors.Errors;
        return table;
    }

    /// <summary>One virtual host for everything with these routes.</summary>
    public static RouteTable Routes(string routes, params HttpFilterDefinition[] filters)
        => Build("name: t\nvirtual_hosts:\n- name: all\n  domains: [\"*\"]\n  routes:\n" + Indent(routes), filters);

    public static RouteEntry? Match(this RouteTable table, HeaderMap request, ulong random = 0)
        => table.Match(request, new StreamInfo { RequestHeaders = request }, random);

    /// <summary>The name of the matched route; null when none matches.</summary>
    public static string? Find(this RouteTable table, string authority, string path, params string[] fields)
        => table.Match(Requests.Get(authority, path, fields))?.Name;

    private static string Indent(string text) => string.Concat(text.Trim('\n').Split('\n').Select(l => "  " + l + "\n"));
}
