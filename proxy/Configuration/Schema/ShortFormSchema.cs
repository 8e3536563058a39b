using Managed.Proxy.Configuration.Model;

namespace Managed.Proxy.Configuration.Schema;

/// <summary>What the short forms add to the schema of the long form.</summary>
internal static class ShortFormSchema
{
    /// <summary>The field is required once expanded, and the short form fills it in.</summary>
    public static bool IsFilledIn(Type type, string field) =>
        field == "name" && (type == typeof(ExtensionConfig) || type == typeof(HttpFilterConfig) || type == typeof(AccessLogConfig)
            || type == typeof(TransportSocketConfig));

    public static void AddFields(Type type, ConfigObject properties, Func<Type, ConfigNode> reference)
    {
        if (type == typeof(ListenerConfig) || type == typeof(FilterChainConfig) || type == typeof(ClusterConfig))
            properties.Set("tls", Described(new ConfigObject().Set("type", SchemaWriter.Text("object")), TlsNote));
        if (type == typeof(ListenerConfig))
        {
            properties.Set("routes", List(reference(typeof(RouteConfig)),
                "Short form: these routes for every host, in a filter chain 'main' with an HTTP connection manager."));
            properties.Set("virtual_hosts", List(reference(typeof(VirtualHostConfig)), "Short form: these virtual hosts, likewise."));
            properties.Set("route_config_name", Described(new ConfigObject().Set("type", SchemaWriter.Text("string")),
                "Short form: the route configuration of this name, likewise."));
            properties.Set("http_filters", List(reference(typeof(HttpFilterConfig)),
                "Short form: HTTP filters before the router, with one of the three above."));
            properties.Set("tcp_proxy", Described(new ConfigObject().Set("type", SchemaWriter.Text("object")),
                "Short form: a filter chain 'main' with this tcp_proxy."));
        }
        else if (type == typeof(ClusterConfig))
            properties.Set("endpoints", List(Endpoint(),
                    "Short form of load_assignment: addresses, or {address, weight, hostname, health_status}."))
                .Set("http2", Described(new ConfigObject().Set("anyOf", new ConfigArray()
                    .Add(new ConfigObject().Set("type", SchemaWriter.Text("boolean"))).Add(reference(typeof(UpstreamHttp2OptionsConfig)))),
                    "Short form of typed_extension_protocol_options: HTTP/2, with its options if any."));
        else if (type == typeof(BootstrapConfig))
            properties.Set("static_resources", Described(new ConfigObject().Set("type", SchemaWriter.Text("object")),
                "Envoy's wrapper around listeners, clusters and secrets, accepted in their place."));
    }

    private const string TlsNote =
        "Short form of transport_socket with TLS: the fields of Envoy's messages without the levels between, certificates and alpn for "
        + "tls_certificates and alpn_protocols; a text in place of a source of bytes is the path of a file. On a listener: for its "
            + "chains that say nothing themselves. Without alpn a chain that ends with HTTP offers h2 and http/1.1 (what its codec_type "
            + "speaks of them), any other nothing; alpn: [] offers nothing.";

    /// <summary>An address may be a text.</summary>
    public static ConfigObject Widen(Type type, ConfigObject schema) =>
        type != typeof(AddressConfig) ? schema : new ConfigObject().Set("anyOf", new ConfigArray().Add(AddressText()).Add(schema));

    private static ConfigObject AddressText() =>
        Described(new ConfigObject().Set("type", SchemaWriter.Text("string")),
            "Short form: 10.0.0.1:80, [::1]:80, name:80 or unix:///run/x.sock.");

    private static ConfigObject Endpoint() =>
        new ConfigObject().Set("anyOf", new ConfigArray().Add(AddressText()).Add(new ConfigObject()
            .Set("type", SchemaWriter.Text("object"))
            .Set("properties", new ConfigObject()
                .Set("address", AddressText())
                .Set("weight", new ConfigObject().Set("type", SchemaWriter.Text("integer")).Set("minimum", ConfigScalar.Number(1))
                    .Set("maximum", ConfigScalar.Number(128)))
                .Set("hostname", new ConfigObject().Set("type", SchemaWriter.Text("string")))
                .Set("health_status", new ConfigObject().Set("type", SchemaWriter.Text("string"))))
            .Set("required", new ConfigArray().Add(SchemaWriter.Text("address")))
            .Set("additionalProperties", ConfigScalar.Boolean(false))));

    private static ConfigObject List(ConfigNode items, string description) =>
        Described(new ConfigObject().Set("type", SchemaWriter.Text("array")).Set("items", items), description);

    private static ConfigObject Described(ConfigObject schema, string description)
        => schema.Set("description", SchemaWriter.Text(description));
}
