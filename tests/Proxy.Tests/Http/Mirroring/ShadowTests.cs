using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Mirroring;

/// <summary>Copies of requests, on real sockets: what of them arrives, and that the request itself does not care.</summary>
public sealed class ShadowTests(ShadowFixture fixture) : IClassFixture<ShadowFixture>
{
    private static int s_case;

    private ProxyFixture Proxy => fixture.Proxy;

    private static string Target(string route) => $"{route}{Interlocked.Increment(ref s_case)}";

    [Theory]
    [InlineData("/to/", "shop.test", "", "shop.test-shadow")]
    [InlineData("/to/", "shop.test:8080", "", "shop.test-shadow:8080")]
    [InlineData("/to/", "[::1]:80", "", "[::1]-shadow:80")]
    [InlineData("/to/", "[::1]", "", "[::1]-shadow")]
    [InlineData("/plain/", "shop.test", "", "shop.test")]
    [InlineData("/named/", "shop.test", "", "copies.test-shadow:81")]
    [InlineData("/header/", "shop.test", "x-copy: copy\r\n", "shop.test-shadow")]
    [InlineData("/host/", "shop.test", "", "shop.test-shadow")]
    [InlineData("/x", "table.test", "", "table.test-shadow")]
    public async Task Request_IsCopiedWithAHostOfItsOwn(string route, string host, string headers, string copied)
    {
        string target = Target(route);
        var response = await Proxy.GetAsync(target, host, headers);
        string sent = target.Replace("/to/", "/at/", StringComparison.Ordinal);
        Assert.Equal($"main {sent}", response.Text);
        await Eventually.Async(() => fixture.Copy.Requests.Any(r => r.Target == sent), "the copy");
        Assert.Equal(copied, fixture.Copy.Requests.Single(r => r.Target == sent)["host"]);
        Assert.Equal(host, fixture.Main.Requests.Single(r => r.Target == sent)["host"]);
        if (route == "/to/") Assert.Equal("yes", fixture.Copy.Requests.Single(r => r.Target == sent)["x-added"]);
    }

    [Theory]
    [InlineData("/none/", "")]
    [InlineData("/header/", "")]
    [InlineData("/header/", "x-copy: nobody\r\n")]
    [InlineData("/to/", "connection: upgrade\r\nupgrade: websocket\r\n")]
    public async Task RequestOutsideOfThePolicy_IsNotCopied(string route, string headers)
    {
        string target = Target(route), last = Target("/plain/");
        Assert.Equal(200, (await Proxy.GetAsync(target, headers: headers)).Status);
        Assert.Equal(200, (await Proxy.GetAsync(last)).Status);
        await Eventually.Async(() => fixture.Copy.Requests.Any(r => r.Target == last), "a later copy");
        Assert.DoesNotContain(fixture.Copy.Requests, r => r.Target.EndsWith(target[target.LastIndexOf('/')..], StringComparison.Ordinal));
    }

    [Fact]
    public async Task Share_IsThatOfTheRequests()
    {
        await using var client = await Proxy.ConnectAsync();
        for (int i = 0; i < 200; i++)
        {
            await client.GetAsync("/half/");
            await client.ReadAsync();
        }
        await Eventually.Async(() => Proxy.Stat("cluster.half.upstream_rq_active") == 0, "copies are over");
        Assert.InRange(Proxy.Stat("cluster.half.upstream_rq_total"), 50, 150); // 7 deviations
    }

    [Theory]
    [InlineData("content-length: 20\r\n", "01234567890123456789", "")]
    [InlineData("transfer-encoding: chunked\r\n", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "")]
    [InlineData("transfer-encoding: chunked\r\n", "5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n", "1")]
    [InlineData("expect: 100-continue\r\ncontent-length: 5\r\n", "hello", "")]
    public async Task Body_IsCopiedToAll(string headers, string body, string trailer)
    {
        string target = Target("/both/");
        await using var client = await Proxy.ConnectAsync();
        await client.SendAsync($"POST {target} HTTP/1.1\r\nHost: a.test\r\n{headers}\r\n{body}");
        RawResponse response;
        while ((response = await client.ReadAsync()).IsInterim) { }
        Assert.Equal(200, response.Status);
        await Eventually.Async(() => fixture.Copy.Requests.Any(r => r.Target == target), "the copy");
        var (main, copy) = (fixture.Main.Requests.Single(r => r.Target == target), fixture.Copy.Requests.Single(r => r.Target == target));
        Assert.Equal(main.Text, copy.Text);
        Assert.Equal(main["content-length"], copy["content-length"]);
        Assert.Null(copy["expect"]);
        Assert.Equal(trailer, string.Join(",", copy.Trailers.Select(t => t.Value)));
        await Eventually.Async(() => Proxy.Stat("cluster.two.upstream_rq_active") == 0 && Proxy.Stat("cluster.two.upstream_rq_200") > 0,
            "the copy over HTTP/2");
    }

