using System.Text;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Traffic;

/// <summary>Messages of HTTP/1.1 through the proxy on real sockets.</summary>
public sealed class MessageTests
{
    [Fact]
    public async Task BodiesOfBothFramings_ArriveWholeInBothDirections()
    {
        await using var up = RecordingUpstream.Start();
        var large = string.Concat(Enumerable.Repeat("0123456789abcdef", 40_000));
        up.Answer = r => r.Target == "/chunked"
            ? $"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n{large.Length:x}\r\n{large}\r\n0\r\n\r\n"
            : RecordingUpstream.Ok(large);
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());
        await using var client = await proxy.ConnectAsync();

        var byLength = await client.AskAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {large.Length}\r\n\r\n{large}");
        var chunked =
            await client.AskAsync(
                $"POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n{large.Length:X}\r\n{large}"
                    + $"\r\n0\r\n\r\n");

        Assert.Equal(large, byLength.Text);
        Assert.Equal("hello" + large, chunked.Text);
        Assert.Equal([large, "abc" + large], up.Requests.Select(r => r.Text));
        Assert.Equal(1, up.Accepted);
    }

    [Fact]
    public async Task ARequestInSingleBytes_IsTheSame()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());
        await using var client = await proxy.ConnectAsync();

        await client.SendSlowlyAsync(
            "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;e=1\r\nhello\r\n0\r\nX-T: 1\r\n\r\n");

        Assert.Equal(200, (await client.ReadAsync()).Status);
        Assert.Equal("hello", Assert.Single(up.Requests).Text);
    }

    [Fact]
    public async Task Trailers_PassBothWays_ExceptThoseThatFrameOrRoute()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ =>
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 9\r\nContent-Length: 5\r\n\r\n";
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());
        await using var client = await proxy.ConnectAsync();

        var response =
            await client.AskAsync(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\nx-check: 7\r\nHost: evil\r\n\r\n");

        Assert.Equal([new("x-sum", "9")], response.Trailers);
        Assert.Equal([new("x-check", "7")], Assert.Single(up.Requests).Trailers);
    }

    [Fact]
    public async Task PipelinedRequests_AreAnsweredInOrder()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync(string.Concat(Enumerable.Range(0, 50).Select(i => i % 3 == 0
            ? $"POST /{i} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" : $"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n")));

        for (int i = 0; i < 50; i++) Assert.Equal($"up /{i}", (await client.ReadAsync()).Text);
    }

    [Fact]
    public async Task HeadAnd304And204_HaveNoBody_AndTheConnectionGoesOn()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = r => r.Target switch
        {
            "/304" => "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nContent-Length: 99\r\n\r\n",
            "/204" => "HTTP/1.1 204 No Content\r\n\r\n",
            _ => null,
        };
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());
        await using var client = await proxy.ConnectAsync();

        var head = await client.AskAsync("HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n", isHead: true);
        var unchanged = await client.AskAsync("GET /304 HTTP/1.1\r\nHost: a\r\n\r\n");
        var nothing = await client.AskAsync("GET /204 HTTP/1.1\r\nHost: a\r\n\r\n");
        var after = await client.AskAsync("GET /g HTTP/1.1\r\nHost: a\r\n\r\n");

        Assert.Equal(("5", 304, 204, "up /g"), (head["content-length"], unchanged.Status, nothing.Status, after.Text));
        Assert.Equal("\"1\"", unchanged["etag"]);
    }

    [Fact]
    public async Task Expect100Continue_IsPassedOn_AndTheBodyFollows()
    {
        await using var up = RecordingUpstream.Start();
        up.OnHead = (r, peer) => r["expect"] is null ? Task.CompletedTask : peer.SendAsync("HTTP/1.1 100 Continue\r\n\r\n");
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());
        await using var client = await proxy.ConnectAsync();

        var interim = await client.AskAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
        var final = await client.AskAsync("hello");

        Assert.Equal((100, 200), (interim.Status, final.Status));
        Assert.Equal("hello", Assert.Single(up.Requests).Text);
    }

    [Fact]
    public async Task EarlyHints_ReachTheClientBeforeTheAnswer()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ => "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" + RecordingUpstream.Ok("done");
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());
        await using var client = await proxy.ConnectAsync();

        var hints = await client.AskAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var final = await client.ReadAsync();

        Assert.Equal((103, "</a.css>; rel=preload"), (hints.Status, hints["link"]));
        Assert.Equal("done", final.Text);
    }

    [Fact]
    public async Task Http10_IsAnsweredWithoutChunksAndClosed_UnlessItAsksToStay()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = r => r.Target == "/chunked" ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" : null;
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());
        await using var client = await proxy.ConnectAsync();
        await using var keeping = await proxy.ConnectAsync();

        var chunked = await client.AskAsync("GET /chunked HTTP/1.0\r\nHost: a\r\n\r\n");
        var first = await keeping.AskAsync("GET /1 HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
        var second = await keeping.AskAsync("GET /2 HTTP/1.0\r\nHost: a\r\n\r\n");

        Assert.Equal(("hello", null), (chunked.Text, chunked["transfer-encoding"]));
        Assert.True(client.Ended);
        Assert.Equal(("up /1", "up /2"), (first.Text, second.Text));
        Assert.True(await keeping.EndsAsync());
    }

    [Fact]
    public async Task AWebSocketUpgrade_BecomesATunnelInBothDirections()
    {
        await using var up = RecordingUpstream.Start();
        up.Script = async peer =>
        {
            var head = await peer.ReadUntilAsync("\r\n\r\n");
            Assert.Contains("upgrade: websocket", head, StringComparison.OrdinalIgnoreCase);
            await peer.SendAsync(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nfirst");
            while (await peer.ReadSomeAsync() is { Length: > 0 } piece) await peer.SendAsync(piece);
            peer.EndSending();
        };
        await using var proxy = await ProxyFixture.StartAsync(
            (EdgeDocument.To(up) with { Manager = "upgrade_configs: [{upgrade_type: websocket}]" }).ToString());
        await using var client = await proxy.ConnectAsync();

        var answer =
            await client.AskAsync(
                "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: "
                    + "k\r\nSec-WebSocket-Version: 13\r\n\r\n");
        var greeting = await client.ReadTextAsync(5);
        var sent = new byte[300_000];
        new Random(1).NextBytes(sent);
        var sending = client.SendAsync(sent);
        var echoed = await client.ReadBytesAsync(sent.Length);
        await sending;
        client.EndSending();

        Assert.Equal((101, "websocket", "first"), (answer.Status, answer["upgrade"], greeting));
        Assert.Equal(sent, echoed);
        Assert.True(await client.EndsAsync());
    }

    [Fact]
    public async Task AnUpgradeThatIsNotConfigured_IsIgnored()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());
        await using var client = await proxy.ConnectAsync();

        var answer = await client.AskAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");

        Assert.Equal(200, answer.Status);
        var request = Assert.Single(up.Requests);
        Assert.Equal((null, null), (request["upgrade"], request["connection"]));
    }

    [Fact]
    public async Task AnAnswerBeforeTheBodyIsThere_ReachesTheClient()
    {
        await using var up = RecordingUpstream.Start();
        up.Script = async peer =>
        {
            await peer.ReadUntilAsync("\r\n\r\n");
            await peer.SendAsync("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
        };
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());
        await using var client = await proxy.ConnectAsync();

        var answer = await client.AskAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + new string('x', 1000));

        Assert.Equal((413, "no"), (answer.Status, answer.Text));
    }

    [Fact]
    public async Task AnUpstreamThatBreaksOffTheBody_IsNotMadeToLookComplete()
    {
        await using var up = RecordingUpstream.Start();
        up.Script = async peer =>
        {
            var head = await peer.ReadUntilAsync("\r\n\r\n");
            await peer.SendAsync(head.StartsWith("GET /len", StringComparison.Ordinal) ? "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
                : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
        };
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());

        await Assert.ThrowsAsync<WireException>(() => proxy.GetAsync("/len"));
        await Assert.ThrowsAsync<WireException>(() => proxy.GetAsync("/chunked"));
    }

    [Fact]
    public async Task AbsoluteForm_RoutesByItsAuthority()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());
        await using var client = await proxy.ConnectAsync();

        await client.AskAsync("GET http://real.test/x?y HTTP/1.1\r\nHost: other.test\r\n\r\n");

        var request = Assert.Single(up.Requests);
        Assert.Equal(("/x?y", "real.test"), (request.Target, request["host"]));
    }

    [Fact]
    public async Task Latin1FieldValues_PassUnchanged()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ => RecordingUpstream.Ok("x", "x-back: caf\u00e9\r\n");
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());

        var response = await proxy.GetAsync(headers: "x-name: na\u00efve \u00ff\r\n");

        Assert.Equal("na\u00efve \u00ff", up.Requests[0]["x-name"]);
        Assert.Equal("caf\u00e9", response["x-back"]);
        Assert.Equal("caf\u00e9", Encoding.Latin1.GetString(Encoding.Latin1.GetBytes(response["x-back"]!)));
    }
}
