using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;

namespace Managed.AdminApi.Hosting;

/// <summary>What a first start without <c>--config</c> serves: a listener, a filter that stamps a header, the demo service behind it.</summary>
internal static class StarterConfiguration
{
    private const string Text = """
        listeners:
        - name: edge
          address: 127.0.0.1:10000
          http_filters:
          - name: header_mutation
            typed_config:
              mutations:
                response_mutations:
                - append: {header: {key: x-served-by, value: managed}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}
          routes:
          - {name: all, match: {prefix: /}, route: {cluster: demo}}
        clusters:
        - {name: demo, endpoints: [127.0.0.1:10001]}
        """;

    public static ConfigObject Read() => (ConfigObject)ConfigParser.Parse(Text, ConfigFormat.Yaml, "starter configuration", new ConfigErrors())!;

    /// <summary>Whether a document sends traffic to the demo service, so that a restart has to start it again.</summary>
    public static bool UsesDemo(ConfigObject document) =>
        document.Array("clusters")?.FindByName("demo")?.Array("endpoints")?.Any(e => e is ConfigScalar s && s.Text == DemoService.Address) == true;
}
