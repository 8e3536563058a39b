using System.Net;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Upstream.TransportSockets;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream;

/// <summary>PROXY protocol towards endpoints: a proxy in front, and one behind it that reads the header.</summary>
public sealed class UpstreamProxyProtocolTests(UpstreamProxyProtocolTests.Chain chain) : IClassFixture<UpstreamProxyProtocolTests.Chain>
{
    private static ProxyHeaderWriter Writer(ProxyProtocolOptionsConfig config) => ProxyHeaderWriter.Build(config, new ConfigErrors())!;

    private static IPEndPoint End(string text) => IPEndPoint.Parse(text);

    [Theory]
    [InlineData("1.2.3.4:5", "6.7.8.9:10", "PROXY TCP4 1.2.3.4 6.7.8.9 5 10\r\n")]
    [InlineData("[2001:db8::1]:5", "[2001:db8::2]:10", "PROXY TCP6 2001:db8::1 2001:db8::2 5 10\r\n")]
    [InlineData("[fe80::1%3]:5", "[fe80::2%3]:10", "PROXY TCP6 fe80::1 fe80::2 5 10\r\n")]
    [InlineData("1.2.3.4:5", "[2001:db8::2]:10", "PROXY TCP6 ::ffff:1.2.3.4 2001:db8::2 5 10\r\n")]
    [InlineData(null, null, "PROXY UNKNOWN\r\n")]
    public void Text_HasBothEnds(string? source, string? destination, string expected)
        => Assert.Equal(expected, System.Text.Encoding.ASCII.GetString(Writer(new ProxyProtocolOptionsConfig()).Write(
            new ClientIdentity(source is null ? null : End(source), destination is null ? null : End(destination)), null, null)!));

