using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Envoy;
using Managed.Proxy.Configuration.Parsing;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Configuration.Envoy;

public sealed class EnvoyBootstrapTests
{
    private const string Manager = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

    private static string File(string manager = "", string clusters = "[]", string filters = "") => $$$"""
        static_resources:
          listeners:
          - address: {socket_address: {address: 127.0.0.1, port_value: 0}}
            filter_chains:
            - filters:
              - name: h
                typed_config:
                  "@type": {{{Manager}}}
                  stat_prefix: p
        {{{Indent(manager, 10)}}}
                  http_filters:
        {{{Indent(filters, 10)}}}
                  - {name: router}
                  route_config: {virtual_hosts: [{name: v, domains: "*", routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: hi} } }]}]}
          clusters: {{{clusters}}}
        """;

    private static string Indent(string text, int by) => string.Join('\n', text.Split('\n').Select(l => new string(' ', by) + l));

    private static ConfigObject Take(string text)
    {
        var errors = new ConfigErrors();
        var document = ConfigParser.Parse(text, ConfigFormat.Yaml, "test", errors) as ConfigObject;
        Assert.Empty(errors.Errors);
        return EnvoyBootstrap.Take(document!, ExtensionCatalog.FindConfigType);
    }

    private static ConfigObject ManagerOf(ConfigObject taken)
        => (ConfigObject)taken.Find("/listeners/0/filter_chains/0/filters/0/typed_config")!;

    [Fact]
    public void Defaults_AreEnvoysAndListed()
    {
        var taken = Take(File());
        var manager = ManagerOf(taken);
        Assert.Equal("false", manager["use_remote_address"]!.ToString());
        Assert.Equal("envoy", manager.Text("server_name"));
        Assert.Equal("0s", manager.Text("request_headers_timeout"));
        Assert.Equal("false", manager.Object("http_protocol_options")!["accept_http_10"]!.ToString());
        Assert.Equal("false", manager.Object("http_protocol_options")!["enable_trailers"]!.ToString());
        Assert.Contains(taken.Notes, n => n.Detail.Contains("use_remote_address: false", StringComparison.Ordinal)
            && n.Detail.Contains("enable_trailers: false", StringComparison.Ordinal));
    }

    [Fact]
    public void Defaults_DoNotReplaceWhatTheFileSays()
    {
        var manager =
            ManagerOf(Take(
                File("use_remote_address: on\nserver_name: x\nhttp_protocol_options: {acceptHttp10: {value: yes}}\nupgrade_configs: "
                    + "[{upgrade_type: WebSocket}]\ncodec_type: 1")));
        Assert.Equal("true", manager["use_remote_address"]!.ToString());
        Assert.Equal("x", manager.Text("server_name"));
        Assert.Equal("true", manager.Object("http_protocol_options")!["accept_http_10"]!.ToString());
        Assert.Single(manager.Array("upgrade_configs")!);
        Assert.Equal("HTTP1", manager.Text("codec_type"));
    }

    [Fact]
    public void Tabs_InScriptsAndQuotesStay()
    {
        var taken = Take(File("via: \"a\\tb\t# c\"\t# comment",
            filters: "- name: lua\t# tab\n  typed_config:\n    inline_code: |\n      -- a\t# b\n      x =\t1"));
        Assert.Equal("-- a\t# b\nx =\t1\n", ((ConfigObject)ManagerOf(taken).Find("/http_filters/0/typed_config")!).Text("inline_code"));
        Assert.Equal("a\tb\t# c", ManagerOf(taken).Text("via"));
    }

    [Fact]
    public void Listener_WithoutName_IsCalledByItsAddress()
        => Assert.Equal("listener_127.0.0.1_0", ((ConfigObject)Take(File()).Find("/listeners/0")!).Text("name"));

    [Theory]
    [InlineData("listeners: []\nclusters: []\nclusters: []")]
    [InlineData("listeners: []\n---\nlisteners: []")]
    [InlineData("listeners: !thing []")]
    public void DocumentOfOurs_IsReadStrictly(string text)
    {
        var errors = new ConfigErrors();
        Assert.Null(ConfigParser.Parse(text, ConfigFormat.Yaml, "test", errors));
        Assert.Contains(errors.Errors, e => e.Code == ConfigCode.MalformedBody);
    }

