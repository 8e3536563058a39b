using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;

namespace Managed.AdminApi.Endpoints;

/// <summary>Examples of pieces for Swagger, written once as YAML.</summary>
internal static class PieceExamples
{
    public const string Listener = """
        name: edge
        address: 127.0.0.1:10000
        http_filters:
        - name: header_mutation
          typed_config:
            mutations:
              response_mutations:
              - append: {header: {key: x-served-by, value: managed}}
        routes:
        - {match: {prefix: /}, route: {cluster: web}}
        """;

    public const string RouteConfiguration = """
        name: web
        virtual_hosts:
        - name: all
          domains: ["*"]
          routes:
          - {name: root, match: {prefix: /}, route: {cluster: web}}
        """;

    public const string Cluster = """
        name: web
        endpoints: [127.0.0.1:8080]
        """;

    public const string ExtensionConfig = """
        name: stamp
        typed_config:
          "@type": header_mutation
          mutations:
            response_mutations:
            - append: {header: {key: x-served-by, value: managed}}
        """;

    public const string FilterChain = """
        name: main
        filters:
        - name: tcp_proxy
          typed_config: {stat_prefix: db, cluster: web}
        """;

    public const string HttpFilter = """
        name: fault
        typed_config:
          abort: {http_status: 503, percentage: {numerator: 1, denominator: HUNDRED}}
        """;

    public const string Secret = """
        name: example.com
        tls_certificate:
          certificate_chain: {filename: /etc/managed/example.com.pem}
          private_key: {filename: /etc/managed/example.com.key}
        """;

    public const string VirtualHost = """
        name: all
        domains: ["*"]
        routes:
        - {name: root, match: {prefix: /}, route: {cluster: web}}
        """;

    public const string Route = """
        name: api
        match: {prefix: /api}
        route: {cluster: web, timeout: 5s}
        """;

    public static string ToJson(string yaml)
        => Encoding.UTF8.GetString(ConfigParser.Parse(yaml, ConfigFormat.Yaml, "example", new ConfigErrors())!.ToJson());

    public static string MergePatchFor(string kind) => kind switch
    {
        "cluster" => """{"lb_policy":"LEAST_REQUEST"}""",
        "secret" => """{"tls_certificate":{"private_key":{"filename":"/etc/managed/new.key"}}}""",
        "listener" => """{"per_connection_buffer_limit_bytes":65536}""",
        "route" => """{"route":{"timeout":"3s"}}""",
        "HTTP filter" => """{"disabled":true}""",
        "virtual host" => """{"domains":["example.com"]}""",
        _ => """{"typed_config":{}}""",
    };

    public static string JsonPatchFor(string kind) => kind switch
    {
        "cluster" => """[{"op":"replace","path":"/endpoints/0","value":"127.0.0.1:8081"}]""",
        "virtual host" => """[{"op":"add","path":"/domains/-","value":"www.example.com"}]""",
        "HTTP filter" => """[{"op":"add","path":"/disabled","value":true}]""",
        _ => """[{"op":"test","path":"/name","value":"edge"}]""",
    };
}
