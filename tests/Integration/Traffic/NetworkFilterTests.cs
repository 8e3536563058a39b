using System.Text;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Traffic;

public sealed class NetworkFilterTests
{
    private static string Tcp(RecordingUpstream up, string lines = "") => $$"""
        listeners:
        - name: edge
          address: 127.0.0.1:0
          filter_chains:
          - name: main
            filters:
            - name: tcp_proxy
              typed_config: {stat_prefix: t, cluster: up {{(lines.Length > 0 ? ", " + lines : "")}} }
        clusters:
        - {name: up, endpoints: ["{{up.Address}}"]}
        """;

    [Fact]
    public async Task TcpProxy_PassesBytesAndTheHalfClose()
    {
        await using var up = RecordingUpstream.Start();
        up.Script = async peer =>
        {
            var got = new MemoryStream();
            while (await peer.ReadSomeAsync() is { Length: > 0 } piece) got.Write(piece);
            await peer.SendAsync($"got {got.Length}");
        };
        await using var proxy = await ProxyFixture.StartAsync(Tcp(up));
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync(new byte[1_000_000]);
        client.EndSending();

        Assert.Equal("got 1000000", Encoding.ASCII.GetString(await client.ReadToEndAsync()));
        Assert.False(client.WasReset);
    }

    [Fact]
    public async Task TcpProxy_ResetOfTheUpstream_BecomesAResetOfTheClient()
    {
        await using var up = RecordingUpstream.Start();
        up.Script = async peer =>
        {
            await peer.ReadSomeAsync();
            peer.Close(reset: true);
        };
        await using var proxy = await ProxyFixture.StartAsync(Tcp(up));
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync("hello");
        await client.ReadToEndAsync();

        Assert.True(client.WasReset);
        await Eventually.Async(() => proxy.Stat("tcp.t.downstream_cx_active") == 0, "the session to end");
    }

    [Fact]
    public async Task TcpProxy_ResetOfTheClient_ReachesTheUpstream()
    {
        await using var up = RecordingUpstream.Start();
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        up.Script = async peer =>
        {
            await peer.SendAsync("hi");
            try { await peer.ReadSomeAsync(); }
            catch (System.Net.Sockets.SocketException) { }
            ended.SetResult();
        };
        await using var proxy = await ProxyFixture.StartAsync(Tcp(up));
        var client = await proxy.ConnectAsync();
        await client.ReadBytesAsync(2);

        client.Reset();

        await ended.Task.WaitAsync(TimeSpan.FromSeconds(Eventually.Limit));
    }

    [Fact]
    public async Task TcpProxy_AnIdleSession_IsClosed()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Tcp(up, "idle_timeout: 0.2s"));
        await using var client = await proxy.ConnectAsync();

        Assert.True(await client.EndsAsync());
        Assert.Equal(1, proxy.Stat("tcp.t.idle_timeout"));
    }

    [Fact]
    public async Task TcpProxy_NobodyListens_TheClientIsClosed()
    {
        await using var up = RecordingUpstream.Start();
        var document = Tcp(up).Replace(up.Address, $"127.0.0.1:{FreePort.Next()}", StringComparison.Ordinal);
        await using var proxy = await ProxyFixture.StartAsync(document);
        await using var client = await proxy.ConnectAsync();

        Assert.True(await client.EndsAsync());
    }

    [Fact]
    public async Task Echo_GivesBackWhatItGets()
    {
        await using var proxy = await ProxyFixture.StartAsync("""
            listeners:
            - {name: edge, address: "127.0.0.1:0", filter_chains: [{name: main, filters: [{name: echo}]}]}
            """);
        await using var client = await proxy.ConnectAsync();
        var sent = new byte[200_000];
        new Random(7).NextBytes(sent);

        var sending = client.SendAsync(sent);
        var back = await client.ReadBytesAsync(sent.Length);
        await sending;
        client.EndSending();

        Assert.Equal(sent, back);
        Assert.True(await client.EndsAsync());
    }

    [Fact]
    public async Task DirectResponse_SaysItsTextAndCloses()
    {
        await using var proxy = await ProxyFixture.StartAsync("""
            listeners:
            - name: edge
              address: 127.0.0.1:0
              filter_chains: [{name: main, filters: [{name: direct_response, typed_config: {response: {inline_string: "go away\n"}}}]}]
            """);
        await using var client = await proxy.ConnectAsync();

        Assert.Equal("go away\n", Encoding.ASCII.GetString(await client.ReadToEndAsync()));
        Assert.False(client.WasReset);
    }

    [Fact]
    public async Task FilterChainMatch_ChoosesByTheSourcesAddress()
    {
        await using var proxy = await ProxyFixture.StartAsync("""
            listeners:
            - name: edge
              address: 127.0.0.1:0
              filter_chains:
              - {name: one, filter_chain_match: {source_prefix_ranges: [{address_prefix: 127.0.0.7, prefix_len: 32}]}, filters: [{name: direct_response, typed_config: {response: {inline_string: one}}}]}
              - {name: net, filter_chain_match: {source_prefix_ranges: [{address_prefix: 127.0.0.0, prefix_len: 24}]}, filters: [{name: direct_response, typed_config: {response: {inline_string: net}}}]}
              - {name: rest, filter_chain_match: {source_prefix_ranges: [{address_prefix: 127.0.1.0, prefix_len: 24}]}, filters: [{name: direct_response, typed_config: {response: {inline_string: rest}}}]}
            """);

        async Task<string> FromAsync(string address)
        {
            await using var client = await RawClient.ConnectAsync(proxy.EndPoint(),
                from: new System.Net.IPEndPoint(System.Net.IPAddress.Parse(address), 0));
            return Encoding.ASCII.GetString(await client.ReadToEndAsync());
        }

        Assert.Equal(("one", "net", "rest", ""),
            (await FromAsync("127.0.0.7"), await FromAsync("127.0.0.8"), await FromAsync("127.0.1.1"), await FromAsync("127.0.2.1")));
    }

    [Fact]
    public async Task FilterChainMatch_AStepOnceTaken_IsNotTakenBack()
    {
        await using var proxy = await ProxyFixture.StartAsync("""
            listeners:
            - name: edge
              address: 127.0.0.1:0
              filter_chains:
              - {name: local, filter_chain_match: {source_type: SAME_IP_OR_LOOPBACK, source_prefix_ranges: [{address_prefix: 127.0.1.0, prefix_len: 24}]}, filters: [{name: direct_response, typed_config: {response: {inline_string: local}}}]}
              - {name: exact, filter_chain_match: {source_prefix_ranges: [{address_prefix: 127.0.0.7, prefix_len: 32}]}, filters: [{name: direct_response, typed_config: {response: {inline_string: exact}}}]}
            """);
        // The source's type is looked at before its address, so the first chain is the only one left, and it does not match (Envoy's
        // order).
        await using var client = await RawClient.ConnectAsync(proxy.EndPoint(),
            from: new System.Net.IPEndPoint(System.Net.IPAddress.Parse("127.0.0.7"), 0));

        Assert.Empty(await client.ReadToEndAsync());
        await Eventually.Async(() => proxy.Server.Stats.Read()
            .Any(s => s.Name.EndsWith("no_filter_chain_match", StringComparison.Ordinal) && s.Value == 1), "the refusal to be counted");
    }
}
