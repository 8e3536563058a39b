// One table, over 150 lines long for that: a field of Envoy's is looked up in one place.
using static Managed.Proxy.Configuration.Envoy.FieldTreatment;

namespace Managed.Proxy.Configuration.Envoy;

/// <summary>
/// Fields of a bootstrap file that this version has nothing for and that carry no traffic; docs/envoy.md shows the same table. A field that
/// is in no record and not in here is an error. Beside it holds: a field that is not served passes with protobuf's default (absent,
/// <c>null</c>, <c>false</c>, <c>0</c>, an empty text or list).
/// </summary>
public static class FieldRules
{
    private const string NoServer = "there is no management server: the file says everything";
    private const string Resolver = "the system's resolver is asked, every dns_refresh_rate";
    private const string Kernel = "the system's settings hold";
    private const string Logged = "a line is written when the stream or connection ends";

    public static IReadOnlyList<FieldRule> All { get; } =
    [
        .. Of("Bootstrap", Warned, "the admin API of this process: --admin ADDR; Envoy's paths (/stats, /clusters, /ready …) are there too",
            "admin"),
        .. Of("Bootstrap", Taken, NoServer, "node_context_params"),
        .. Of("Node", Taken, NoServer, "id cluster metadata dynamic_parameters user_agent_name user_agent_version user_agent_build_version "
            + "extensions client_features listening_addresses"),
        .. Of("Bootstrap", Warned,
            "listeners, routes and clusters come from this file and from the API; nothing is asked of a management server",
                "dynamic_resources hds_config config_validators xds_delegate_extension xds_config_tracker_extension xds_managers "
                    + "default_config_source"),
        .. Of("Bootstrap", Warned,
            "there are no runtime layers: default_value of a runtime_key applies; for overload.global_downstream_max_connections there "
                + "is --max-connections", "layered_runtime"),
        .. Of("Bootstrap", Warned, "every statistic is kept under Envoy's name; read them from the admin API or as Prometheus text",
            "stats_config stats_sinks"),
        .. Of("Bootstrap", Taken, "statistics are read, not flushed", "stats_flush_interval stats_flush_on_admin deferred_stat_options"),
        .. Of("Bootstrap", Warned, "memory and connections are bounded by --max-connections and by what the machine has",
            "overload_manager"),
        .. Of("ClusterManager", Warned, "ejections are events of the API; connections come from where the system says",
            "outlier_detection upstream_bind_config load_stats_config"),
        .. Of("ClusterManager", Taken, "of Envoy's own threads, sockets and memory", "enable_deferred_cluster_creation"),
        .. Of("Bootstrap", Warned, "listeners are drained by the API: POST /api/v1/listeners/NAME/drain", "flags_path"),
        .. Of("Bootstrap", Warned, "every worker is watched always", "watchdog watchdogs"),
        .. Of("Bootstrap", Warned, "spans are not made in this version", "tracing"),
        .. Of("Bootstrap", Warned, "extensions of the process are not available in this version",
            "bootstrap_extensions fatal_actions listener_manager"),
        .. Of("Bootstrap", Warned, Resolver, "typed_dns_resolver_config dns_resolution_config use_tcp_for_dns_lookups"),
        .. Of("Bootstrap", Taken, "expressions run in linear time, as RE2's do", "default_regex_engine"),
        .. Of("Bootstrap", Taken, "of Envoy's own threads, sockets and memory",
            "default_socket_interface enable_dispatcher_stats certificate_provider_instances inline_headers perf_tracing_file_path "
                + "application_log_config grpc_async_client_manager_config memory_allocator_manager"),
        .. Of("Bootstrap", Only, "the headers are called x-envoy-", "header_prefix", "x-envoy"),

        .. Of("Listener", Taken, "of Envoy's logs and of what is the same for every listener here",
            "metadata bypass_overload_manager deprecated_v1"),
        .. Of("Listener", Taken, "every worker has a socket of its own (SO_REUSEPORT)", "reuse_port"),
        .. Of("FilterChain", Taken, "it is for logs of Envoy", "metadata"),

        .. Of("HttpConnectionManager", Warned, "spans are not made in this version", "tracing"),
        .. Of("HttpConnectionManager", Warned, "an x-request-id is a random UUID", "request_id_extension"),
        .. Of("HttpConnectionManager", Warned, "HTTP/3 is not available in this version", "http3_protocol_options"),
        .. Of("HttpConnectionManager", Warned, "after an invalid message the connection is always closed",
            "stream_error_on_invalid_http_message"),
        .. Of("HttpConnectionManager", Warned, Logged, "access_log_options access_log_flush_interval flush_access_log_on_new_request"),
        .. Of("HttpConnectionManager", Warned, "limits of this version hold",
            "max_response_headers_kb stream_flush_timeout typed_header_validation_config"),
        .. Of("DownstreamHttpOptions", Warned, "limits of this version hold", "max_response_headers_kb"),
        .. Of("Http1Options", Warned, "after an invalid message the connection is always closed",
            "override_stream_error_on_invalid_http_message"),
        .. Of("Http1Options", Taken, "the choice of Envoy's parser", "use_balsa_parser"),
        .. Of("Http2Options", Warned, "METADATA frames are passed over", "allow_metadata max_metadata_size"),
        .. Of("Http2Options", Warned, "settings without a field of their own are not sent", "custom_settings_parameters"),
        .. Of("Http2Options", Warned, "max_request_headers_kb holds for all fields together", "max_header_field_size_kb"),
        .. Of("Http2Options", Taken, "the choice of Envoy's codec", "use_oghttp2_codec"),
        .. Of("Http2Options", Taken,
            "a malformed request ends its stream alone, unless override_stream_error_on_invalid_http_message says otherwise",
                "stream_error_on_invalid_http_messaging"),
        .. Of("Http2KeepAlive", Taken, "of connections that Envoy opens", "connection_idle_interval"),
        .. Of("Router", Taken, "spans are not made in this version", "start_child_span"),
        .. Of("Router", Warned, "requests are logged by the connection manager's access_log", "upstream_log upstream_log_options"),
        .. Of("Router", Taken, "statistics of clusters are always kept", "dynamic_stats suppress_grpc_request_failure_code_stats"),

        .. Of("RouteConfiguration", Taken, "clusters that routes name must exist always", "validate_clusters metadata"),
        .. Of("VirtualHost", Warned, "virtual clusters have no statistics in this version", "virtual_clusters"),
        .. Of("Route", Taken, "spans are not made in this version", "decorator tracing"),
        .. Of("MirrorPolicy", Taken, "spans are not made in this version", "trace_sampled"),
        .. Of("Route", Warned, "routes have no statistics under a name of their own", "stat_prefix"),
        .. Of("Metadata", Warned, "only filter_metadata is read", "typed_filter_metadata"),
        .. Of("RouteAction", Only, "there is one priority", "priority", "DEFAULT"),
        .. Of("WeightedClusters", Taken, "there are no runtime layers", "runtime_key_prefix"),

        .. Of("Cluster", Warned, "statistics have the cluster's name", "alt_stat_name"),
        .. Of("Cluster", Warned, "other statistics are kept", "track_timeout_budgets track_cluster_stats lrs_server"),
        .. Of("Cluster", Warned, Kernel, "upstream_connection_options"),
        .. Of("Cluster", Warned, Resolver,
            "respect_dns_ttl dns_failure_refresh_rate dns_jitter dns_resolvers dns_resolution_config typed_dns_resolver_config "
                + "use_tcp_for_dns_lookups"),
        .. Of("Cluster", Taken, "a version is served when its names are resolved", "wait_for_warm_on_init"),
        .. Of("Cluster", Taken, "an endpoint that is removed gets nothing more, whatever its health", "ignore_health_on_host_removal"),
        .. Of("HealthCheck", Warned, "changes of health are events of the API: endpoint.health_changed",
            "event_service"),
        .. Of("DnsCache", Warned, Resolver, "use_tcp_for_dns_lookups dns_resolution_config typed_dns_resolver_config"),
        .. Of("Cluster", Taken, "it is for Envoy's filters and logs", "metadata"),
        .. Of("PreconnectPolicy", Warned, "which endpoint comes next is not foreseen", "predictive_preconnect_ratio"),
        .. Of("ChosenHttp", Warned, "HTTP/3 is not available in this version", "http3_protocol_options alternate_protocols_cache_options"),
        .. Of("UpstreamHttp2Options", Warned, "METADATA frames are passed over", "allow_metadata max_metadata_size"),
        .. Of("UpstreamHttp2Options", Warned, "settings without a field of their own are not sent", "custom_settings_parameters"),
        .. Of("UpstreamHttp2Options", Warned, "60 KiB hold for all fields together", "max_header_field_size_kb"),
        .. Of("UpstreamHttp2Options", Taken, "the choice of Envoy's codec", "use_oghttp2_codec"),
        .. Of("UpstreamHttp2Options", Taken, "a tunnel is opened where the endpoint says that it takes them", "allow_connect"),
        .. Of("UpstreamHttp2Options", Taken,
            "a malformed response ends its stream alone, unless override_stream_error_on_invalid_http_message says otherwise",
                "stream_error_on_invalid_http_messaging"),
        .. Of("UpstreamHttp1Options", Taken, "trailers pass", "enable_trailers"),
        .. Of("UpstreamHttp1Options", Taken, "of the server's side only",
            "accept_http_10 default_host_for_http_10 allow_absolute_url ignore_http_11_upgrade"),
        .. Of("UpstreamHttp1Options", Taken, "the choice of Envoy's parser", "use_balsa_parser"),
        .. Of("UpstreamHttp1Options", Warned, "after an invalid message the connection is always closed",
            "override_stream_error_on_invalid_http_message"),
        .. Of("CommonLb", Taken, "there is no discovery whose changes would be merged", "update_merge_window"),
        .. Of("LoadAssignmentPolicy", Warned, "endpoints count, and not their weights", "weighted_priority_health"),
        .. Of("LoadAssignmentPolicy", Taken, "there is no discovery that could fall silent", "endpoint_stale_after"),
        .. Of("LoadAssignment", Taken, "endpoints stand in the list itself", "named_endpoints"),
        .. Of("LocalityEndpoints", Taken, "not implemented in Envoy either, and for its own extensions", "proximity metadata"),
        .. Of("HeaderToMetadata", Warned, "this filter keeps no statistics in this version", "stat_prefix"),
        .. Of("RetryBudget", Warned, "requests are counted at the moment of the retry", "budget_interval"),
        .. Of("CircuitBreakerThresholds", Warned, "each worker has one pool for each endpoint", "max_connection_pools"),

        .. Of("SocketAddress", Warned, "an IPv6 socket takes what the system's bindv6only says", "ipv4_compat"),
        .. Of("SubstitutionFormat", Taken, "an operator that is not known is an error itself", "formatters"),
        .. Of("SubstitutionFormat", Taken, "the order of the members is that of the file", "json_format_options"),
    ];

    private static readonly Dictionary<(string Message, string Field), FieldRule> ByName = Spellings();

    /// <param name="field">In snake_case or lowerCamelCase.</param>
    public static FieldRule? Find(string message, string field) => ByName.GetValueOrDefault((message, field));

    private static Dictionary<(string, string), FieldRule> Spellings()
    {
        var names = All.ToDictionary(r => (r.Message, r.Field));
        foreach (var rule in All)
            names.TryAdd((rule.Message, FieldName.Camel(rule.Field)), rule);
        return names;
    }

    private static IEnumerable<FieldRule> Of(string message, FieldTreatment treatment, string note, string fields, string? value = null) =>
        fields.Split(' ').Select(f => new FieldRule(message, f, treatment, value, note));
}
