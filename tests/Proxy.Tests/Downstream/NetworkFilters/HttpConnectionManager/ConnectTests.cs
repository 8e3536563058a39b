using System.Net.Sockets;
using System.Text;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;

/// <summary>CONNECT: ended here towards TCP, or passed on to endpoints that speak HTTP/1 or HTTP/2; from clients of both.</summary>
public sealed class ConnectTests(ConnectTests.Chain chain) : IClassFixture<ConnectTests.Chain>
{
    private static async Task<string> ReadAsync(Socket socket, Func<string, bool> enough)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(Eventually.Limit));
        var text = new StringBuilder();
        byte[] buffer = new byte[4096];
        while (!enough(text.ToString()))
        {
            int n = await socket.ReceiveAsync(buffer, SocketFlags.None, limit.Token);
            if (n == 0) break;
            text.Append(Encoding.Latin1.GetString(buffer, 0, n));
        }
        return text.ToString();
    }

    [Theory]
    [InlineData("tcp")]
    [InlineData("one")]
    [InlineData("two")]
    public async Task Http1_GetsATunnel(string to)
    {
        await using var client = await chain.Front.ConnectAsync();
        // What comes with the head is the tunnel's already.
        await client.SendAsync($"CONNECT {to}.test:80 HTTP/1.1\r\nhost: other\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nearly ");
        string head = await ReadAsync(client.Socket, t => t.Contains("\r\n\r\n", StringComparison.Ordinal));
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", head, StringComparison.Ordinal);
        foreach (string no in (string[])["content-length", "transfer-encoding", "upgrade", "connection"])
            Assert.DoesNotContain("\r\n" + no + ":", head, StringComparison.OrdinalIgnoreCase);
        await client.SendAsync("late");
        string echoed = head[(head.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
        if (echoed.Length < 10) echoed += await ReadAsync(client.Socket, t => echoed.Length + t.Length >= 10);
        Assert.Equal("early late", echoed);
        client.Socket.Shutdown(SocketShutdown.Send);
        Assert.True(await client.EndsAsync());
    }

    [Theory]
    [InlineData("tcp")]
    [InlineData("one")]
    [InlineData("two")]
    public async Task Http2_GetsATunnel(string to)
    {
        await using var peer = await Http2Peer.ConnectAsync(chain.Front.Port());
        await peer.SendAsync(new Http2Script().Headers(1, false, ":method: CONNECT", $":authority: {to}.test:80"));
        await peer.SendAsync(new Http2Script().Data(1, "hello").Data(1, " there", ends: true));
        var frames = await peer.ReadStreamAsync(1);
        Assert.Equal("hello there", Encoding.Latin1.GetString([.. frames.Where(f => f.Type == FrameType.Data).SelectMany(f => f.Payload)]));
        Assert.True(frames[^1].Ends);
        Assert.Equal(FrameType.Headers, frames[0].Type);
    }

    [Theory]
    [InlineData("CONNECT refused.test:80 HTTP/1.1\r\nhost: a\r\n", 403)]
    [InlineData("CONNECT dead.test:80 HTTP/1.1\r\nhost: a\r\n", 503)]
    [InlineData("CONNECT nobody.test:80 HTTP/1.1\r\nhost: a\r\n", 503)]
    [InlineData("CONNECT answered.test:80 HTTP/1.1\r\nhost: a\r\n", 418)]
    [InlineData("CONNECT unhappy.test:80 HTTP/1.1\r\nhost: a\r\n", 503)] // what the endpoint says to it
    [InlineData("CONNECT tcp.test HTTP/1.1\r\nhost: a\r\n", 400)]
    [InlineData("CONNECT tcp.test: HTTP/1.1\r\nhost: a\r\n", 400)]
    [InlineData("CONNECT /path HTTP/1.1\r\nhost: a\r\n", 400)]
    [InlineData("CONNECT http://tcp.test:80/ HTTP/1.1\r\nhost: a\r\n", 400)]
    [InlineData("CONNECT tcp.test:80 HTTP/1.0\r\nhost: a\r\n", 400)]
    [InlineData("CONNECT tcp.test:80 HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n", 400)]
    [InlineData("CONNECT tcp.test:80 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nhost: tcp.test:80\r\nupgrade: CONNECT\r\nconnection: upgrade\r\n", 200)] // no CONNECT, no upgrade
    [InlineData("GET / HTTP/1.1\r\nhost: tcp.test:80\r\n", 200)]
    public async Task WhatGetsNoTunnel_IsAnswered(string head, int status)
    {
        await using var client = await chain.Front.ConnectAsync();
        Assert.Equal(status, (await client.AskAsync(head + "\r\n")).Status);
    }

    [Fact]
    public async Task WithoutARouteForIt_NobodyMayAsk()
    {
        await using var client = await chain.Back.ConnectAsync("plain");
        Assert.Equal(405, (await client.AskAsync("CONNECT a.test:80 HTTP/1.1\r\nhost: a\r\n\r\n")).Status);
    }

    [Fact]
    public async Task WhoLeavesWhileItIsConnected_LeavesNothing()
    {
        for (int i = 0; i < 5; i++)
            await using (var client = await chain.Front.ConnectAsync())
            {
                await client.SendAsync("CONNECT tcp.test:80 HTTP/1.1\r\nhost: a\r\n\r\n");
                client.Socket.LingerState = new LingerOption(true, 0);
            }
        await Eventually.Async(() => chain.Front.Stat("cluster.tcp.upstream_cx_active") == 0
            && chain.Front.Stat("http.edge.downstream_rq_active") == 0, "all are gone");
    }

    [Fact]
    public void ConnectConfigOfAnotherUpgrade_IsAnError()
        => Assert.Contains(chain.Front.Build("clusters: [{name: up, endpoints: [\"127.0.0.1:1\"]}]\nlisteners: [{name: l, address: "
            + "\"127.0.0.1:0\", routes: [{match: {prefix: /}, route: {cluster: up, upgrade_configs: [{upgrade_type: websocket, "
            + "connect_config: {}}]}}]}]").Errors, e => e.Detail.Contains("connect_config is for CONNECT", StringComparison.Ordinal));

    public sealed class Chain : IAsyncLifetime
    {
        private readonly RecordingUpstream _echo = RecordingUpstream.Start();

        public ProxyFixture Back { get; private set; } = null!;
        public ProxyFixture Front { get; private set; } = null!;

        private static string Connect(string host, string action)
            => $"{{match: {{connect_matcher: {{}}, headers: [{{name: \":authority\", string_match: {{contains: \"{host}.test:80\"}}}}]}}, "
                + $"{action}}}, ";

        private static string Any(string action) => $"{{match: {{connect_matcher: {{}}}}, {action}}}, ";

        private static string Ends(string cluster)
            => $"route: {{cluster: {cluster}, upgrade_configs: [{{upgrade_type: CONNECT, connect_config: {{}}}}]}}";

        private static string Listener(string name, string routes) => Edge.Listener(name,
            "upgrade_configs: [{upgrade_type: CONNECT}], http2_protocol_options: {allow_connect: true}, normalize_path: true, "
                + "strip_any_host_port: true,",
            $"{{name: all, domains: [\"*\"], routes: [{routes} {{match: {{prefix: /}}, direct_response: {{status: 200}}}}]}}");

        public async ValueTask InitializeAsync()
        {
            _echo.Script = async peer =>
            {
                while (await peer.ReadSomeAsync() is { Length: > 0 } bytes) await peer.SendAsync(bytes);
                peer.EndSending();
            };
            string tcp = $"{{name: tcp, endpoints: [\"{_echo.Address}\"]}}";
            string dead = $"{{name: dead, endpoints: [\"127.0.0.1:{FreePort.Next()}\"]}}";
            Back = await ProxyFixture.StartAsync($"clusters: [{tcp}, {dead}]\nlisteners:\n- "
                + Listener("connect", Connect("unhappy", Ends("dead")) + Any(Ends("tcp")))
                + "\n- {name: plain, address: \"127.0.0.1:0\", routes: [{match: {prefix: /}, direct_response: {status: 200}}]}\n");
            string back = Back.EndPoint("connect").ToString();
            Front = await ProxyFixture.StartAsync($"clusters: [{tcp}, {dead}, {{name: nobody, endpoints: []}}, {{name: one, endpoints: "
                + $"[\"{back}\"]}}, {{name: two, endpoints: [\"{back}\"], http2: true}}]\nlisteners:\n- " + Listener("edge",
                    Connect("one", "route: {cluster: one}") + Connect("two", "route: {cluster: two}")
                    + Connect("unhappy", "route: {cluster: one}")
                    + Connect("refused", "route: {cluster: tcp, upgrade_configs: [{upgrade_type: CONNECT, enabled: false}]}")
                    + Connect("dead", Ends("dead")) + Connect("nobody", Ends("nobody"))
                    + Connect("answered", "direct_response: {status: 418}") + Any(Ends("tcp"))) + "\n");
        }

        public async ValueTask DisposeAsync()
        {
            await Front.DisposeAsync();
            await Back.DisposeAsync();
            await _echo.DisposeAsync();
        }
    }
}
