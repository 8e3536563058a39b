using System.Globalization;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.Retries;

/// <summary>What fails, what the policy says of it, what comes of it: status, attempts, flags, counters worked out by hand.</summary>
public sealed class RetryTests(RetryFixture fixture) : IClassFixture<RetryFixture>
{
    private static int s_case;

    private ProxyFixture Proxy => fixture.Proxy;

    [Theory]
    // 5xx: whatever is, or would become, one.
    [InlineData("5xx", "503-200", 200, 2, "-")]
    [InlineData("5xx", "500-200", 200, 2, "-")]
    [InlineData("5xx", "599-200", 200, 2, "-")]
    [InlineData("5xx", "503-503", 503, 2, "URX")]
    [InlineData("5xx", "404-200", 404, 1, "-")]
    [InlineData("5xx", "close-200", 200, 2, "-")]
    [InlineData("5xx", "close-close", 503, 2, "URX,UC")]
    [InlineData("5xx", "reset-200", 200, 2, "-")]
    [InlineData("5xx", "half-200", 200, 2, "-")]
    [InlineData("5xx", "garbage-200", 200, 2, "-")]
    [InlineData("5xx", "garbage-garbage", 502, 2, "URX,UPE")]
    [InlineData("5xx", "switch-200", 200, 2, "-")]
    [InlineData("5xx", "limited-200", 503, 1, "-")]
    [InlineData("5xx", "g14-200", 200, 1, "-")]
    [InlineData("gateway-error", "502-200", 200, 2, "-")]
    [InlineData("gateway-error", "503-200", 200, 2, "-")]
    [InlineData("gateway-error", "504-200", 200, 2, "-")]
    [InlineData("gateway-error", "500-200", 500, 1, "-")]
    [InlineData("gateway-error", "505-200", 505, 1, "-")]
    [InlineData("gateway-error", "close-200", 200, 2, "-")]
    [InlineData("reset", "close-200", 200, 2, "-")]
    [InlineData("reset", "reset-200", 200, 2, "-")]
    [InlineData("reset", "half-half", 503, 2, "URX,UC")]
    [InlineData("reset", "503-200", 503, 1, "-")]
    [InlineData("reset-before-request", "close-200", 503, 1, "UC")]
    [InlineData("connect-failure", "close-200", 503, 1, "UC")]
    [InlineData("connect-failure", "503-200", 503, 1, "-")]
    [InlineData("envoy-ratelimited", "limited-200", 200, 2, "-")]
    [InlineData("envoy-ratelimited", "503-200", 503, 1, "-")]
    [InlineData("retriable-4xx", "409-200", 200, 2, "-")]
    [InlineData("retriable-4xx", "429-200", 429, 1, "-")]
    [InlineData("retriable-status-codes", "418-200", 200, 2, "-")]
    [InlineData("retriable-status-codes", "500-200", 200, 2, "-")]
    [InlineData("retriable-status-codes", "503-200", 503, 1, "-")]
    [InlineData("retriable-headers", "again-200", 200, 2, "-")]
    [InlineData("retriable-headers", "404-200", 404, 1, "-")]
    [InlineData("cancelled", "g1-200", 200, 2, "-")]
    [InlineData("deadline-exceeded", "g4-200", 200, 2, "-")]
    [InlineData("resource-exhausted", "g8-200", 200, 2, "-")]
    [InlineData("internal", "g13-200", 200, 2, "-")]
    [InlineData("unavailable", "g14-200", 200, 2, "-")]
    [InlineData("unavailable", "g14-g14", 200, 2, "URX")]
    [InlineData("unavailable", "g13-200", 200, 1, "-")]
    [InlineData("unavailable", "503-200", 503, 1, "-")]
    [InlineData("http3-post-connect-failure", "close-200", 503, 1, "UC")]
    [InlineData("refused-stream", "close-200", 503, 1, "UC")]
    [InlineData("none", "503-200", 503, 1, "-")]
    [InlineData("none", "close-200", 503, 1, "UC")]
    [InlineData("zero", "503-200", 503, 1, "URX")]
    [InlineData("three", "503-close-500-200", 200, 4, "-")]
    [InlineData("three", "503-503-503-503", 503, 4, "URX")]
    [InlineData("vhost", "502-503-504-200", 200, 4, "-")]
    [InlineData("vhost", "500-200", 500, 1, "-")]
    // What has begun to go out is not tried again.
    [InlineData("5xx", "cut-200", 200, 1, "-")]
    public Task Failure_ComesToWhatThePolicySays(string policy, string steps, int status, int attempts, string flags)
        => CheckAsync("up", policy, steps, status, attempts, flags);

