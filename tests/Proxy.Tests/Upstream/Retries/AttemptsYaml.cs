namespace Managed.Proxy.Tests.Upstream.Retries;

/// <summary>A listener that counts attempts and says so to both sides, of the fixtures here.</summary>
internal static class AttemptsYaml
{
    /// <param name="host">Lines of the virtual host beside its routes, indented by 12.</param>
    /// <param name="routes">Its routes, likewise.</param>
    /// <param name="clusters">Items of clusters, not indented.</param>
    public static string Of(string host, string routes, string clusters) => $$"""
        listeners:
        - name: edge
          address: "127.0.0.1:0"
          per_connection_buffer_limit_bytes: 4096
          filter_chains:
          - filters:
            - name: http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: edge
                internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8} ] }
                route_config:
                  virtual_hosts:
                  - name: main
                    domains: ["*"]
                    include_request_attempt_count: true
                    include_attempt_count_in_response: true
                    include_is_timeout_retry_header: true
        {{Indented(host)}}
                    routes:
        {{Indented(routes)}}
                http_filters: [{name: router}]
        clusters:
        {{clusters}}
        """;

    private static string Indented(string lines) => string.Join("\n", lines.Split('\n').Select(l => new string(' ', 12) + l));
}
