using System.Diagnostics;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Fault;

public sealed class FaultFilterTests
{
    private static string Filter(string config) => "{name: fault, typed_config: {" + config + "}}";
    private const string Always = "percentage: {numerator: 100}";

    [Fact]
    public async Task Abort_AnswersAndCounts()
    {
        await using var proxy = await LiveProxy.StartAsync(Filter($"abort: {{http_status: 503, {Always}}}"),
            more: "local_reply_config: {body_format: {text_format: '%LOCAL_REPLY_BODY% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% "
                + "%RESPONSE_FLAGS%'}}");
        string response = await proxy.GetAsync();
        Assert.StartsWith("HTTP/1.1 503 ", response);
        Assert.EndsWith("fault filter abort 503 fault_filter_abort FI", response);
        Assert.Equal(1, proxy.Stats.Value("http.edge.fault.aborts_injected"));
        await ActiveAsync(proxy, 0);
    }

    [Fact]
    public async Task Delay_HoldsTheRequestBack()
    {
        await using var proxy = await LiveProxy.StartAsync(Filter($"delay: {{fixed_delay: 0.15s, {Always}}}"));
        var watch = Stopwatch.StartNew();
        Assert.StartsWith("HTTP/1.1 200 ", await proxy.GetAsync());
        Assert.True(watch.ElapsedMilliseconds >= 145, $"{watch.ElapsedMilliseconds} ms");
        Assert.Equal(1, proxy.Stats.Value("http.edge.fault.delays_injected"));
        await ActiveAsync(proxy, 0);
    }

    [Fact]
    public async Task DelayThenAbort_IsOneFault()
    {
        await using var proxy = await LiveProxy.StartAsync(
            Filter($"max_active_faults: 1, delay: {{fixed_delay: 0.02s, {Always}}}, abort: {{http_status: 418, {Always}}}"),
            more: "local_reply_config: {body_format: {text_format: '%RESPONSE_FLAGS%'}}");
        string response = await proxy.GetAsync();
        Assert.StartsWith("HTTP/1.1 418 ", response);
        Assert.EndsWith("DI,FI", response);
        Assert.Equal(0, proxy.Stats.Value("http.edge.fault.faults_overflow"));
    }

    [Theory]
    [InlineData("", 200)]
    [InlineData("x-envoy-fault-abort-request: 418", 418)]
    [InlineData("x-envoy-fault-abort-request: 99", 200)]
    [InlineData("x-envoy-fault-abort-request: x", 200)]
    [InlineData("x-envoy-fault-abort-request: 418|x-envoy-fault-abort-request-percentage: 0", 200)]
    [InlineData("x-envoy-fault-abort-request: 418|x-envoy-fault-abort-request-percentage: 4000000000", 418)]
    [InlineData("x-envoy-fault-abort-grpc-request: 14", 503)]
    public async Task HeaderAbort_DoesWhatTheRequestSays(string fields, int status)
    {
        await using var proxy = await LiveProxy.StartAsync(Filter($"abort: {{header_abort: {{}}, {Always}}}"));
        Assert.StartsWith($"HTTP/1.1 {status} ", await proxy.GetAsync("/", fields.Split('|', StringSplitOptions.RemoveEmptyEntries)));
    }

    [Theory]
    [InlineData("x-envoy-fault-delay-request: 120", true)]
    [InlineData("x-envoy-fault-delay-request: 120|x-envoy-fault-delay-request-percentage: 0", false)]
    [InlineData("x-envoy-fault-delay-request: -1", false)]
    public async Task HeaderDelay_DoesWhatTheRequestSays(string fields, bool delayed)
    {
        await using var proxy = await LiveProxy.StartAsync(Filter($"delay: {{header_delay: {{}}, {Always}}}"));
        var watch = Stopwatch.StartNew();
        Assert.StartsWith("HTTP/1.1 200 ", await proxy.GetAsync("/", fields.Split('|')));
        Assert.Equal(delayed ? 1 : 0, proxy.Stats.Value("http.edge.fault.delays_injected"));
        if (delayed) Assert.True(watch.ElapsedMilliseconds >= 115);
    }

    [Fact]
    public async Task GrpcAbort_AnswersAGrpcClientInItsWay()
    {
        await using var proxy = await LiveProxy.StartAsync(Filter($"abort: {{grpc_status: 8, {Always}}}"));
        string grpc = await proxy.GetAsync("/", "content-type: application/grpc");
        Assert.StartsWith("HTTP/1.1 200 ", grpc);
        Assert.Contains("grpc-status: 8\r\n", grpc);
        Assert.Contains("content-type: application/grpc\r\n", grpc);
        Assert.EndsWith("\r\n\r\n", grpc);
        Assert.StartsWith("HTTP/1.1 429 ", await proxy.GetAsync());
    }

