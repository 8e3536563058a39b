using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http;

/// <summary>The time that each filter took: one value for each stream and direction in which it has hooks.</summary>
public sealed class FilterTimeTests
{
    private const string Yaml = """
        listeners:
        - name: edge
          address: 127.0.0.1:0
          http_filters:
          - name: slow
            typed_config:
              "@type": lua
              limits: {wall_time: 10s, instructions: 1000000000}
              inline_code: |
                function envoy_on_request(h)
                  local sum = 0
                  for i = 1, 200000 do sum = sum + i end
                  h:body()
                end
          - name: envoy.filters.http.header_mutation
            typed_config: {mutations: {response_mutations: [{append: {header: {key: x, value: y}}}]}}
          - {name: off, disabled: true, typed_config: {"@type": lua, inline_code: "function envoy_on_request(h) end"}}
          routes:
          - match: {prefix: /}
            direct_response: {status: 200}
        """;

    [Fact]
    public async Task EachStream_IsOneValueOfEachFilterAndDirection()
    {
        await using var proxy = await ProxyFixture.StartAsync(Yaml, workers: 2);
        for (int i = 0; i < 5; i++) Assert.Equal(200, (await proxy.GetAsync()).Status);
        await using (var client = await proxy.ConnectAsync())
        {
            // A body in pieces is one value all the same.
            await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
            for (int i = 0; i < 4; i++) await client.SendAsync("1\r\nx\r\n");
            await client.SendAsync("0\r\n\r\n");
            Assert.Equal(200, (await client.ReadAsync()).Status);
        }

        // A stream ends after its client has the answer.
        foreach (string name in (string[])["slow.request_time_us", "slow.response_time_us",
            "envoy.filters.http.header_mutation.response_time_us"])
            await Eventually.Async(() => Histogram(proxy, name).Count == 6, $"{name} has a value of each stream");
        Assert.Equal(0, Histogram(proxy, "off.request_time_us").Count);
        // The loop is 200,000 turns of an interpreter; a header takes next to nothing.
        Assert.InRange(Histogram(proxy, "slow.request_time_us").Quantile(0.01), 100_000, 60e9);
        var times = proxy.Server.FilterTimesOf("edge", "main")!;
        Assert.Equal(["slow", "envoy.filters.http.header_mutation", "off"], times.Select(t => t.Name));
        Assert.Equal([false, false, true], times.Select(t => t.Disabled));
        Assert.Equal(2, times[0].Request.Count);
        Assert.Equal(6, times[0].Request.Sum(w => w.Count));
        Assert.Null(proxy.Server.FilterTimesOf("edge", "nobody"));
    }

    private static Managed.Proxy.Core.Telemetry.HistogramSnapshot Histogram(ProxyFixture proxy, string name)
        => proxy.Server.Stats.Read().Single(s => s.Name == $"http.edge.filter.{name}").Histogram!;
}
