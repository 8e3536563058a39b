using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;

namespace Managed.AdminApi.Hosting;

/// <summary>
/// What a first start without <c>--config</c> serves: a listener, a Lua script that stamps a header, the demo service behind it.
/// </summary>
internal static class StarterConfiguration
{
    private const string Text = """
        listeners:
        - name: edge
          address: 127.0.0.1:10000
          http_filters:
          - name: lua
            typed_config:
              default_source_code:
                inline_string: |
                  function envoy_on_response(handle)
                    handle:headers():replace("x-served-by", "managed")
                  end
          routes:
          - {name: all, match: {prefix: /}, route: {cluster: demo}}
        clusters:
        - {name: demo, endpoints: [127.0.0.1:10001]}
        """;

    public static ConfigObject Read() => (ConfigObject)ConfigParser.Parse(Text, ConfigFormat.Yaml, "starter configuration",
        new ConfigErrors())!;

    /// <summary>Whether a document sends traffic to the demo service, so that a restart has to start it again.</summary>
    public static bool UsesDemo(ConfigObject document) =>
        document.Array("clusters")?.FindByName("demo")?.Array("endpoints")?.Any(e => e is ConfigScalar s
            && s.Text == DemoService.Address) == true;
}
