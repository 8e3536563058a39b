using System.Diagnostics;
using Managed.Proxy.Http.Filters.BandwidthLimit;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.BandwidthLimit;

public sealed class BandwidthLimitTests(BandwidthLimitTests.Edge edge) : IClassFixture<BandwidthLimitTests.Edge>
{
    public sealed class Edge : IAsyncLifetime
    {
        public RecordingUpstream Upstream { get; } = RecordingUpstream.Start("up");
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Proxy = await ProxyFixture.StartAsync($$$"""
            clusters: [{name: up, endpoints: ["{{{Upstream.Address}}}"]}]
            listeners:
            - name: edge
              address: 127.0.0.1:0
              per_connection_buffer_limit_bytes: 4096
              http_filters: [{name: bandwidth_limit, typed_config: {stat_prefix: own}}]
              routes:
              - match: {prefix: /down}
                route: {cluster: up}
                typed_per_filter_config: {bandwidth_limit: {stat_prefix: down, enable_mode: RESPONSE, limit_kbps: 20, fill_interval: 0.02s}}
              - match: {prefix: /up}
                route: {cluster: up}
                typed_per_filter_config: {bandwidth_limit: {stat_prefix: up, enable_mode: REQUEST, limit_kbps: 100, fill_interval: 0.02s}}
              - match: {prefix: /off}
                route: {cluster: up}
                typed_per_filter_config: {bandwidth_limit: {stat_prefix: off, enable_mode: REQUEST_AND_RESPONSE, limit_kbps: 1,
                  runtime_enabled: {default_value: false} } }
              - {match: {prefix: /}, route: {cluster: up}}
            """);

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Upstream.DisposeAsync();
        }
    }

    private static readonly string Body = string.Concat(Enumerable.Range(0, 30_000).Select(i => (char)('a' + i % 26)));

    [Fact]
    public void Bucket_GivesNoMoreThanItsRate()
    {
        var bucket = new ByteBucket(1000, firstMicros: 100_000);
        Assert.Equal(100, bucket.Take(500, 0));
        Assert.Equal(0, bucket.Take(500, 0));
        Assert.Equal(50, bucket.Take(500, 50_000));
        Assert.Equal(20, bucket.Take(20, 100_000));
        Assert.Equal(1000, bucket.Take(5000, 10_000_000)); // a second's worth is kept
        Assert.Equal(0, bucket.Take(1, 9_000_000)); // another worker's clock, a little behind
        long taken = 0;
        for (long now = 10_000_000; now < 11_000_000; now += 333) taken += bucket.Take(7, now);
        Assert.InRange(taken, 990, 1000);
    }

    [Theory]
    [InlineData("down", "")]
    [InlineData("up", "3;x=y\r\nabc\r\n0\r\nx-t: 1\r\n\r\n")]
    [InlineData("up", null)]
    public async Task Body_TakesItsTimeAndComesWhole(string direction, string? chunked)
    {
        edge.Upstream.Clear();
        edge.Upstream.Answer = _ => RecordingUpstream.Ok(direction == "down" ? Body : "");
        string prefix = $"{direction}.http_bandwidth_limit.{(direction == "down" ? "response" : "request")}_";
        long before = edge.Proxy.Stat(prefix + "enforced"), held = Held();
        var watch = Stopwatch.StartNew();
        await using var client = await edge.Proxy.ConnectAsync();
        var answer = await client.AskAsync(direction == "down" ? "GET /down HTTP/1.1\r\nHost: a\r\n\r\n"
            : chunked is null ? $"POST /up HTTP/1.1\r\nHost: a\r\ncontent-length: {Body.Length}\r\n\r\n{Body}"
            : $"POST /up HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\n\r\n7530\r\n{Body}\r\n{chunked}");
        // 20 KiB a second: what the bucket has from before is at most a second's, and the rest takes half a second.
        Assert.Equal(200, answer.Status);
        string came = direction == "down" ? answer.Text : edge.Upstream.Requests.Last().Text;
        Assert.Equal(chunked is null or "" ? Body : Body + "abc", came);
        if (direction == "down")
        {
            Assert.True(watch.ElapsedMilliseconds >= 200, $"it came within {watch.ElapsedMilliseconds} ms");
            Assert.True(edge.Proxy.Stat(prefix + "enforced") > before, "it was held"); // once more for each piece that comes later
        }
        Assert.Equal(0, edge.Proxy.Stat(prefix + "pending"));
        Assert.Equal(held, Held()); // what a client that went has left stays

        long Held() => edge.Proxy.Stat(prefix + "incoming_total_size") - edge.Proxy.Stat(prefix + "allowed_total_size");
    }

    [Theory]
    [InlineData("/off")]
    [InlineData("/")]
    public async Task WhatIsOff_LimitsNothing(string path)
    {
        edge.Upstream.Answer = _ => RecordingUpstream.Ok(Body);
        Assert.Equal(Body, (await edge.Proxy.GetAsync(path)).Text);
        Assert.Equal(0, edge.Proxy.Stat("off.http_bandwidth_limit.response_enabled"));
    }

    [Fact]
    public async Task ClientThatGoes_LeavesNothingPending()
    {
        edge.Upstream.Answer = _ => RecordingUpstream.Ok(string.Concat(Enumerable.Repeat(Body, 20)));
        await using (var client = await edge.Proxy.ConnectAsync())
        {
            await client.GetAsync("/down");
            await Eventually.Async(() => edge.Proxy.Stat("down.http_bandwidth_limit.response_pending") == 1, "held");
            client.Reset();
        }
        await Eventually.Async(() => edge.Proxy.Stat("down.http_bandwidth_limit.response_pending") == 0, "given up");
    }

    [Theory]
    [InlineData("stat_prefix: a, enable_mode: REQUEST", "'limit_kbps' is missing")]
    [InlineData("stat_prefix: a, enable_response_trailers: true", "'enable_response_trailers' is not supported")]
    [InlineData("stat_prefix: a, named_bucket_selector: {}", "'named_bucket_selector' is not supported")]
    public void WrongConfiguration_IsRefused(string config, string says)
        => Assert.Contains(edge.Proxy.Build("listeners: [{name: a, address: '127.0.0.1:0', routes: [], http_filters: [{name: "
            + $"bandwidth_limit, typed_config: {{{config}}}}}]}}]").Errors, e => e.Detail.Contains(says, StringComparison.Ordinal));
}
