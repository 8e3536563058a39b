using Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http;

/// <summary>1xx answers: how many, and what is in them (RFC 9110 section 15.2).</summary>
public sealed class InformationalTests
{
    [Fact]
    public async Task Twenty_AreForwarded()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ => string.Concat(Enumerable.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 20))
            + RecordingUpstream.Ok("end");
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        await using var client = await proxy.ConnectAsync();

        for (int round = 0; round < 2; round++) // the count is one request's
        {
            await client.GetAsync();
            for (int i = 0; i < 20; i++) Assert.Equal(103, (await client.ReadAsync()).Status);
            Assert.Equal("end", (await client.ReadAsync()).Text);
        }
        Assert.Equal((0, 2), (proxy.Stat("cluster.up.upstream_rq_informational_overflow"), up.Accepted + 1));
    }

    [Theory]
    [InlineData("HTTP/1.1 103 Early Hints\r\n\r\n")]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\n")]
    [InlineData("HTTP/1.1 102 Processing\r\n\r\n")]
    [InlineData("HTTP/1.1 199 x\r\n\r\n")]
    public async Task MoreThanTwenty_EndTheRequest(string one)
    {
        await using var up = RecordingUpstream.Start();
        up.Script = async peer =>
        {
            await peer.ReadUntilAsync("\r\n\r\n");
            var many = string.Concat(Enumerable.Repeat(one, 1000));
            while (true) await peer.SendAsync(many); // until it is reset
        };
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        await using var client = await proxy.ConnectAsync();

        await client.GetAsync();
        int seen = 0;
        RawResponse answer;
        while ((answer = await client.ReadAsync()).Status < 200) seen++;

        Assert.Equal((20, 502), (seen, answer.Status));
        await Eventually.Async(() => up.Open == 0, "the upstream is reset");
        Assert.Equal((1, 1), (proxy.Stat("cluster.up.upstream_rq_informational_overflow"), proxy.Stat("cluster.up.upstream_rq_502")));
    }

    [Fact]
    public async Task AClientOfHttp10_HasNoneAndTheLimitHolds()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ => string.Concat(Enumerable.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 21)) + RecordingUpstream.Ok("end");
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        await using var client = await proxy.ConnectAsync();
        Assert.Equal(502, (await client.AskAsync("GET / HTTP/1.0\r\nHost: a\r\n\r\n")).Status);
    }

    [Fact]
    public async Task HopByHopFields_StayOnTheirHop()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ =>
            "HTTP/1.1 103 Early Hints\r\nConnection: upgrade, x-hop\r\nUpgrade: h2c\r\nx-hop: 1\r\nKeep-Alive: 5\r\nProxy-Connection: "
                + "close\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\nLink: </a>\r\n\r\n"
            + RecordingUpstream.Ok("end", "Connection: upgrade\r\nUpgrade: h2c\r\n");
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        await using var client = await proxy.ConnectAsync();

        await client.GetAsync();
        var hints = await client.ReadAsync();
        var answer = await client.ReadAsync();

        Assert.Equal((103, "</a>"), (hints.Status, hints["link"]));
        foreach (var name in new[] { "connection", "upgrade", "x-hop", "keep-alive", "proxy-connection", "transfer-encoding",
            "content-length" }) Assert.True(hints[name] is null, name);
        Assert.Equal(("end", null), (answer.Text, answer["upgrade"]));
    }

    [Fact]
    public async Task AFilterThatWantsTheBody_HasItAskedFor()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up,
            filters: """{name: lua, typed_config: {inline_code: "function envoy_on_request(h) h:headers():add('x-body', """
                + """h:body():getBytes(0, 5)) end"}},"""));
        await using var client = await proxy.ConnectAsync();

        // The client sends no byte of its body before it is told to.
        Assert.Equal(100,
            (await client.AskAsync("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")).Status);
        Assert.Equal(200, (await client.AskAsync("hello")).Status);
        Assert.Equal(("hello", null), (Assert.Single(up.Requests)["x-body"], up.Requests[0]["expect"]));
    }
}
