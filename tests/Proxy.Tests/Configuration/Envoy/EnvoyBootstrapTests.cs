using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Envoy;
using Managed.Proxy.Configuration.Parsing;
using Managed.Proxy.Configuration.Validation;
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
    public void Defaults_OfManyListenersAreSaidOnce()
    {
        string chain = "filter_chains: [{filters: [{name: h, typed_config: {'@type': " + Manager + ", stat_prefix: p}}]}]";
        var taken = Take($"static_resources: {{listeners: [{{name: a, {chain}}}, {{name: b, {chain}}}, {{name: c, {chain}}}]}}");
        var note = Assert.Single(taken.Notes, n => n.Detail.Contains("written out", StringComparison.Ordinal));
        Assert.Contains("here and at 2 more places: use_remote_address: false", note.Detail, StringComparison.Ordinal);
        Assert.StartsWith("/static_resources/listeners/0", note.Pointer.TrimStart('#'), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("listeners: [{{name: a, address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}, filter_chains: [{{filters: "
        + "[{{name: envoy.filters.network.echo}}], {0}}}]}}]")]
    [InlineData("clusters: [{{name: a, {0}}}]")]
    public async Task SocketThatIsNotServed_IsOneError(string document)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        string text = string.Format(System.Globalization.CultureInfo.InvariantCulture, document,
            "transport_socket: {name: s, typed_config: "
            + "{'@type': type.googleapis.com/envoy.extensions.transport_sockets.starttls.v3.StartTlsConfig, tls_socket_config: {a: b}}}");
        Assert.Contains("is not available", Assert.Single(proxy.Build(Take($"static_resources: {{{text}}}").ToYaml()).Errors).Detail,
            StringComparison.Ordinal);
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

    [Theory]
    [InlineData("{name: tls}", null, "0s")]
    [InlineData("{name: tls}", "7s", "7s")]
    [InlineData("{name: envoy.transport_sockets.raw_buffer}", null, null)]
    public void HandshakeOfAChain_HasEnvoysLimit(string socket, string? given, string? expected)
    {
        string limit = given is null ? "" : $", transport_socket_connect_timeout: {given}";
        var taken = Take("static_resources: {listeners: [{name: a, address: {socket_address: {address: 127.0.0.1, port_value: 1}}, "
            + $"filter_chains: [{{filters: [{{name: echo}}], transport_socket: {socket}{limit}}}]}}]}}");
        Assert.Equal(expected, ((ConfigObject)taken.Find("/listeners/0/filter_chains/0")!).Text("transport_socket_connect_timeout"));
        Assert.Equal(given is null && expected is not null, taken.Notes.Any(n => n.Detail.Contains("connect_timeout: 0s")));
    }

    [Fact]
    public void TransportSocket_IsReadAsForgivingly()
    {
        var taken = Take("static_resources: {clusters: [{name: c, transport_socket: {name: t, typed_config: {'@type': "
            + "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: null, commonTlsContext: "
            + "{alpn_protocols: h2, tls_params: {tls_minimum_protocol_version: 3, tls_maximum_protocol_version: tlsv1_3}, "
            + "validation_context: {match_subject_alt_names: {exact: a}}}}}}]}");
        var tls = ((ConfigObject)taken.Find("/clusters/0/transport_socket/typed_config")!).Object("common_tls_context")!;
        Assert.Equal("h2", Assert.Single(tls.Array("alpn_protocols")!).ToString());
        Assert.Equal("TLSv1_2", tls.Object("tls_params")!.Text("tls_minimum_protocol_version"));
        Assert.Equal("TLSv1_3", tls.Object("tls_params")!.Text("tls_maximum_protocol_version"));
        Assert.Single(tls.Object("validation_context")!.Array("match_subject_alt_names")!);
    }

    [Fact]
    public void EveryEnumerationOfEnvoys_HasItsNumbers()
    {
        string[] ours = ["AcmeKeyType", "AcmeChallenge", "LuaFailurePolicy", "NativeFailurePolicy"];
        var fields = (from type in typeof(ConfigRecord).Assembly.GetTypes()
                      where type.IsSubclassOf(typeof(ConfigRecord)) && !type.IsAbstract
                      from field in RecordShape.Of(type).Fields
                      where field.Type.IsEnum && !ours.Contains(field.Type.Name)
                      select field).ToList();
        Assert.Empty(fields.Select(f => f.Type.Name).Except(EnvoyEnums.All.Keys));
        foreach (var field in fields)
        {
            var numbered = EnvoyEnums.All[field.Type.Name];
            var two = field.Type.Name == "GzipLevel" ? (string[])["COMPRESSION_LEVEL_1", "COMPRESSION_LEVEL_9"] : [];
            Assert.Empty(EnumNames.All(field.Type).Keys.Except(numbered).Except(two));
        }
    }

    [Theory]
    [InlineData("protocol_selection: USE_DOWNSTREAM_PROTOCOL, http2_protocol_options: {max_concurrent_streams: 7}",
        "use_downstream_protocol_config", "http2_protocol_options")]
    [InlineData("protocolSelection: 1, http_protocol_options: {}", "use_downstream_protocol_config", "http_protocol_options")]
    [InlineData("upstream_http_protocol_options: {auto_sni: true}", "explicit_http_config", "http_protocol_options")]
    [InlineData("upstream_http_protocol_options: {auto_sni: true}, http2_protocol_options: {}, http_protocol_options: {}",
        "explicit_http_config", "http2_protocol_options")]
    public void HttpFieldsOfACluster_BecomeTheMessage(string fields, string choice, string protocol)
    {
        var cluster = (ConfigObject)Take($"static_resources: {{clusters: [{{name: c, max_requests_per_connection: 3, {fields}}}]}}")
            .Find("/clusters/0")!;
        var message = Assert.Single(cluster.Object("typed_extension_protocol_options")!.Members).Value as ConfigObject;
        Assert.Equal([protocol], message!.Object(choice)!.Names);
        Assert.Equal("3", message.Object("common_http_protocol_options")!["max_requests_per_connection"]!.ToString());
        Assert.Equal(fields.Contains("auto_sni", StringComparison.Ordinal),
            message.Object("upstream_http_protocol_options")?["auto_sni"]?.ToString() == "true");
        Assert.Equal(["name", "typed_extension_protocol_options"], cluster.Names);
    }

    [Fact]
    public void HttpFieldsOfACluster_BesideTheMessageDoNotCount()
    {
        var cluster = (ConfigObject)Take("static_resources: {clusters: [{name: c, protocol_selection: USE_DOWNSTREAM_PROTOCOL, "
            + "upstream_http_protocol_options: {auto_sni: true}, typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3."
            + "HttpProtocolOptions: {explicit_http_config: {http_protocol_options: {}}}}}]}").Find("/clusters/0")!;
        Assert.Equal(["name", "typed_extension_protocol_options"], cluster.Names);
    }

    [Fact]
    public void ListenerFilters_OfOneNameAreTwo()
    {
        var taken = Take("static_resources: {listeners: [{name: a, listener_filters: [{name: p}, {name: p}]}]}");
        Assert.Equal("p-2", ((ConfigObject)taken.Find("/listeners/0/listener_filters/1")!).Text("name"));
    }

    [Fact]
    public void ListenerFilters_OfOneNameWithoutAType_SayTheirType()
    {
        var taken = Take("static_resources: {listeners: [{name: a, listener_filters: [{name: envoy.filters.listener.proxy_protocol}, "
            + "{name: envoy.filters.listener.proxy_protocol}]}]}");
        Assert.EndsWith("proxy_protocol.v3.ProxyProtocol",
            ((ConfigObject)taken.Find("/listeners/0/listener_filters/1/typed_config")!).Text("@type"), StringComparison.Ordinal);
    }

    [Fact]
    public void TapOfTheAdminApi_IsLeftOut()
    {
        var taken = Take(File(filters: "- name: t\n  typed_config:\n    '@type': "
            + "type.googleapis.com/envoy.extensions.filters.http.tap.v3.Tap\n    common_config: {admin_config: {config_id: x}}"));
        Assert.Single(ManagerOf(taken).Array("http_filters")!);
        Assert.Contains(taken.Notes, n => n.Detail.Contains("/tap", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("0", "1073741824", true)]
    [InlineData("2147483648", "1073741824", true)]
    [InlineData("512", "1024", true)]
    [InlineData("32768", "32768", false)]
    public void BufferLimit_IsTakenForOneThatCanBe(string given, string taken, bool noted)
    {
        var document = Take("static_resources: {listeners: [{name: a, perConnectionBufferLimitBytes: " + given + "}], clusters: [{name: c, "
            + "per_connection_buffer_limit_bytes: {value: " + given + "}}]}");
        foreach (var place in (string[])["/listeners/0", "/clusters/0"])
            Assert.Equal(taken, ((ConfigObject)document.Find(place)!)["per_connection_buffer_limit_bytes"]!.ToString());
        Assert.Equal(noted ? 2 : 0, document.Notes.Count(n => n.Detail.Contains("is taken for", StringComparison.Ordinal)));
    }

    [Fact]
    public void BlockScalar_MayBeginWithEmptyLinesOfFewerSpaces()
        => Assert.Equal("\nx = 1\n", ((ConfigObject)ManagerOf(Take(File(filters:
            "- name: lua\n  typed_config:\n    inline_code: |\n     \n      x = 1"))).Find("/http_filters/0/typed_config")!)
            .Text("inline_code"));

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