    [Theory]
    [InlineData("connect-failure", "two", "200", 200, 1, "-")]
    [InlineData("connect-failure", "dead", "200", 503, 2, "UF,URX")]
    [InlineData("reset-before-request", "dead", "200", 503, 2, "UF,URX")]
    [InlineData("5xx", "dead", "200", 503, 2, "UF,URX")]
    [InlineData("reset", "dead", "200", 503, 2, "UF,URX")]
    [InlineData("gateway-error", "dead", "200", 503, 2, "UF,URX")]
    [InlineData("retriable-4xx", "dead", "200", 503, 1, "UF")]
    [InlineData("none", "dead", "200", 503, 1, "UF")]
    [InlineData("5xx", "empty", "200", 503, 0, "UH")]
    [InlineData("5xx", "none", "503-200", 503, 1, "UO")]
    [InlineData("5xx", "budget", "503-200", 200, 2, "-")]
    [InlineData("refused-stream", "two", "refused-200", 200, 2, "-")]
    [InlineData("refused-stream", "two", "refused-refused", 503, 2, "URX,UR")]
    [InlineData("refused-stream", "two", "away-200", 200, 2, "-")]
    [InlineData("refused-stream", "two", "rst-200", 503, 1, "UR")]
    [InlineData("reset", "two", "rst-200", 200, 2, "-")]
    [InlineData("5xx", "two", "rst-rst", 503, 2, "URX,UR")]
    [InlineData("5xx", "two", "503-200", 200, 2, "-")]
    [InlineData("three", "two", "503-rst-refused-200", 200, 4, "-")]
    public Task FailureOfAnotherCluster_ComesToWhatThePolicySays(string policy, string cluster, string steps, int status, int attempts,
        string flags) => CheckAsync(cluster, policy, steps, status, attempts, flags);

    private async Task CheckAsync(string cluster, string policy, string steps, int status, int attempts, string flags)
    {
        var before = Read(cluster);
        await using var client = await Proxy.ConnectAsync();
        await client.SendAsync($"GET {Path(policy, steps)} HTTP/1.1\r\nhost: a\r\nx-cluster: {cluster}\r\n\r\n");
        if (steps.StartsWith("cut", StringComparison.Ordinal))
        {
            await Assert.ThrowsAsync<WireException>(() => client.ReadAsync());
            Assert.Equal(0, Read(cluster).Retries - before.Retries);
            return;
        }
        var answer = await client.ReadAsync();
        Assert.Equal((status, flags), (answer.Status, (answer["x-flags"] ?? "-")));
        Assert.Equal(attempts == 0 ? null : attempts.ToString(CultureInfo.InvariantCulture), answer["x-envoy-attempt-count"]);
        var after = Read(cluster);
        int retries = Math.Max(0, attempts - 1);
        bool exceeded = flags.Contains("URX", StringComparison.Ordinal);
        Assert.Equal((retries, retries, exceeded ? 1 : 0, flags == "UO" ? 1 : 0, retries > 0 && !exceeded ? 1 : 0),
            (after.Retries - before.Retries, after.Exponential - before.Exponential, after.Exceeded - before.Exceeded,
                after.Overflow - before.Overflow, after.Success - before.Success));
        Assert.Equal(0, Proxy.Server.Current!.Clusters[cluster].State.Retries);
    }

    [Fact]
    public async Task AnswersThatWereTriedAgain_CountForThemselves()
    {
        long before = Proxy.Stat("cluster.up.retry.upstream_rq_507"), passed = Proxy.Stat("cluster.up.upstream_rq_5xx");
        await AskAsync("three", "507-507-200");
        Assert.Equal((2, 0), (Proxy.Stat("cluster.up.retry.upstream_rq_507") - before, Proxy.Stat("cluster.up.upstream_rq_5xx") - passed));
    }

