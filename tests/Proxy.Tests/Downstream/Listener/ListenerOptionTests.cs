using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Managed.Proxy.Downstream.Listener;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.Listener;

/// <summary>Addresses and sockets of listeners.</summary>
public sealed class ListenerOptionTests
{
    private static string Listener(string fields, string body = "%DOWNSTREAM_LOCAL_ADDRESS%", string name = "edge",
        string address = "127.0.0.1:0")
        => $"- {{name: {name}, address: \"{address}\", stat_prefix: {name}, {fields} routes: [{{match: {{prefix: /}}, direct_response: "
            + $"{{status: 200}}, response_headers_to_add: [{{header: {{key: x-facts, value: \"{body}\"}}}}]}}]}}\n";

    [Fact]
    public async Task AdditionalAddresses_AreServedAsTheFirst()
    {
        string path = Path.Combine(Path.GetTempPath(), $"more-{Guid.NewGuid():N}.sock");
        string more = "additional_addresses: [{address: \"127.0.0.1:0\"}, {address: \"127.0.0.2:0\"}, {address: \"unix://" + path + "\"}],";
        await using var proxy = await ProxyFixture.StartAsync("listeners:\n" + Listener(more), workers: 2);
        var view = Assert.Single(proxy.Server.Listeners());
        Assert.Equal(3, view.AdditionalAddresses.Count);
        foreach (string at in view.AdditionalAddresses.Take(2).Append(view.BoundAddress))
        {
            await using var client = await RawClient.ConnectAsync(IPEndPoint.Parse(at));
            await client.GetAsync();
            Assert.Equal(at, (await client.ReadAsync())["x-facts"]);
        }
        await using (var client = await RawClient.ConnectAsync(new UnixDomainSocketEndPoint(path)))
        {
            await client.GetAsync();
            Assert.Equal(200, (await client.ReadAsync()).Status);
        }
        Assert.Equal(4, proxy.Stat("listener.edge.downstream_cx_total"));
        // One goes, and the connections of the others stay.
        await using var stays = await RawClient.ConnectAsync(IPEndPoint.Parse(view.AdditionalAddresses[0]));
        await using var goes = await RawClient.ConnectAsync(IPEndPoint.Parse(view.AdditionalAddresses[1]));
        foreach (var client in (RawClient[])[stays, goes])
        {
            await client.GetAsync();
            await client.ReadAsync();
        }
        await proxy.PublishAsync("listeners:\n" + Listener("additional_addresses: [{address: \"127.0.0.1:0\"}], drain_timeout: 100ms,"));
        Assert.True(await goes.EndsAsync());
        await stays.GetAsync();
        Assert.Equal(view.AdditionalAddresses[0], (await stays.ReadAsync())["x-facts"]);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task AddressOfTwo_IsAConflict()
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        int port = FreePort.Next();
        var built = proxy.Build("listeners:\n" + Listener($"additional_addresses: [{{address: \"127.0.0.1:{port}\"}}],")
            + Listener("transparent: true,", name: "other", address: $"127.0.0.1:{port}"));
        Assert.Contains(built.Errors, e => e.Detail.Contains("already has the address", StringComparison.Ordinal));
    }

    [Fact]
    public async Task SocketOptions_AreInheritedByConnections()
    {
        const string options = "tcp_keepalive: {keepalive_probes: 5, keepalive_time: 77, keepalive_interval: 9}, "
            + "socket_options: [{level: 1, name: 8, int_value: 98304}, {level: 6, name: 12, buf_value: AQAAAA==, state: STATE_LISTENING}], "
            + "tcp_fast_open_queue_length: 16, freebind: true, tcp_backlog_size: 77,";
        await using var proxy = await ProxyFixture.StartAsync("listeners:\n" + Listener(options));
        await using var client = await proxy.ConnectAsync();
        await client.GetAsync();
        Assert.Equal(200, (await client.ReadAsync()).Status);
        // ss shows what the kernel has of it.
        if (!Tool.IsThere("ss")) return;
        string port = proxy.Port().ToString(CultureInfo.InvariantCulture);
        string shown = await Tool.RunAsync("ss", $"-Htnoml sport = :{port}") + await Tool.RunAsync("ss", $"-Htno sport = :{port}");
        Assert.Contains("timer:(keepalive,1min", shown, StringComparison.Ordinal);
        Assert.Contains(" 77 ", shown, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("socket_options: [{level: 999, name: 1, int_value: 1}],", "cannot set socket option 999/1")]
    [InlineData("socket_options: [{level: 999, name: 1, int_value: 1, state: STATE_BOUND}],", "cannot set socket option 999/1")]
    [InlineData("socket_options: [{level: 999, name: 1, int_value: 1, state: STATE_LISTENING}],", "cannot set socket option 999/1")]
    public async Task OptionThatCannotBeSet_FailsThePublication(string fields, string expected)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        var result = await proxy.TryPublishAsync("listeners:\n" + Listener(fields));
        Assert.False(result.Applied);
        Assert.Contains(expected, Assert.Single(result.Errors).Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "freebind: true,")]
    [InlineData("", "enable_reuse_port: false,")]
    [InlineData("enable_reuse_port: false,", "")]
    [InlineData("enable_reuse_port: false,", "enable_reuse_port: false, freebind: true,")]
    public async Task OtherOptions_GetSocketsOfTheirOwnOnTheSameAddress(string before, string after)
    {
        string address = $"127.0.0.1:{FreePort.Next()}";
        await using var proxy = await ProxyFixture.StartAsync("listeners:\n" + Listener(before, "before", address: address), workers: 2);
        await using var held = await proxy.ConnectAsync();
        await held.GetAsync();
        Assert.Equal("before", (await held.ReadAsync())["x-facts"]);
        await proxy.PublishAsync("listeners:\n" + Listener(after, "after", address: address));
        for (int i = 0; i < 8; i++) Assert.Equal("after", (await proxy.GetAsync())["x-facts"]);
        // A socket of somebody else does not get the port.
        using var thief = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.ThrowsAny<SocketException>(() => thief.Bind(IPEndPoint.Parse(address)));
    }

