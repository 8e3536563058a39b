using System.Globalization;
using Managed.Proxy.Upstream;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.Retries;

/// <summary>
/// Attempts of a request beside each other, as Envoy's router has them (hedge_policy): who is passed on, what becomes of the others. An
/// event is <c>+N</c>: attempt N is let go; <c>t</c>: more than a per_try_timeout passes; <c>=N</c>: so many attempts have come.
/// </summary>
public sealed class HedgeTests(HedgeFixture fixture) : IClassFixture<HedgeFixture>
{
    private static int s_case;

    private ProxyFixture Proxy => fixture.Proxy;

    [Theory]
    // A slow attempt goes on, another one begins beside it, and the first good answer is passed on.
    [InlineData("one", "wait-200", "", 200, "2 true 0", 2, null)]
    [InlineData("one", "wait-wait", "=2 +1", 200, "1  0", 2, null)]
    [InlineData("pair", "wait-wait-200", "", 200, "3 true 0", 3, null)]
    [InlineData("idle", "wait-200", "", 200, "2 true 0", 2, null)]
    // What is bad of an attempt that has another one in its place is dropped, as long as one may still come.
    [InlineData("one", "wait503-wait", "=2 +1 +2", 200, "2 true 0", 2, null)]
    [InlineData("one", "waitclose-wait", "=2 +1 +2", 200, "2 true 0", 2, null)]
    [InlineData("try", "wait-503-200", "", 200, "3 false 0", 3, "-")]
    [InlineData("try", "wait-close-200", "", 200, "3 false 0", 3, "-")]
    [InlineData("try", "wait-503-503", "=3 +1", 200, "1  0", 3, "URX")]
    [InlineData("try", "wait503-503-503", "=3 +1", 503, "n 1", 3, "URX")]
    [InlineData("try", "503-200", "", 200, "2 false 0", 2, "-")]
    // No retry is left, or there is no room for one: it goes on alone.
    [InlineData("zero", "wait", "=1 t +1", 200, "1  0", 1, "URX")]
    [InlineData("none", "wait", "=1 t +1", 200, "1  0", 1, "UO")]
    // Without the policy a slow attempt is given up.
    [InlineData("plain", "wait-200", "", 200, "2 true 0", 2, "-")]
    // Several at the beginning.
    [InlineData("two", "wait-200", "", 200, "2 false 0", 2, "-")]
    [InlineData("two", "wait-wait", "=2 +1", 200, "1  0", 2, "-")]
    [InlineData("two", "wait503-wait", "=2 +1 +2", 200, "2 false 0", 2, "URX")]
    [InlineData("two", "close-wait503", "=2 +2", 503, "n 2", 2, "URX")]
    [InlineData("retried", "wait503-wait503-200", "=2 +1", 200, "3 false 0", 3, "-")]
    [InlineData("retried", "wait-503-200", "=1", 200, "3 false 0", 3, "-")]
    [InlineData("four", "wait-wait-wait-200", "", 200, "4 false 0", 4, "-")]
    [InlineData("few", "wait-200", "", 200, "2 false 0", 3, "-")]
    [InlineData("host", "wait-200", "", 200, "2 false 0", 2, "-")]
    public async Task Attempts_FirstGoodAnswerIsPassedOn(string policy, string steps, string events, int status, string text, int attempts,
        string? flags)
    {
        string target = TargetOf(policy, steps);
        await using var client = await Proxy.ConnectAsync();
        await client.GetAsync(target);
        await PlayAsync(target, events);
        var answer = await client.ReadAsync();
        Assert.Equal((status, text), (answer.Status, answer.Text));
        // Where none is left a busy machine may have the last one take long too.
        if (flags is not null) Assert.Equal(flags, answer["x-flags"] ?? "-");
        Assert.Equal(attempts, int.Parse(answer["x-envoy-attempt-count"]!, CultureInfo.InvariantCulture));
        await NothingIsLeftAsync(policy);
        // The connection goes on, with a request that is sent once.
        await client.GetAsync(TargetOf("plain", "200"));
        Assert.Equal("1  0", (await client.ReadAsync()).Text);
    }

    [Fact]
    public async Task Counters_AreThoseOfRetries()
    {
        string[] names = ["upstream_rq_total", "upstream_rq_retry", "upstream_rq_retry_success", "upstream_rq_per_try_timeout",
            "upstream_rq_tx_reset", "upstream_rq_completed", "upstream_rq_2xx", "upstream_rq_rx_reset"];
        long[] Read() => [.. names.Select(n => Proxy.Stat("cluster.up." + n))];
        var before = Read();
        string target = TargetOf("one", "wait-200");
        await using var client = await Proxy.ConnectAsync();
        await client.GetAsync(target);
                await client.ReadAsync();
        await NothingIsLeftAsync("up");
        Assert.Equal([2L, 1, 1, 0, 1, 1, 1, 0], Read().Zip(before, (a, b) => a - b));
    }

