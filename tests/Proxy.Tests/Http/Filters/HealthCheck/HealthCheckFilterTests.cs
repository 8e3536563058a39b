using Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.HealthCheck;

public sealed class HealthCheckFilterTests
{
    private static string Filter(string config) => $"{{name: health_check, typed_config: {{{config}, headers: [{{name: ':path', "
        + "string_match: {exact: /healthz}}]}},";

    private const string Details = "response_headers_to_add: [{header: {key: x-why, value: '%RESPONSE_CODE_DETAILS%'}}],";

    [Theory]
    [InlineData("", 200)]
    [InlineData("half: {value: 50}", 200)]
    [InlineData("half: {value: 51}", 503)]
    [InlineData("up: {value: 100}, half: {value: 50}", 200)]
    [InlineData("up: {value: 100}, half: {value: 50.5}", 503)]
    public async Task Clusters_SayWhetherWeAreWell(string clusters, int status)
    {
        await using var up = RecordingUpstream.Start();
        string document = Edge.Document(up, filters: Filter($"pass_through_mode: false, cluster_min_healthy_percentages: {{{clusters}}}"),
            table: Details).Replace("clusters:\n", "clusters:\n- {name: half, load_assignment: {cluster_name: half, endpoints: "
            + "[{lb_endpoints: [{endpoint: {address: '127.0.0.1:1'}}, "
            + "{endpoint: {address: '127.0.0.1:2'}, health_status: UNHEALTHY}]}]}}\n",
            StringComparison.Ordinal);
        await using var proxy = await ProxyFixture.StartAsync(document);
        var answer = await proxy.GetAsync("/healthz");
        Assert.Equal((status, status == 200 ? "health_check_ok" : "health_check_failed_cluster_not_healthy"),
            (answer.Status, answer["x-why"]));
        Assert.Empty(up.Requests);
        Assert.Equal(200, (await proxy.GetAsync("/healthz/more")).Status);
        Assert.Single(up.Requests);
    }

    [Fact]
    public async Task AnswerOfTheService_IsRememberedForItsTime()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ => "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n";
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up,
            filters: Filter("pass_through_mode: true, cache_time: 3600s"), table: Details));
        Assert.Equal(500, (await proxy.GetAsync("/healthz")).Status);
        up.Answer = _ => null;
        var second = await proxy.GetAsync("/healthz");
        Assert.Equal((500, "health_check_cached"), (second.Status, second["x-why"]));
        Assert.Equal(200, (await proxy.GetAsync("/other")).Status);
        Assert.Equal(2, up.Requests.Count);
    }

    [Fact]
    public async Task AnswerOfTheService_IsAskedForAgain()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up,
            filters: Filter("pass_through_mode: true, cache_time: 0.02s")));
        Assert.Equal(200, (await proxy.GetAsync("/healthz")).Status);
        await proxy.PassAsync(30);
        Assert.Equal(200, (await proxy.GetAsync("/healthz")).Status);
        Assert.Equal(2, up.Requests.Count);
        // Without a time nothing is remembered.
        await proxy.PublishAsync(Edge.Document(up, filters: Filter("pass_through_mode: true")));
        for (int i = 0; i < 2; i++) await proxy.GetAsync("/healthz");
        Assert.Equal(4, up.Requests.Count);
    }

    [Theory]
    [InlineData("{}", "'pass_through_mode' is missing")]
    [InlineData("{pass_through_mode: false, cache_time: 1s}", "no answer to remember")]
    [InlineData("{pass_through_mode: true, cluster_min_healthy_percentages: {up: {value: 1}}}", "the service says how it is")]
    [InlineData("{pass_through_mode: false, cluster_min_healthy_percentages: {nope: {value: 1}}}", "cluster 'nope' does not exist")]
    [InlineData("{pass_through_mode: false, endpoint: /x}", "'endpoint' is not supported")]
    public async Task WhatIsWrong_IsSaid(string config, string error)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        var built = proxy.Build(Edge.Document("127.0.0.1:1", filters: $"{{name: health_check, typed_config: {config}}},"));
        // Envoy takes percentages that it does not use.
        Assert.Contains(config.Contains("mode: true", StringComparison.Ordinal) ? built.Warnings : built.Errors,
            e => e.Detail.Contains(error, StringComparison.Ordinal));
    }
}
