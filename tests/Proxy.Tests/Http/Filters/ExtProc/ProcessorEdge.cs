using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.ExtProc;

/// <summary>One proxy with a listener for each mode, its upstream and its processor.</summary>
public sealed class ProcessorEdge : IAsyncLifetime
{
    internal ProcessorServer Server { get; private set; } = null!;
    public RecordingUpstream Upstream { get; } = RecordingUpstream.Start("up");
    public ProxyFixture Proxy { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Server = await ProcessorServer.StartAsync();
        string Listener(string name, string config, string routes = "[{match: {prefix: /}, route: {cluster: up}}]", string more = "")
            => $"- {{name: {name}, address: '127.0.0.1:0', {more} http_filters: [{{name: ext_proc, typed_config: {{"
                + (config.Contains("grpc_service", StringComparison.Ordinal) ? "" : "grpc_service: {envoy_grpc: {cluster_name: proc}}, ")
                + $"{(config.Contains("message_timeout", StringComparison.Ordinal) ? "" : "message_timeout: 30s, ")}"
                + $"{config}}}}}], routes: {routes}}}\n";
        Proxy = await ProxyFixture.StartAsync($$"""
            clusters:
            - {name: up, endpoints: ["{{Upstream.Address}}"]}
            - {name: proc, endpoints: ["127.0.0.1:{{Server.Port}}"]}
            - {name: dead, endpoints: ["127.0.0.1:1"]}
            listeners:
            {{Listener("edge", "stat_prefix: x, request_attributes: [request.path, source.address], response_attributes: [response.code], "
                + "grpc_service: {envoy_grpc: {cluster_name: proc, authority: proc.test}, timeout: 0.001s, "
                + "initial_metadata: [{key: x-meta, value: '%REQ(:METHOD)%'}]}, "
                + "forward_rules: {disallowed_headers: {patterns: [{exact: X-Hidden}]}}, "
                + "metadata_options: {receiving_namespaces: {untyped: [taken]}}",
                "[{match: {prefix: /off}, route: {cluster: up}, typed_per_filter_config: {ext_proc: {disabled: true}}}, "
                + "{match: {prefix: /whole}, route: {cluster: up}, typed_per_filter_config: {ext_proc: {overrides: "
                + "{processing_mode: {request_header_mode: SKIP, response_header_mode: SKIP, request_body_mode: BUFFERED}, "
                + "grpc_initial_metadata: [{key: x-meta, value: of-route}]}}}}, "
                + "{match: {prefix: /open}, route: {cluster: up}, typed_per_filter_config: {ext_proc: {overrides: "
                + "{failure_mode_allow: true, "
                + "grpc_service: {envoy_grpc: {cluster_name: dead}}}}}}, "
                + "{match: {prefix: /, headers: [{name: x-role, string_match: {exact: admin}}]}, "
                + "route: {cluster: up, prefix_rewrite: /admin}}, "
                + "{match: {prefix: /}, route: {cluster: up}, response_headers_to_add: "
                + "[{header: {key: x-taken, value: '%DYNAMIC_METADATA(taken:k)%'}}, "
                + "{header: {key: x-other, value: '%DYNAMIC_METADATA(other:k)%'}}]}]")}}
            {{Listener("streamed", "processing_mode: {request_body_mode: STREAMED, response_body_mode: STREAMED, "
                + "request_trailer_mode: SEND, "
                + "response_trailer_mode: SEND}", more: "per_connection_buffer_limit_bytes: 65536,")}}
            {{Listener("buffered", "processing_mode: {request_body_mode: BUFFERED, response_body_mode: BUFFERED}",
                more: "per_connection_buffer_limit_bytes: 1024,")}}
            {{Listener("partial", "processing_mode: {request_body_mode: BUFFERED_PARTIAL, response_body_mode: BUFFERED_PARTIAL}",
                more: "per_connection_buffer_limit_bytes: 1024,")}}
            {{Listener("duplex", "failure_mode_allow: true, processing_mode: {request_body_mode: FULL_DUPLEX_STREAMED, "
                + "response_body_mode: FULL_DUPLEX_STREAMED, request_trailer_mode: SEND, response_trailer_mode: SEND}")}}
            {{Listener("early", "send_body_without_waiting_for_header_response: true, route_cache_action: CLEAR, "
                + "processing_mode: {request_body_mode: STREAMED, response_header_mode: SKIP}")}}
            {{Listener("override", "allow_mode_override: true, allowed_override_modes: [{request_body_mode: BUFFERED, "
                + "response_header_mode: SKIP}], message_timeout: 30s, max_message_timeout: 10s")}}
            {{Listener("quick", "message_timeout: 0.05s, status_on_error: {code: 599}")}}
            {{Listener("open", "message_timeout: 0.05s, failure_mode_allow: true")}}
            {{Listener("dead", "grpc_service: {envoy_grpc: {cluster_name: dead}}, status_on_error: {code: 503}")}}
            {{Listener("rules", "disable_immediate_response: true, route_cache_action: RETAIN, "
                + "mutation_rules: {allow_all_routing: true, allow_envoy: true, disallow_expression: {regex: x-secret.*}}")}}
            {{Listener("strict", "mutation_rules: {disallow_all: true, allow_expression: {regex: x-fine}, disallow_is_error: true}")}}
            {{Listener("watched", "observability_mode: true, deferred_close_timeout: 0.05s, "
                + "processing_mode: {request_body_mode: STREAMED, response_body_mode: BUFFERED}")}}
            """);
    }

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await Server.DisposeAsync();
        await Upstream.DisposeAsync();
    }
}