    [Fact]
    public async Task ExactBalance_GivesEachWorkerItsShare()
    {
        await using var proxy = await ProxyFixture.StartAsync(
            "listeners:\n" + Listener("connection_balance_config: {exact_balance: {}},"), workers: 4);
        var clients = new List<RawClient>();
        try
        {
            for (int i = 0; i < 20; i++)
            {
                clients.Add(await proxy.ConnectAsync());
                await clients[^1].GetAsync();
                Assert.Equal(200, (await clients[^1].ReadAsync()).Status);
            }
            Assert.Equal([5, 5, 5, 5], proxy.Server.Workers().Select(w => (int)w.Connections));
        }
        finally
        {
            foreach (var client in clients) await client.DisposeAsync();
        }
        await Eventually.Async(() => proxy.Server.Workers().All(w => w.Connections == 0), "all are gone");
        Assert.Equal(20, proxy.Stat("listener.edge.downstream_cx_destroy"));
    }

    [Fact]
    public void Balance_IsOfThoseThatAreThere()
    {
        var balance = new ExactBalance(3);
        Assert.Equal([1, 0, 2], [balance.Enter(1), balance.Enter(1), balance.Enter(1)]);
        balance.Leave(0);
        Assert.Equal(0, balance.Enter(2));
        balance.EnterAt(2);
        Assert.Equal([1, 1, 2], balance.Counts);
    }

    [Fact]
    public async Task Drain_IsOfThoseThatItIsMeantFor()
    {
        await using var proxy = await ProxyFixture.StartAsync("listeners:\n"
            + Listener("traffic_direction: INBOUND, drain_type: MODIFY_ONLY,", name: "in")
            + Listener("traffic_direction: OUTBOUND,", name: "out"));
        foreach (var (drain, drained, stays) in ((Action, string, string)[])[
            (() => proxy.Server.DrainListeners(inboundOnly: true), "in", "out"),
            (() => proxy.Server.DrainListeners(unhealthy: true), "out", "in")])
        {
            await using var goes = await proxy.ConnectAsync(drained);
            await using var other = await proxy.ConnectAsync(stays);
            foreach (var client in (RawClient[])[goes, other])
            {
                await client.GetAsync();
                await client.ReadAsync();
            }
            drain();
            await Eventually.TrueAsync(async () =>
            {
                await goes.GetAsync();
                return (await goes.ReadAsync())["connection"] == "close";
            }, "it is told to close");
            await other.GetAsync();
            Assert.Null((await other.ReadAsync())["connection"]);
        }
    }

    [Fact]
    public async Task OriginalDestination_HandsOnToTheListenerOfTheAddress()
    {
        // A PROXY header restores an address as the system's table does.
        const string Filters = "use_original_dst: true, listener_filters: [{name: proxy_protocol}],";
        await using var proxy = await ProxyFixture.StartAsync("listeners:\n" + Listener(Filters, "first")
            + Listener("bind_to_port: false,", "exact", "exact", "10.9.9.9:80")
            + Listener("bind_to_port: false,", "any", "any", "0.0.0.0:81")
            + Listener("bind_to_port: false,", "secure", "secure", "10.9.9.9:443"));
        foreach (var (to, port, expected) in ((string, int, string)[])[("10.9.9.9", 80, "exact"), ("10.1.1.1", 81, "any"),
            ("10.1.1.1", 80, "first"), ("10.9.9.9", 443, "secure")])
        {
            await using var client = await proxy.ConnectAsync();
            await client.SendAsync($"PROXY TCP4 1.2.3.4 {to} 1111 {port}\r\n");
            Assert.Equal(expected, (await client.AskAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n"))["x-facts"]);
        }
        await Eventually.Async(() => ((string[])["edge", "exact", "any", "secure"]).All(
            l => proxy.Stat($"listener.{l}.downstream_cx_active") == 0), "all are gone");
        Assert.Equal(1, proxy.Stat("listener.exact.downstream_cx_total"));
        await Assert.ThrowsAnyAsync<Exception>(() => RawClient.ConnectAsync(new IPEndPoint(IPAddress.Loopback, 81)));
    }
}