    [Theory]
    [InlineData("two", 3000, 2)]
    [InlineData("two", 5000, 1)]
    [InlineData("one", 3000, 2)]
    [InlineData("one", 5000, 1)]
    public async Task Body_IsSentWithEachAttemptAsFarAsItIsKept(string policy, int length, int attempts)
    {
        string target = TargetOf(policy, "wait-200");
        long abandoned = Proxy.Stat("cluster.up.retry_or_shadow_abandoned");
        await using var client = await Proxy.ConnectAsync();
        await client.SendAsync($"POST {target} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n{new string('b', length)}");
        await PlayAsync(target, "=1");
        if (attempts == 1) fixture.LetGo(target, 1);
        var answer = await client.ReadAsync();
        Assert.Equal($"{attempts} {(attempts == 1 ? "" : policy == "one" ? "true" : "false")} {length}", answer.Text);
        Assert.Equal(attempts == 1 ? 1 : 0, Proxy.Stat("cluster.up.retry_or_shadow_abandoned") - abandoned);
        await NothingIsLeftAsync("up");
    }

    [Theory]
    [InlineData("plain", "true", "wait-wait", "=2 +1", "1  0")]
    [InlineData("one", "false", "wait-200", "", "2 true 0")]
    [InlineData("one", "maybe", "wait-wait", "=2 +1", "1  0")]
    public async Task InternalClient_SaysWhetherASlowAttemptGoesOn(string policy, string asked, string steps, string events, string text)
    {
        long given = Proxy.Stat("cluster.up.upstream_rq_per_try_timeout");
        string target = TargetOf(policy, steps);
        await using var client = await Proxy.ConnectAsync();
        await client.GetAsync(target, headers: $"x-envoy-hedge-on-per-try-timeout: {asked}\r\n");
        await PlayAsync(target, events);
        Assert.Equal(text, (await client.ReadAsync()).Text);
        Assert.Equal(asked == "false" ? 1 : 0, Proxy.Stat("cluster.up.upstream_rq_per_try_timeout") - given);
        Assert.DoesNotContain(fixture.Up.Requests, r => r["x-envoy-hedge-on-per-try-timeout"] is not null);
    }

    [Fact]
    public async Task InformationalAnswer_MakesItTheOne()
    {
        string target = TargetOf("two", "wait-early");
        await using var client = await Proxy.ConnectAsync();
        await client.GetAsync(target);
        Assert.Equal(103, (await client.ReadAsync()).Status);
        fixture.LetGo(target, 1);
        fixture.LetGo(target, 2);
        Assert.Equal("2 false 0", (await client.ReadAsync()).Text);
    }

    [Fact]
    public async Task RoutesTimeout_EndsAllOfThem()
    {
        string target = TargetOf("short", "wait-wait");
        var endpoint = Proxy.Server.Current!.Clusters["up"].Endpoints.All[0];
        long before = endpoint.TimeoutRequests;
        await using var client = await Proxy.ConnectAsync();
        await client.GetAsync(target);
        var answer = await client.ReadAsync();
        Assert.Equal((504, "UT"), (answer.Status, answer["x-flags"]));
        Assert.Equal(2, endpoint.TimeoutRequests - before);
        await NothingIsLeftAsync("up");
    }

    [Fact]
    public async Task ClientThatLeaves_EndsAllOfThem()
    {
        string target = TargetOf("four", "wait-wait-wait-wait");
        await using (var client = await Proxy.ConnectAsync())
        {
            await client.GetAsync(target);
            await PlayAsync(target, "=4");
        }
        await NothingIsLeftAsync("up");
    }

    [Fact]
    public async Task AllAreReset_TheLastOneIsTheAnswer()
    {
        string target = TargetOf("four", "close");
        await using var client = await Proxy.ConnectAsync();
        await client.GetAsync(target);
        var answer = await client.ReadAsync();
        Assert.Equal((503, "UC"), (answer.Status, answer["x-flags"]));
        await NothingIsLeftAsync("up");
    }

    private static string TargetOf(string policy, string steps)
        => $"/{policy}/{Interlocked.Increment(ref s_case).ToString(CultureInfo.InvariantCulture)}/{steps}";

    private async Task PlayAsync(string target, string events)
    {
        string[] all = events.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        foreach (string step in all)
            if (step[0] == '+')
            {
                int open = fixture.Up.Open;
                fixture.LetGo(target, step[1] - '0');
                // What was let go has its effect, which ends its connection, before the next one is.
                if (step != all[^1]) await Eventually.Async(() => fixture.Up.Open < open, $"{step} of {target} is over");
            }
            else if (step == "t") await Proxy.PassAsync(700);
            else await Eventually.Async(() => fixture.SeenOf(target) >= step[1] - '0', $"{step} of {target}");
    }

    private async Task NothingIsLeftAsync(string cluster)
    {
        var state = Proxy.Server.Current!.Clusters[cluster is "none" or "few" ? cluster : "up"].State;
        await Eventually.Async(() => state is { Requests: 0, Retries: 0, Pending: 0 }, "all places are given back");
    }
}