    [Fact]
    public void Binary_HasEndsAndFields()
    {
        var config = new ProxyProtocolOptionsConfig
        {
            Version = ProxyProtocolVersion.V2,
            PassThroughTlvs = new ProxyTlvMatchConfig { MatchType = ProxyTlvMatch.Include, TlvType = [2, 3] },
            AddedTlvs = [new ProxyTlvConfig { Type = 3, Value = "new"u8.ToArray() }],
        };
        byte[] begin = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A];
        var client = new ClientIdentity(End("1.2.3.4:5"), End("6.7.8.9:10"))
            { Fields = [1, 0, 1, 9, 2, 0, 2, 8, 7, 3, 0, 1, 6, 4, 0, 0] };
        Assert.Equal([.. begin, 0x21, 0x11, 0, 23, 1, 2, 3, 4, 6, 7, 8, 9, 0, 5, 0, 10, 2, 0, 2, 8, 7, 3, 0, 3, .. "new"u8],
            Writer(config).Write(client, null, null));
        Assert.Equal([.. begin, 0x20, 0, 0, 0], Writer(config).Write(null, End("1.1.1.1:1"), End("2.2.2.2:2")));
        Assert.Equal([.. begin, 0x20, 0, 0, 0],
            Writer(config).Write(new ClientIdentity(null, null) { Fields = client.Fields }, null, null));
        // 64 KiB of fields and one more.
        byte[] large = [2, 0xFF, 0xF0, .. new byte[0xFFF0]];
        Assert.Null(Writer(config).Write(new ClientIdentity(End("1.2.3.4:5"), End("6.7.8.9:10")) { Fields = large }, null, null));
        // What is cut short in the middle is no field.
        Assert.Equal(28 + 6, Writer(config).Write(new ClientIdentity(End("1.2.3.4:5"), End("6.7.8.9:10")) { Fields = [2, 0, 9, 1] }, null,
            null)!.Length);
    }

    [Theory]
    [InlineData("v1", "")]
    [InlineData("v2", "edge")]
    [InlineData("tls", "edge")]
    public async Task EachClient_IsToldOnConnectionsOfItsOwn(string way, string field)
    {
        string cluster = "cluster." + way;
        // One that tells of nobody stays for whoever comes next (ConnectionState_IsToldWhereItMay).
        long before = chain.Front.Stat(cluster + ".upstream_cx_total"), shared = chain.Front.Stat(cluster + ".upstream_cx_active");
        await using (var first = await chain.Front.ConnectAsync(way))
        await using (var second = await chain.Front.ConnectAsync(way))
            foreach (var client in (RawClient[])[first, second, first, second])
            {
                var answer = await client.AskAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
                Assert.Equal($"127.0.0.1:{client.LocalPort} 127.0.0.1:{chain.Front.Port(way)} {field}".TrimEnd(), answer["x-facts"]);
            }
        Assert.Equal(2, chain.Front.Stat(cluster + ".upstream_cx_total") - before);
        // Nobody else can use them.
        await Eventually.Async(() => chain.Front.Stat(cluster + ".upstream_cx_active") == shared, "they go with their clients");
    }

    [Theory]
    [InlineData("tcp-v1", "")]
    [InlineData("tcp-v2", "edge")]
    public async Task TcpProxy_TellsToo(string way, string field)
    {
        await using var client = await chain.Front.ConnectAsync(way);
        var answer = await client.AskAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        Assert.Equal($"127.0.0.1:{client.LocalPort} 127.0.0.1:{chain.Front.Port(way)} {field}".TrimEnd(), answer["x-facts"]);
    }

    [Fact]
    public async Task FieldsOfTheClient_ArePassedOn()
    {
        await using var client = await chain.Front.ConnectAsync("passing");
        await client.SendAsync((byte[])[0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0, 23,
            1, 2, 3, 4, 5, 6, 7, 8, 0, 9, 0, 10, 234, 0, 3, .. "abc"u8, 235, 0, 2, 1, 2]);
        var answer = await client.AskAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        Assert.Equal("1.2.3.4:9 5.6.7.8:10 abc", answer["x-facts"]);
    }

    [Fact]
    public async Task ConnectionState_IsToldWhereItMay()
    {
        await using var client = await chain.Front.ConnectAsync("silent");
        var answer = await client.AskAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        // LOCAL: the addresses of the connection between the two.
        Assert.EndsWith($" {chain.Back.EndPoint("plain")}", answer["x-facts"], StringComparison.Ordinal);
        Assert.DoesNotContain($":{client.LocalPort} ", answer["x-facts"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task SourceAddress_IsThatOfTheClient()
    {
        foreach (string address in (string[])["127.0.0.5", "127.0.0.6", "127.0.0.5"])
            foreach (string listener in (string[])["spoof", "tcp-spoof"])
            {
                await using var client = await RawClient.ConnectAsync(chain.Front.EndPoint(listener),
                    new IPEndPoint(IPAddress.Parse(address), 0));
                var answer = await client.AskAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
                Assert.StartsWith(address + ":", answer["x-facts"], StringComparison.Ordinal);
            }
    }

    [Theory]
    [InlineData("config: {version: V1, added_tlvs: [{type: 1, value: eA==}]}, transport_socket: {name: raw_buffer}",
        "version 1 has no fields")]
    [InlineData("config: {version: V2, added_tlvs: [{type: 256, value: eA==}]}, transport_socket: {name: raw_buffer}", "255")]
    [InlineData("config: {version: V2, pass_through_tlvs: {match_type: INCLUDE, tlv_type: [999]}}, transport_socket: {name: raw_buffer}",
        "999 is no type")]
    [InlineData("config: {version: V2}", "'transport_socket' is missing")]
    [InlineData("config: {version: V2}, allow_unspecified_address: true, transport_socket: {name: raw_buffer}",
        "allow_unspecified_address")]
    [InlineData("transport_socket: {name: upstream_proxy_protocol, typed_config: {transport_socket: {name: raw_buffer}}}", "one header")]
    [InlineData("transport_socket: {name: tls, typed_config: {common_tls_context: {tls_certificates: [nobody]}}}", "'nobody'")]
    public void Mistakes_AreErrors(string socket, string expected)
    {
        var built = chain.Front.Build($"clusters: [{{name: up, endpoints: [\"127.0.0.1:1\"], transport_socket: {{name: "
            + $"upstream_proxy_protocol, typed_config: {{{socket}}}}}}}]");
        Assert.Contains(built.Errors, e => (e.Detail + e.Hint).Contains(expected, StringComparison.Ordinal));
    }

    public sealed class Chain : IAsyncLifetime
    {
        private readonly TestAuthority _authority = new();

        public ProxyFixture Back { get; private set; } = null!;
        public ProxyFixture Front { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            string facts = "routes: [{match: {prefix: /}, direct_response: {status: 200}, response_headers_to_add: [{header: {key: "
                + "x-facts, value: \"%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% "
                + "%DYNAMIC_METADATA(envoy.filters.listener.proxy_protocol:t)%\"}}]}]";
            string reads = "listener_filters: [{name: proxy_protocol, typed_config: {rules: [{tlv_type: 234, on_tlv_present: {key: t}}]}}]";
            string certificate = TlsYaml.Certificate(_authority.Issue("CN=up", ["up.test"]));
            Back = await ProxyFixture.StartAsync($$"""
                listeners:
                - {name: plain, address: "127.0.0.1:0", {{reads}}, {{facts}} }
                - {name: secure, address: "127.0.0.1:0", {{reads}}, tls: {certificates: [{{certificate}}]}, {{facts}} }
                - {name: bare, address: "127.0.0.1:0", {{facts}} }
                """);
            string Cluster(string name, string to, string config, string inner = "{name: raw_buffer}")
                => $"- {{name: {name}, endpoints: [\"{Back.EndPoint(to)}\"], transport_socket: {{name: upstream_proxy_protocol, "
                    + $"typed_config: {{config: {{{config}}}, transport_socket: {inner}}}}}}}\n";
            string Http(string name, string cluster, string fields = "") => $"- {{name: {name}, address: \"127.0.0.1:0\"{fields}, "
                + $"routes: [{{match: {{prefix: /}}, route: {{cluster: {cluster}}}}}]}}\n";
            string Tcp(string name, string cluster, string fields = "") => $"- {{name: {name}, address: \"127.0.0.1:0\"{fields}, "
                + $"tcp_proxy: {{cluster: {cluster}}}}}\n";
            const string Added = "version: V2, added_tlvs: [{type: 234, value: ZWRnZQ==}]";
            Front = await ProxyFixture.StartAsync("listeners:\n" + Http("v1", "v1") + Http("v2", "v2") + Http("tls", "tls")
                + Tcp("tcp-v1", "v1") + Tcp("tcp-v2", "v2")
                + Http("passing", "passing", ", listener_filters: [{name: proxy_protocol, typed_config: {pass_through_tlvs: "
                    + "{match_type: INCLUDE, tlv_type: [234]}}}]")
                + Http("spoof", "bare", ", listener_filters: [{name: original_src}]")
                + Tcp("tcp-spoof", "bare", ", listener_filters: [{name: original_src}]")
                + "- " + Downstream.NetworkFilters.HttpConnectionManager.Edge.Listener("silent",
                    "add_proxy_protocol_connection_state: false,",
                    "{name: all, domains: [\"*\"], routes: [{match: {prefix: /}, route: {cluster: v2}}]}") + "\n"
                + "clusters:\n" + Cluster("v1", "plain", "") + Cluster("v2", "plain", Added)
                + Cluster("tls", "secure", Added, $"{{name: tls, typed_config: {{sni: up.test, common_tls_context: {{validation_context: "
                    + $"{{trusted_ca: {TlsYaml.Inline(_authority.Pem)}}}}}}}}}")
                + Cluster("passing", "plain", "version: V2, pass_through_tlvs: {match_type: INCLUDE_ALL}")
                + $"- {{name: bare, endpoints: [\"{Back.EndPoint("bare")}\"]}}\n");
        }

        public async ValueTask DisposeAsync()
        {
            await Front.DisposeAsync();
            await Back.DisposeAsync();
            _authority.Dispose();
        }
    }
}
