using System.Buffers.Binary;

using System.Text;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.ListenerFilters;

/// <summary>Listener filters on live connections.</summary>
public sealed class ListenerFilterTests
{
    private const string Facts =
        "routes: [{match: {prefix: /}, direct_response: {status: 200}, response_headers_to_add: [{header: {key: x-facts, value: "
            + "\"%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_ADDRESS% "
                + "%DYNAMIC_METADATA(envoy.filters.listener.proxy_protocol:id)%\"}}]}]";

    private static string ProxyProtocol(string config = "")
        => $"listeners: [{{name: edge, address: \"127.0.0.1:0\", listener_filters: [{{name: proxy_protocol, typed_config: {{{config}"
            + $"}}}}], {Facts}}}]";

    private const string Get = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

    [Theory]
    [InlineData("PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n", "1.2.3.4:1111 127.0.0.1 5.6.7.8:2222")]
    [InlineData("PROXY TCP6 2001:db8::1 2001:db8::2 1111 2222\r\n", "[2001:db8::1]:1111 127.0.0.1 [2001:db8::2]:2222")]
    public async Task TextHeader_TellsBothAddresses(string header, string expected)
    {
        await using var proxy = await ProxyFixture.StartAsync(ProxyProtocol());
        await using var client = await proxy.ConnectAsync();
        foreach (char c in header) await client.SendAsync(c.ToString()); // as slow as it gets
        var response = await client.AskAsync(Get);
        Assert.Equal(200, response.Status);
        Assert.StartsWith(expected, response["x-facts"], StringComparison.Ordinal);
        Assert.Equal(1, proxy.Server.Stats.Value("proxy_proto.versions.v1.found"));
    }