    [Theory]
    [InlineData("headers: [{name: x-go, string_match: {exact: 'yes'}}]", "x-go: yes", 418)]
    [InlineData("headers: [{name: x-go, string_match: {exact: 'yes'}}]", "x-go: no", 200)]
    [InlineData("upstream_cluster: a", "", 200)]
    public async Task Conditions_ChooseTheRequests(string condition, string field, int status)
    {
        await using var proxy = await LiveProxy.StartAsync(Filter($"{condition}, abort: {{http_status: 418, {Always}}}"));
        Assert.StartsWith($"HTTP/1.1 {status} ", await proxy.GetAsync("/", field.Split('|', StringSplitOptions.RemoveEmptyEntries)));
    }

    [Fact]
    public async Task UpstreamCluster_ChoosesByTheRoute()
    {
        await using var proxy = await LiveProxy.StartAsync(Filter($"upstream_cluster: a, abort: {{http_status: 418, {Always}}}"),
            "{match: {path: /a}, route: {cluster: a}}, " + LiveProxy.EchoRoute);
        Assert.StartsWith("HTTP/1.1 418 ", await proxy.GetAsync("/a"));
        Assert.StartsWith("HTTP/1.1 200 ", await proxy.GetAsync("/b"));
    }

    [Fact]
    public async Task AbsentPercentage_MeansNone()
    {
        await using var proxy = await LiveProxy.StartAsync(Filter("abort: {http_status: 418}"));
        Assert.StartsWith("HTTP/1.1 200 ", await proxy.GetAsync());
    }

    [Fact]
    public async Task FaultsOverTheLimit_AreNotInjected()
    {
        await using var proxy = await LiveProxy.StartAsync(Filter($"max_active_faults: 2, delay: {{fixed_delay: 3600s, {Always}}}"),
            workers: 2);
        var clients = new List<LiveProxy.Connection>();
        for (int i = 0; i < 6; i++) clients.Add(await proxy.ConnectAsync());
        var answers = clients.Select(c => c.SendAsync("GET", "/")).ToList();
        // Four are answered though the other two wait for an hour.
        await Eventually.Async(() => answers.Count(a => a.IsCompletedSuccessfully) == 4, "four answers");
        Assert.Equal(4, proxy.Stats.Value("http.edge.fault.faults_overflow"));
        Assert.Equal(2, proxy.Stats.Value("http.edge.fault.active_faults"));
        Assert.Equal(2, answers.Count(a => !a.IsCompleted));
        foreach (var client in clients) client.Dispose();
        foreach (var waiting in answers.Where(a => !a.IsCompletedSuccessfully)) await Assert.ThrowsAnyAsync<Exception>(() => waiting);
        await ActiveAsync(proxy, 0);
    }

    [Fact]
    public async Task Route_ReplacesTheChainsConfiguration()
    {
        await using var proxy = await LiveProxy.StartAsync(Filter($"abort: {{http_status: 418, {Always}}}"), """
            {match: {path: /own}, direct_response: {status: 200}, typed_per_filter_config: {fault: {abort: {http_status: 451, percentage: {numerator: 100}}}}},
            {match: {path: /none}, direct_response: {status: 200}, typed_per_filter_config: {fault: {}}},
            ECHO
            """.Replace("ECHO", LiveProxy.EchoRoute, StringComparison.Ordinal));
        Assert.StartsWith("HTTP/1.1 418 ", await proxy.GetAsync());
        Assert.StartsWith("HTTP/1.1 451 ", await proxy.GetAsync("/own"));
        Assert.StartsWith("HTTP/1.1 200 ", await proxy.GetAsync("/none"));
    }

    [Fact]
    public async Task ClientThatGoesWhileDelayed_LeavesNothingBehind()
    {
        await using var proxy = await LiveProxy.StartAsync(Filter($"delay: {{fixed_delay: 60s, {Always}}}"));
        using (var connection = await proxy.ConnectAsync())
        {
            var pending = connection.SendAsync("GET", "/");
            await ActiveAsync(proxy, 1);
            connection.Dispose();
            await Assert.ThrowsAnyAsync<Exception>(() => pending);
        }
        await ActiveAsync(proxy, 0);
    }

    private static Task ActiveAsync(LiveProxy proxy, int count)
        => Eventually.Async(() => proxy.Stats.Value("http.edge.fault.active_faults") == count, $"{count} active faults");
}