    [Theory]
    [InlineData("5xx", "503-200", "POST", 500, "2 false 500")]
    [InlineData("5xx", "close-200", "PUT", 4000, "2 false 4000")]
    [InlineData("large", "503-200", "POST", 90_000, "2 false 90000")]
    [InlineData("large", "close-200", "POST", 90_000, "2 false 90000")]
    [InlineData("large", "503-200", "POST", 110_000, null)]
    [InlineData("small", "503-200", "POST", 11, null)]
    [InlineData("small", "503-200", "POST", 10, "2 false 10")]
    [InlineData("5xx", "503-200", "POST", 5000, null)]
    public async Task Body_IsSentAgainAsFarAsItIsKept(string policy, string steps, string method, int length, string? answer)
    {
        long before = Proxy.Stat("cluster.up.retry_or_shadow_abandoned");
        var response = await AskAsync(policy, steps, method: method, body: new string('b', length));
        Assert.Equal(answer is null ? 503 : 200, response.Status);
        if (answer is not null) Assert.Equal(answer, response.Text);
        Assert.Equal(answer is null ? 1 : 0, Proxy.Stat("cluster.up.retry_or_shadow_abandoned") - before);
    }

    [Fact]
    public async Task BodyOverHttp2_IsSentAgain()
    {
        var answer = await AskAsync("5xx", "503-200", cluster: "two", method: "POST", body: new string('b', 3000));
        Assert.Equal("2 false 3000", answer.Text);
    }

    /// <summary>Nothing but a policy has it sent again, and that only where it covers what happened.</summary>
    [Theory]
    [InlineData("vhost", "500-200")]
    [InlineData("connect-failure", "close-200")]
    [InlineData("refused-stream", "close-200")]
    public async Task Post_IsSentOnceWhereNothingAsksForMore(string policy, string steps)
    {
        string path = Path(policy, steps);
        await AskAsync(policy, steps, method: "POST", body: "order", path: path);
        Assert.Single(fixture.Up.Requests, r => r.Target == path);
    }

    [Theory]
    [InlineData("try", "wait-200", 200, "2 true", "-", "via_upstream", 1)]
    [InlineData("try", "wait-wait-wait", 504, null, "URX,UT", "upstream_per_try_timeout", 3)]
    [InlineData("onlytry", "wait-200", 504, null, "UT", "upstream_per_try_timeout", 1)]
    public async Task AttemptThatTakesTooLong_IsGivenUp(string policy, string steps, int status, string? text, string flags, string details,
        int timeouts)
    {
        long before = Proxy.Stat("cluster.up.upstream_rq_per_try_timeout");
        var answer = await AskAsync(policy, steps);
        Assert.Equal((status, flags, details), (answer.Status, (answer["x-flags"] ?? "-"), answer["x-details"]));
        Assert.Equal(text ?? "upstream request timeout", answer.Text);
        Assert.Equal(timeouts, Proxy.Stat("cluster.up.upstream_rq_per_try_timeout") - before);
    }

    [Fact]
    public async Task AttemptInWhichNothingMoves_IsGivenUp()
    {
        Assert.Equal("2 false", (await AskAsync("idle", "wait-200")).Text);
        Assert.Equal(1, Proxy.Stat("cluster.up.upstream_rq_per_try_idle_timeout"));
    }

    [Fact]
    public async Task RoutesTimeout_HoldsForAllAttemptsAndTheirPauses()
    {
        var slow = await AskAsync("longtry", "wait-wait-wait-wait");
        Assert.Equal((504, "UT", "response_timeout"), (slow.Status, (slow["x-flags"] ?? "-"), slow["x-details"]));
        // It asks for 200 s and gets them, or as many as the request has.
        long before = Proxy.Stat("cluster.up.upstream_rq_retry_backoff_ratelimited");
        var asked = await AskAsync("asked", "later-200");
        Assert.Equal((504, "UT"), (asked.Status, asked["x-flags"]));
        Assert.Equal(1, Proxy.Stat("cluster.up.upstream_rq_retry_backoff_ratelimited") - before);
        // More than the policy goes along with: the usual pause.
        Assert.Equal(200, (await AskAsync("asked", "muchlater-200")).Status);
        Assert.Equal(1, Proxy.Stat("cluster.up.upstream_rq_retry_backoff_ratelimited") - before);
    }