    [Fact]
    public async Task CopiesThatFail_ChangeNothingForTheRequest()
    {
        Assert.Equal(200, (await Proxy.GetAsync(Target("/dead/"))).Status);
        await Eventually.Async(() => Proxy.Stat("cluster.dead.upstream_rq_503") == 1 && Proxy.Stat("cluster.full.upstream_rq_503") == 1
            && Proxy.Stat("cluster.empty.upstream_rq_503") == 1, "each is counted");
        Assert.Equal(1, Proxy.Stat("cluster.full.upstream_rq_pending_overflow"));
        Assert.Equal(0, Proxy.Stat("cluster.dead.upstream_rq_active"));
    }

    [Fact]
    public async Task CopyWithoutAnAnswer_EndsWithTheRoutesTimeout()
    {
        Assert.Equal(200, (await Proxy.GetAsync(Target("/silent/"))).Status);
        await Eventually.Async(() => Proxy.Stat("cluster.silent.upstream_rq_504") > 0, "given up");
        Assert.True(Proxy.Stat("cluster.silent.upstream_rq_timeout") > 0);
        await Eventually.Async(() => Proxy.Stat("cluster.silent.upstream_rq_active") == 0, "and over");
    }

    [Fact]
    public async Task BodyThatTheCopyDoesNotTake_IsGivenUp_AndTheRequestGoesOn()
    {
        long before = Proxy.Stat("cluster.silent.retry_or_shadow_abandoned");
        string target = Target("/silent/"), body = new('x', 8 << 20);
        await using var client = await Proxy.ConnectAsync();
        await client.SendAsync($"POST {target} HTTP/1.1\r\nHost: a.test\r\ncontent-length: {body.Length}\r\n\r\n");
        await client.SendAsync(body);
        Assert.Equal(200, (await client.ReadAsync()).Status);
        Assert.Equal(body.Length, fixture.Main.Requests.Single(r => r.Target == target).Body.Length);
        await Eventually.Async(() => Proxy.Stat("cluster.silent.retry_or_shadow_abandoned") == before + 1, "counted");
        await Eventually.Async(() => Proxy.Stat("cluster.silent.upstream_rq_active") == 0, "and over");
    }

    [Fact]
    public async Task ClientThatLeavesWithinItsBody_TakesTheCopyWithIt()
    {
        string target = Target("/to/");
        var client = await Proxy.ConnectAsync();
        await client.SendAsync($"POST {target} HTTP/1.1\r\nHost: a.test\r\ncontent-length: 100\r\n\r\nhalf");
        await Eventually.Async(() => Proxy.Stat("cluster.copy.upstream_rq_active") > 0, "the copy is under way");
        client.Reset();
        await Eventually.Async(() => Proxy.Stat("cluster.copy.upstream_rq_active") == 0, "and given up");
        Assert.DoesNotContain(fixture.Copy.Requests, r => r.Target == target.Replace("/to/", "/at/", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("{cluster: nobody}", "cluster 'nobody' does not exist")]
    [InlineData("{cluster: main, cluster_header: x}", "cluster_header")]
    [InlineData("{}", "cluster")]
    [InlineData("{cluster_header: 'a b'}", "is not a header name")]
    [InlineData("{cluster: main, trace_sampled: true}", "'trace_sampled' is not supported")]
    [InlineData("{cluster: main, request_headers_mutations: []}", "'request_headers_mutations' is not supported")]
    [InlineData("{cluster: main, host_rewrite_literal: 'a b'}", "is not a host")]
    public void Mistake_IsSaid(string policy, string message)
    {
        var built = Proxy.Build($$"""
            listeners:
            - name: edge
              address: "127.0.0.1:0"
              routes: [{match: {prefix: /}, route: {cluster: main, request_mirror_policies: [{{policy}}] } }]
            clusters: [{name: main, endpoints: ["127.0.0.1:1"]}]
            """);
        Assert.Contains(built.Errors, e => e.Detail.Contains(message, StringComparison.Ordinal));
    }
}
