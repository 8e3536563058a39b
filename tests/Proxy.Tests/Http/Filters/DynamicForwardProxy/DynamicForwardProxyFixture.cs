using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.DynamicForwardProxy;

/// <summary>
/// A proxy that goes wherever a request's host says, with names of its own: what is not in <see cref="Names"/> does not resolve.
/// </summary>
public sealed class DynamicForwardProxyFixture : IAsyncLifetime
{
    private readonly TestAuthority _authority = new();

    public RecordingUpstream Up { get; } = RecordingUpstream.Start("up");
    /// <summary>On another address, at the same port.</summary>
    public RecordingUpstream Other { get; private set; } = null!;
    public TlsEcho Secure { get; private set; } = null!;
    public TlsEcho Echo { get; private set; } = null!;
    public ProxyFixture Proxy { get; private set; } = null!;
    public ConcurrentDictionary<string, string> Names { get; } = new();
    public ConcurrentDictionary<string, int> Asked { get; } = new();
    /// <summary>Names that begin with slow are answered when it is set.</summary>
    public ManualResetEventSlim Gate { get; } = new();

    public async ValueTask InitializeAsync()
    {
        foreach (string name in (string[])["up.test", "slow.test", "slow2.test", "lost.test", "moves.test", "service.test",
            "evil.test", "a.test"])
            Names[name] = "127.0.0.1";
        Other = RecordingUpstream.Start(new IPEndPoint(IPAddress.Parse("127.0.0.2"), Up.Port), "other");
        Secure = new TlsEcho(_authority.Issue("CN=service", ["service.test"]), http: true);
        Echo = new TlsEcho(_authority.Issue("CN=service", ["service.test"]));
        Proxy = await ProxyFixture.StartWithAsync($$"""
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
                        response_headers_to_add:
                        - {header: {key: x-flags, value: "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%"} }
                        routes:
                        - match: {prefix: /literal}
                          route: {cluster: web}
                          typed_per_filter_config:
                            envoy.filters.http.dynamic_forward_proxy:
                              "@type": type.googleapis.com/envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig
                              host_rewrite_literal: "up.test:{{Up.Port}}"
                        - match: {prefix: /header}
                          route: {cluster: web}
                          typed_per_filter_config:
                            envoy.filters.http.dynamic_forward_proxy:
                              "@type": type.googleapis.com/envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig
                              host_rewrite_header: x-to
                        - {match: {prefix: /tls}, route: {cluster: secure} }
                        - {match: {prefix: /plain}, route: {cluster: plain} }
                        - match: {prefix: /unasked}
                          route: {cluster: web}
                          typed_per_filter_config:
                            envoy.filters.http.dynamic_forward_proxy:
                              "@type": type.googleapis.com/envoy.config.route.v3.FilterConfig
                              disabled: true
                        - {match: {prefix: /}, route: {cluster: web} }
                    http_filters:
                    - name: envoy.filters.http.dynamic_forward_proxy
                      typed_config:
                        "@type": type.googleapis.com/envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig
                        dns_cache_config: {{Cache}}
                    - name: router
            - name: few
              address: "127.0.0.1:0"
              filter_chains:
              - filters:
                - name: http_connection_manager
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                    stat_prefix: few
                    route_config:
                      virtual_hosts:
                      - name: main
                        domains: ["*"]
                        response_headers_to_add: [{header: {key: x-flags, value: "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%"} }]
                        routes: [{match: {prefix: /}, route: {cluster: few} }]
                    http_filters:
                    - name: envoy.filters.http.dynamic_forward_proxy
                      typed_config:
                        "@type": type.googleapis.com/envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig
                        dns_cache_config: {{Few}}
                    - name: router
            - name: sni
              address: "127.0.0.1:0"
              filter_chains:
              - filters:
                - name: envoy.filters.network.sni_dynamic_forward_proxy
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig
                    port_value: {{Echo.Port}}
                    dns_cache_config: {{Cache}}
                - {name: tcp_proxy, typed_config: {stat_prefix: sni, cluster: web} }
            clusters:
            - {{Cluster("web", Cache)}}
            - {{Cluster("few", Few)}}
            - {{Cluster("secure", Cache)}}
              transport_socket:
                name: tls
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
                  common_tls_context: {validation_context: {trusted_ca: {{TlsYaml.Inline(_authority.Pem)}} } }
            - {name: plain, endpoints: ["{{Up.Address}}"]}
            """, log => new ProxyOptions { Workers = 1, LoggerFactory = log, ResolveName = Resolve });
    }

    private static string Cache => "{name: all, dns_refresh_rate: 1s, dns_min_refresh_rate: 1s, "
        + "dns_failure_refresh_rate: {base_interval: 1000s} }";
    // Little of everything.
    private static string Few => "{name: few, max_hosts: 3, dns_query_timeout: 0.2s, host_ttl: 0.5s, disable_dns_refresh_on_failure: true, "
        + "dns_cache_circuit_breaker: {max_pending_requests: 1}, dns_lookup_family: V4_ONLY}";

    private static string Cluster(string name, string cache) => $$"""
        name: {{name}}
          lb_policy: CLUSTER_PROVIDED
          cluster_type:
            name: envoy.clusters.dynamic_forward_proxy
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig
              dns_cache_config: {{cache}}
        """;

    private IPAddress[] Resolve(string name)
    {
        Asked.AddOrUpdate(name, 1, static (_, n) => n + 1);
        if (name.StartsWith("slow", StringComparison.Ordinal)) Gate.Wait(TimeSpan.FromSeconds(60));
        return Names.TryGetValue(name, out string? address) ? [IPAddress.Parse(address)]
            : throw new SocketException((int)SocketError.HostNotFound);
    }

    public async ValueTask DisposeAsync()
    {
        Gate.Set();
        if (Proxy is not null) await Proxy.DisposeAsync();
        await Up.DisposeAsync();
        await Other.DisposeAsync();
        await Secure.DisposeAsync();
        await Echo.DisposeAsync();
        _authority.Dispose();
    }
}
