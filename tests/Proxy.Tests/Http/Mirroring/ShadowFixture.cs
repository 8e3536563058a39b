using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Mirroring;

/// <summary>A proxy that copies what comes to some of its routes to other upstreams.</summary>
public sealed class ShadowFixture : IAsyncLifetime
{
    public RecordingUpstream Main { get; } = RecordingUpstream.Start("main");
    public RecordingUpstream Copy { get; } = RecordingUpstream.Start("copy");
    internal Http2Upstream Two { get; } = new();
    /// <summary>Takes connections and says nothing.</summary>
    public RecordingUpstream Silent { get; } = RecordingUpstream.Start("silent");
    public ProxyFixture Proxy { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Silent.Script = _ => new TaskCompletionSource().Task;
        Two.Answer = call => new Http2Script().Headers(call.Id, true, ":status: 200");
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
                    upgrade_configs: [{upgrade_type: websocket}]
                    http_protocol_options: {enable_trailers: true}
                    route_config:
                      request_mirror_policies: [{cluster: table}]
                      virtual_hosts:
                      - name: inherits
                        domains: [table.test]
                        routes:
                        - {match: {prefix: /}, route: {cluster: main} }
                      - name: main
                        domains: ["*"]
                        request_mirror_policies: [{cluster: host}]
                        routes:
                        - match: {prefix: /to/}
                          request_headers_to_add: [{header: {key: x-added, value: "yes"} }]
                          route:
                            cluster: main
                            prefix_rewrite: /at/
                            request_mirror_policies: [{cluster: copy}]
                        - {match: {prefix: /host/}, route: {cluster: main} }
                        - match: {prefix: /plain/}
                          route: {cluster: main, request_mirror_policies: [{cluster: copy, disable_shadow_host_suffix_append: true}]}
                        - match: {prefix: /named/}
                          route:
                            cluster: main
                            request_mirror_policies: [{cluster: copy, host_rewrite_literal: "copies.test:81"}]
                        - match: {prefix: /header/}
                          route: {cluster: main, request_mirror_policies: [{cluster_header: x-copy}]}
                        - match: {prefix: /none/}
                          route:
                            cluster: main
                            request_mirror_policies: [{cluster: copy, runtime_fraction: {default_value: {numerator: 0} } }]
                        - match: {prefix: /half/}
                          route:
                            cluster: main
                            request_mirror_policies: [{cluster: half, runtime_fraction: {default_value: {numerator: 50} } }]
                        - match: {prefix: /both/}
                          route: {cluster: main, request_mirror_policies: [{cluster: copy}, {cluster: two}]}
                        - match: {prefix: /silent/}
                          request_body_buffer_limit: 1000
                          route: {cluster: main, timeout: 0.2s, request_mirror_policies: [{cluster: silent}]}
                        - match: {prefix: /dead/}
                          route: {cluster: main, request_mirror_policies: [{cluster: dead}, {cluster: full}, {cluster: empty}]}
                    http_filters: [{name: router}]
            clusters:
            - {name: main, endpoints: ["{{Main.Address}}"]}
            - {name: copy, endpoints: ["{{Copy.Address}}"]}
            - {name: host, endpoints: ["{{Copy.Address}}"]}
            - {name: half, endpoints: ["{{Copy.Address}}"]}
            - {name: table, endpoints: ["{{Copy.Address}}"]}
            - {name: two, endpoints: ["{{Two.Address}}"], http2: true}
            - {name: silent, endpoints: ["{{Silent.Address}}"]}
            - {name: dead, endpoints: ["127.0.0.1:1"]}
            - {name: empty, endpoints: []}
            - {name: full, endpoints: ["{{Copy.Address}}"], circuit_breakers: {thresholds: [{max_requests: 0}]} }
            """);
    }

    public async ValueTask DisposeAsync()
    {
        if (Proxy is not null) await Proxy.DisposeAsync();
        await Main.DisposeAsync();
        await Copy.DisposeAsync();
        await Silent.DisposeAsync();
        await Two.DisposeAsync();
    }
}