    [Fact]
    public async Task UnknownAndLocal_LeaveTheSocketsAddresses()
    {
        await using var proxy = await ProxyFixture.StartAsync(ProxyProtocol());
        foreach (byte[] header in new[] { "PROXY UNKNOWN\r\n"u8.ToArray(), "PROXY UNKNOWN ff:: what ever\r\n"u8.ToArray(),
            Binary(0x20, 0x00, []), Binary(0x20, 0x11, new byte[12]), Binary(0x21, 0x00, []) })
        {
            await using var client = await proxy.ConnectAsync();
            await client.SendAsync(header);
            Assert.StartsWith("127.0.0.1:", (await client.AskAsync(Get))["x-facts"], StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task BinaryHeader_TellsAddressesAndFields()
    {
        await using var proxy = await ProxyFixture.StartAsync(ProxyProtocol("rules: [{tlv_type: 234, on_tlv_present: {key: id}}]"));
        byte[] addresses = [1, 2, 3, 4, 5, 6, 7, 8, 4, 87, 8, 174];
        foreach (int size in (int[])[5, 60_000])
        {
            await using var client = await proxy.ConnectAsync();
            await client.SendAsync(Binary(0x21, 0x11,
                [.. addresses, .. Field(1, new byte[3]), .. Field(234, Enumerable.Repeat((byte)'v', size).ToArray())]));
            var response = await client.AskAsync(Get);
            Assert.StartsWith("1.2.3.4:1111 127.0.0.1 5.6.7.8:2222 vvvvv", response["x-facts"], StringComparison.Ordinal);
        }
        Assert.Equal(2, proxy.Server.Stats.Value("proxy_proto.versions.v2.found"));
    }

    public static TheoryData<string> Wrong() =>
    [
        "PROXY TCP4 1.2.3.4 5.6.7.8 1111\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1111 65536\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1111 -1\r\n",
        "PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n", "PROXY TCP4 0x1.2.3.4 5.6.7.8 1 2\r\n", "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222 3\r\n", "PROXY UDP4 1.2.3.4 5.6.7.8 1111 2222\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\n"
            + "GET / HTTP/1.1\nhost: a\n\n and more of it until the longest line that there may be is full, which is 107",
        "proxy TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n", "GET / HTTP/1.1\r\nhost: a\r\n\r\n", "\r\n\r\n\0\r\nQUIT\r\n",
    ];

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task WrongHeader_EndsTheConnectionWithoutAWord(string header)
    {
        await using var proxy = await ProxyFixture.StartAsync(ProxyProtocol());
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync(header + (header.Contains("GET", StringComparison.Ordinal) ? "" : Get));
        Assert.Empty(await client.ReadToEndAsync());
        await Eventually.Async(() => proxy.Server.Stats.Value("proxy_proto.not_found_disallowed")
            + proxy.Server.Stats.Value("proxy_proto.versions.v1.error") == 1
            && proxy.Server.Stats.Value("listener.127.0.0.1_0.downstream_cx_active") == 0, "the refusal");
    }

    [Fact]
    public async Task WrongBinaryHeaders_EndTheConnection()
    {
        await using var proxy = await ProxyFixture.StartAsync(ProxyProtocol());
        byte[][] wrong =
        [
            Binary(0x22, 0x11, new byte[12]), Binary(0x11, 0x11, new byte[12]), Binary(0x21, 0x12, new byte[12]),
            Binary(0x21, 0x31, new byte[216]), Binary(0x21, 0x11, new byte[11]),
            Binary(0x21, 0x21, new byte[35]), Binary(0x21, 0x11, [.. new byte[12], 1]), Binary(0x21, 0x11, [.. new byte[12], 1, 0, 9, 1]),
        ];
        foreach (byte[] header in wrong)
        {
            await using var client = await proxy.ConnectAsync();
            await client.SendAsync(header);
            await client.SendAsync(Get);
            Assert.Empty(await client.ReadToEndAsync());
        }
        await Eventually.Async(() => proxy.Server.Stats.Value("proxy_proto.versions.v2.error") == wrong.Length, "all refusals");
    }

    [Fact]
    public async Task WithoutHeader_IsServedWhereItMay()
    {
        await using var proxy = await ProxyFixture.StartAsync(
            ProxyProtocol("allow_requests_without_proxy_protocol: true, disallowed_versions: [V2]"));
        Assert.StartsWith("127.0.0.1:", (await proxy.GetAsync())["x-facts"], StringComparison.Ordinal);
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync("PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n");
        Assert.StartsWith("1.2.3.4:1111", (await client.AskAsync(Get))["x-facts"], StringComparison.Ordinal);
        Assert.Equal(1, proxy.Server.Stats.Value("proxy_proto.not_found_allowed"));
    }

    [Fact]
    public async Task DisallowedVersion_EndsTheConnection()
    {
        await using var proxy = await ProxyFixture.StartAsync(ProxyProtocol("disallowed_versions: [V1], stat_prefix: edge"));
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync("PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n" + Get);
        Assert.Empty(await client.ReadToEndAsync());
        await Eventually.Async(() => proxy.Server.Stats.Value("proxy_proto.edge.versions.v1.disallowed") == 1, "the refusal");
    }

    [Fact]
    public async Task ChainsByRestoredAddresses_AreChosenAfterTheHeader()
    {
        await using var proxy = await ProxyFixture.StartAsync("""
            listeners:
            - name: edge
              address: "127.0.0.1:0"
              listener_filters: [{name: proxy_protocol}]
              filter_chains:
              - {name: a, filter_chain_match: {source_prefix_ranges: [{address_prefix: 1.2.0.0, prefix_len: 16}], direct_source_prefix_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}, filters: [{name: direct_response, typed_config: {response: {inline_string: a}}}]}
              - {name: b, filter_chain_match: {destination_port: 2222}, filters: [{name: direct_response, typed_config: {response: {inline_string: b}}}]}
            """);
        foreach (var (header, chain) in new[] { ("PROXY TCP4 1.2.3.4 5.6.7.8 1111 2223\r\n", "a"),
            ("PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n", "b"), ("PROXY TCP4 1.3.3.4 5.6.7.8 1111 2223\r\n", "") })
        {
            await using var client = await proxy.ConnectAsync();
            await client.SendAsync(header);
            Assert.Equal(chain, Encoding.ASCII.GetString(await client.ReadToEndAsync()));
        }
        await Eventually.Async(() => proxy.Server.Stats.Value("listener.127.0.0.1_0.no_filter_chain_match") == 1,
            "the connection without a chain");
    }

    private const string Inspected = """
        listeners:
        - name: edge
          address: "127.0.0.1:0"
          stat_prefix: edge
          listener_filters_timeout: TIMEOUT
          continue_on_listener_filters_timeout: CONTINUE
          listener_filters: [{name: http_inspector}]
          filter_chains:
          - {name: h10, filter_chain_match: {application_protocols: [http/1.0]}, filters: [{name: direct_response, typed_config: {response: {inline_string: h10}}}]}
          - {name: h11, filter_chain_match: {application_protocols: [http/1.1]}, filters: [{name: direct_response, typed_config: {response: {inline_string: h11}}}]}
          - {name: h2, filter_chain_match: {application_protocols: [h2c]}, filters: [{name: direct_response, typed_config: {response: {inline_string: h2}}}]}
          - {name: rest, filters: [{name: direct_response, typed_config: {response: {inline_string: rest}}}]}
        """;

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n", "h11")]
    [InlineData("PROPPATCH /with/some/path HTTP/1.1\r\n", "h11")]
    [InlineData("GET / HTTP/1.0\r\n", "h10")]
    [InlineData("GET / HTTP/1.1\n", "h11")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "h2")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSMS\r\n\r\n", "rest")]
    [InlineData("GET /\r\n", "rest")]
    [InlineData("SSH-2.0-OpenSSH\r\n", "rest")]
    [InlineData("no(method) / HTTP/1.1\r\n", "rest")]
    public async Task HttpInspector_TellsVersionsApart(string begin, string chain)
    {
        await using var proxy = await ProxyFixture.StartAsync(Inspected.Replace("TIMEOUT", "15s", StringComparison.Ordinal)
            .Replace("CONTINUE", "false", StringComparison.Ordinal));
        foreach (bool slow in (bool[])[false, true])
        {
            await using var client = await proxy.ConnectAsync();
            if (!slow) await client.SendAsync(begin);
            else
                foreach (char c in begin)
                    if (client.Socket.Poll(0, System.Net.Sockets.SelectMode.SelectRead)) break; // decided already
                    else await client.SendAsync(c.ToString());
            Assert.Equal(chain, Encoding.ASCII.GetString(await client.ReadToEndAsync()));
        }
    }

    [Theory]
    [InlineData("false", "")]
    [InlineData("true", "rest")]
    public async Task SilentClient_IsClosedOrServedAtTheTimeOut(string goesOn, string expected)
    {
        await using var proxy = await ProxyFixture.StartAsync(Inspected.Replace("TIMEOUT", "0.1s", StringComparison.Ordinal)
            .Replace("CONTINUE", goesOn, StringComparison.Ordinal));
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync("GE");
        Assert.Equal(expected, Encoding.ASCII.GetString(await client.ReadToEndAsync()));
        Assert.Equal(1, proxy.Server.Stats.Value("listener.edge.downstream_pre_cx_timeout"));
        Assert.Equal(0, proxy.Server.Stats.Value("listener.edge.downstream_pre_cx_active"));
    }

    [Fact]
    public async Task ClientThatGoesWhileItIsLookedAt_LeavesNothing()
    {
        await using var proxy = await ProxyFixture.StartAsync(ProxyProtocol("stat_prefix: p"));
        for (int i = 0; i < 50; i++)
        {
            var client = await proxy.ConnectAsync();
            await client.SendAsync("PROXY TC"[..(i % 9)]);
            if (i % 2 == 0) client.Reset();
            await client.DisposeAsync();
        }
        await Eventually.Async(() => proxy.Server.Stats.Value("listener.127.0.0.1_0.downstream_pre_cx_active") == 0
            && proxy.Server.Stats.Value("listener.127.0.0.1_0.downstream_cx_total") == 50, "all to be gone");
        await using var last = await proxy.ConnectAsync();
        await last.SendAsync("PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n");
        Assert.Equal(200, (await last.AskAsync(Get)).Status);
    }

    [Fact]
    public async Task MutatedHeaders_NeitherCrashNorPass()
    {
        await using var proxy = await ProxyFixture.StartAsync(ProxyProtocol());
        var random = new Random(14);
        byte[] good = Binary(0x21, 0x11, [1, 2, 3, 4, 5, 6, 7, 8, 4, 87, 8, 174, .. Field(234, new byte[20])]);
        for (int i = 0; i < 300; i++)
        {
            byte[] header = i % 2 == 0 ? [.. good] : "PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n"u8.ToArray();
            for (int flips = 1 + random.Next(3); flips > 0; flips--) header[random.Next(header.Length)] = (byte)random.Next(256);
            await using var client = await proxy.ConnectAsync();
            await client.SendAsync(header);
            await client.SendAsync(Get);
            client.EndSending();
            string answer = Encoding.Latin1.GetString(await client.ReadToEndAsync());
            Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 ", StringComparison.Ordinal), answer);
        }
        Assert.Equal(0, proxy.Server.Stats.Value("server.worker_exceptions"));
        await using var last = await proxy.ConnectAsync();
        await last.SendAsync(good);
        Assert.Equal(200, (await last.AskAsync(Get)).Status);
    }

    private static byte[] Binary(byte versionAndCommand, byte family, byte[] content)
    {
        byte[] header = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, versionAndCommand, family, 0, 0,
            .. content];
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(14), (ushort)content.Length);
        return header;
    }

    private static byte[] Field(byte type, byte[] value) => [type, (byte)(value.Length >> 8), (byte)value.Length, .. value];
}