    [Theory]
    [InlineData("x-envoy-retry-on: 5xx\r\n", "503-200", 200)]
    [InlineData("x-envoy-retry-on: unavailable\r\n", "g14-g0", 200)] // a condition of the other header
    [InlineData("x-envoy-retry-grpc-on: unavailable\r\n", "g14-200", 200)]
    [InlineData("x-envoy-retry-on: retriable-status-codes\r\nx-envoy-retriable-status-codes: 1, 404,405\r\n", "405-200", 200)]
    [InlineData("x-envoy-retry-on: retriable-headers\r\nx-envoy-retriable-header-names: X-Other,X-Again\r\n", "again-200", 200)]
    [InlineData("x-envoy-retry-on: 5xx\r\nx-envoy-max-retries: 3\r\n", "500-500-500-200", 200)]
    [InlineData("x-envoy-retry-on: 5xx\r\nx-envoy-max-retries: 0\r\n", "500-200", 500)]
    [InlineData("x-envoy-max-retries: 3\r\n", "500-200", 500)]
    [InlineData("x-envoy-retry-on: 5xx\r\nx-envoy-upstream-rq-per-try-timeout-ms: 100\r\n", "wait-200", 200)]
    [InlineData("x-envoy-upstream-rq-timeout-ms: 100\r\n", "wait-200", 504)]
    public async Task InternalClient_SteersRetriesByHeaders(string headers, string steps, int status)
    {
        string path = Path("none", steps);
        var answer = await AskAsync("none", steps, headers: headers, path: path);
        Assert.Equal(status, answer.Status);
        Assert.DoesNotContain(fixture.Up.Requests.Where(r => r.Target == path).SelectMany(r => r.Headers), h => h.Key.StartsWith(
            "x-envoy-retr", StringComparison.Ordinal) || h.Key is "x-envoy-max-retries" or "x-envoy-upstream-rq-timeout-ms"
            or "x-envoy-upstream-rq-per-try-timeout-ms");
    }

    [Fact]
    public async Task Policy_CountsOnlyForRequestsThatItIsFor()
    {
        Assert.Equal(503, (await AskAsync("header", "503-200")).Status);
        Assert.Equal(200, (await AskAsync("header", "503-200", headers: "x-may: yes\r\n")).Status);
    }

    [Fact]
    public async Task UpstreamIsToldWhatTimeIsLeft()
    {
        string path = Path("try", "503-200");
        await AskAsync("try", "503-200", path: path);
        Assert.Equal(["100", "100"], fixture.Up.Requests.Where(r => r.Target == path).Select(r => r["x-envoy-expected-rq-timeout-ms"]));
    }

    /// <summary>Eight times, whichever endpoint has its turn.</summary>
    [Theory]
    [InlineData("hosts", "half")]
    [InlineData("canaries", "canary")]
    [InlineData("metadata", "canary")]
    public async Task FurtherAttempts_GoElsewhere(string policy, string cluster)
    {
        for (int i = 0; i < 8; i++)
        {
            // Of 'half' one endpoint is dead; of 'canary' the canary fails always.
            string path = Path(policy, "200");
            fixture.Other.Answer = static _ => "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n";
            Assert.Equal(200, (await AskAsync(policy, "200", cluster, path: path)).Status);
        }
    }

    private string Path(string policy, string steps) => $"/{policy}/{Interlocked.Increment(ref s_case)}/{steps}";

    private async Task<RawResponse> AskAsync(string policy, string steps, string cluster = "up", string method = "GET", string body = "",
        string headers = "", string? path = null)
    {
        await using var client = await Proxy.ConnectAsync();
        string length = method == "GET" ? "" : $"content-length: {body.Length}\r\n";
        return await client.AskAsync($"{method} {path ?? Path(policy, steps)} HTTP/1.1\r\nhost: a\r\nx-cluster: {cluster}\r\n{length}"
            + $"{headers}\r\n{body}");
    }

    private (int Retries, int Exponential, int Exceeded, int Overflow, int Success) Read(string cluster)
    {
        int Stat(string name) => (int)Proxy.Stat($"cluster.{cluster}.upstream_rq_retry{name}");
        return (Stat(""), Stat("_backoff_exponential"), Stat("_limit_exceeded"), Stat("_overflow"), Stat("_success"));
    }
}
