using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.LoadBalancing;

/// <summary>Five endpoints with metadata, in clusters that divide them in different ways.</summary>
public sealed class SubsetFixture : IAsyncLifetime
{
    private readonly RecordingUpstream[] _up = [.. "abcde".Select(c => RecordingUpstream.Start(c.ToString()))];

    public ProxyFixture Proxy { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        const string Selectors = "subset_selectors: [{keys: [stage, version]}, {keys: [stage]}]";
        Proxy = await ProxyFixture.StartAsync($$"""
            listeners:
            - name: edge
              address: "127.0.0.1:0"
              filter_chains:
              - filters:
                - name: http_connection_manager
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                    stat_prefix: edge
                    route_config:
                      virtual_hosts:
                      - name: main
                        domains: ["*"]
                        routes:
                        {{Route("/prod-1", "stage: prod, version: '1'")}}
                        {{Route("/prod-2", "stage: prod, version: '2'")}}
                        {{Route("/dev-1", "stage: dev, version: '1'")}}
                        {{Route("/dev-9", "stage: dev, version: '9'")}}
                        {{Route("/test-1", "stage: test, version: '1'")}}
                        {{Route("/dev", "stage: dev")}}
                        {{Route("/stage-x", "stage: x")}}
                        {{Route("/version-1", "version: '1'")}}
                        {{Route("/number", "stage: 1")}}
                        {{Route("/zone-n", "zone: n")}}
                        {{Route("/zone-s", "zone: s")}}
                        - match: {path: /weighted}
                          route:
                            metadata_match: {filter_metadata: {envoy.lb: {stage: prod, version: '1'} } }
                            weighted_clusters:
                              clusters: [{name: "no", weight: 1, metadata_match: {filter_metadata: {envoy.lb: {version: '2'} } } }]
                        - {match: {prefix: /}, route: {cluster_header: x-cluster} }
                    http_filters:
                    - name: envoy.filters.http.header_to_metadata
                      typed_config:
                        "@type": type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config
                        request_rules: [{header: x-version, on_header_present: {metadata_namespace: envoy.lb, key: version} }]
                    - name: router
            - name: one
              address: "127.0.0.1:0"
              tcp_proxy: {cluster: "no", metadata_match: {filter_metadata: {envoy.lb: {stage: prod, version: '2'} } } }
            - name: several
              address: "127.0.0.1:0"
              tcp_proxy:
                metadata_match: {filter_metadata: {envoy.lb: {stage: prod, version: '2'} } }
                weighted_clusters:
                  clusters: [{name: "no", weight: 1, metadata_match: {filter_metadata: {envoy.lb: {version: '1'} } } }]
            - name: nothing
              address: "127.0.0.1:0"
              tcp_proxy: {cluster: "no", metadata_match: {filter_metadata: {envoy.lb: {stage: none} } } }
            clusters:
            {{Cluster("any", $"fallback_policy: ANY_ENDPOINT, {Selectors}")}}
            {{Cluster("counted", $"fallback_policy: ANY_ENDPOINT, {Selectors}")}}
            {{Cluster("no", Selectors)}}
            {{Cluster("default", $"fallback_policy: DEFAULT_SUBSET, default_subset: {{stage: prod}}, {Selectors}")}}
            {{Cluster("panic", $"fallback_policy: DEFAULT_SUBSET, default_subset: {{stage: none}}, panic_mode_any: true, {Selectors}")}}
            {{Cluster("keys", "subset_selectors: [{keys: [stage, version], fallback_policy: KEYS_SUBSET, "
                + "fallback_keys_subset: [stage]}, {keys: [stage]}]")}}
            {{Cluster("own", "subset_selectors: [{keys: [stage, version], fallback_policy: ANY_ENDPOINT}, {keys: [stage], "
                + "fallback_policy: NO_FALLBACK}]")}}
            {{Cluster("single", "subset_selectors: [{keys: [stage], single_host_per_subset: true}]")}}
            {{Cluster("list", "list_as_any: true, subset_selectors: [{keys: [zone]}]")}}
            {{Cluster("nolist", "subset_selectors: [{keys: [zone]}]")}}
            """);
    }

    public async ValueTask DisposeAsync()
    {
        if (Proxy is not null) await Proxy.DisposeAsync();
        foreach (var up in _up) await up.DisposeAsync();
    }

    private static string Route(string path, string asked)
        => $"- {{match: {{path: {path}}}, route: {{cluster_header: x-cluster, "
            + $"metadata_match: {{filter_metadata: {{envoy.lb: {{{asked}}} }} }} }} }}";

    private string Cluster(string name, string config)
    {
        string[] metadata = ["stage: prod, version: '1', zone: [n, s]", "stage: prod, version: '2'", "stage: dev, version: '1', zone: n",
            "stage: dev, version: '2', zone: s", "stage: 1"];
        int count = name is "no" ? 5 : 4;
        return $"- {{name: '{name}', lb_subset_config: {{{config}}}, load_assignment: {{endpoints: [{{lb_endpoints: ["
            + string.Join(", ", Enumerable.Range(0, count).Select(i => "{endpoint: {address: {socket_address: {address: 127.0.0.1, "
                + $"port_value: {_up[i].Port}}} }} }}, metadata: {{filter_metadata: {{envoy.lb: {{{metadata[i]}}} }} }} }}"))
            + "]}]} }";
    }
}