    [Fact]
    public void DocumentOfOurs_KeepsItsDefaults()
    {
        var errors = new ConfigErrors();
        var document = (ConfigObject)ConfigParser.Parse("clusters: [{name: a, type: static, lb_policy: {value: 1}}]", ConfigFormat.Yaml,
            "test", errors)!;
        Assert.Same(document, EnvoyBootstrap.Take(document, ExtensionCatalog.FindConfigType));
        Assert.Equal("static", ((ConfigObject)document.Find("/clusters/0")!).Text("type"));
    }

    [Fact]
    public void DeepFile_IsRefusedByTheReader()
    {
        var errors = new ConfigErrors();
        var deep = new StringBuilder("static_resources: ").Append('[', 100).Append(']', 100).ToString();
        Assert.Null(ConfigParser.Parse(deep, ConfigFormat.Yaml, "test", errors));
        Assert.Contains("nested deeper", Assert.Single(errors.Errors).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void UnusedCluster_OfAManagementServerIsLeftOut_AUsedOneIsAnError()
    {
        const string Clusters = "[{name: xds_cluster, transport_socket_matches: [{name: m}], load_assignment: {}}]";
        Assert.Empty(Take(File(clusters: Clusters)).Array("clusters")!);
        Assert.Single(Take(File(clusters: Clusters, filters: "- name: lua\n  typed_config: {inline_code: 'h:httpCall(\"xds_cluster\")'}"))
            .Array("clusters")!);
        Assert.Single(Take(File(clusters: Clusters, filters: "- name: lua\n  typed_config: {default_source_code: {filename: /x.lua}}"))
            .Array("clusters")!);
    }

    [Fact]
    public async Task Upgrade_ThatIsNotConfigured_Gets403AsInEnvoy()
    {
        var text = File(
            clusters: "[{name: c, load_assignment: {endpoints: {lb_endpoints: {endpoint: {address: {socket_address: {address: "
                + "127.0.0.1, port_value: 9}}}}}}}]")
            .Replace("direct_response: {status: 200, body: {inline_string: hi} }", "route: {cluster: c}", StringComparison.Ordinal);
        await using var proxy = await ProxyFixture.StartAsync(Take(text).ToYaml());
        var refused = await proxy.GetAsync(headers: "Connection: upgrade\r\nUpgrade: websocket\r\n", listener: "listener_127.0.0.1_0");
        Assert.Equal(403, refused.Status);
    }

    /// <summary>Hostile files: what would take the square of their length is minutes, and what is taken is a second.</summary>
    [Theory]
    [InlineData("names")]
    [InlineData("anchors")]
    [InlineData("tabs")]
    [InlineData("filters")]
    public void LargeFile_TakesTimeByItsLength(string kind)
    {
        var text = kind switch
        {
            "names" => "static_resources: {listeners: [{address: {}, filter_chains: ["
                + string.Concat(Enumerable.Repeat("{name: a},", 100_000)) + "]}]}",
            "anchors" => "static_resources: {}\n" + string.Concat(Enumerable.Range(0, 100_000).Select(i => $"a{i}: &a{i} 1\n")),
            "tabs" => "static_resources: {}" + new string('\t', 4_000_000) + "# end",
            _ => File(filters: string.Concat(Enumerable.Repeat("- {name: f}\n", 20_000)).TrimEnd('\n'))
                .Replace("direct_response: {status: 200, body: {inline_string: hi} }",
                    "direct_response: {status: 200}, typed_per_filter_config: {f: {a: [1, 2, 3, 4]} }", StringComparison.Ordinal),
        };
        var before = System.Diagnostics.Process.GetCurrentProcess().TotalProcessorTime;
        var errors = new ConfigErrors();
        if (ConfigParser.Parse(text, ConfigFormat.Yaml, "test", errors) is ConfigObject document)
            EnvoyBootstrap.Take(document, ExtensionCatalog.FindConfigType);
        Assert.InRange(System.Diagnostics.Process.GetCurrentProcess().TotalProcessorTime - before, TimeSpan.Zero, TimeSpan.FromSeconds(60));
    }
}
