using Managed.Proxy.Http.Filters.AdmissionControl;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.AdmissionControl;

public sealed class AdmissionControlTests(AdmissionControlTests.Edge edge) : IClassFixture<AdmissionControlTests.Edge>
{
    public sealed class Edge : IAsyncLifetime
    {
        public RecordingUpstream Upstream { get; } = RecordingUpstream.Start("up");
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            string Listener(string name, string more) => $"- {{name: {name}, address: '127.0.0.1:0', http_filters: [{{name: "
                + $"admission_control, typed_config: {{{more}}}}}], routes: [{{match: {{prefix: /}}, route: {{cluster: up}}}}]}}\n";
            const string all = "max_rejection_probability: {default_value: {value: 100}}, sampling_window: 3600s, "
                + "aggression: {default_value: 1000}";
            Proxy = await ProxyFixture.StartAsync("clusters: [{name: up, endpoints: ['" + Upstream.Address + "']}]\nlisteners:\n"
                + Listener("usual", "success_criteria: {}, " + all)
                + Listener("own", "success_criteria: {http_criteria: {http_success_status: [{start: 404, end: 405}]}}, " + all)
                + Listener("calm", "success_criteria: {}, rps_threshold: {default_value: 1000}, " + all)
                + Listener("off", "success_criteria: {}, enabled: {default_value: false}, " + all)
                + Listener("half", "success_criteria: {}, sampling_window: 3600s, max_rejection_probability: {default_value: {value: 0}}"));
        }

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Upstream.DisposeAsync();
        }
    }

    private async Task<List<int>> AskAsync(string listener, int count, string answer, string fields = "")
    {
        edge.Upstream.Answer = _ => answer;
        var statuses = new List<int>();
        for (int i = 0; i < count; i++) statuses.Add((await edge.Proxy.GetAsync(listener: listener, headers: fields)).Status);
        return statuses;
    }

    private long Stat(string listener, string name) => edge.Proxy.Stat($"http.{listener}.admission_control.{name}");

    private const string Bad = "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", Missing = "HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n";

    [Fact]
    public async Task Failures_HaveTheNextOnesRefused()
    {
        var statuses = await AskAsync("usual", 20, Bad);
        Assert.Equal(500, statuses[0]);
        Assert.Contains(503, statuses); // the share is just below one
        Assert.Equal(20, Stat("usual", "rq_rejected") + Stat("usual", "rq_failure"));
        var calls = await AskAsync("own", 3, Missing);
        Assert.Equal([404, 404, 404], calls);
        Assert.Equal(3, Stat("own", "rq_success"));
        await AskAsync("own", 1, RecordingUpstream.Ok(""));
        Assert.Equal(1, Stat("own", "rq_failure"));
    }

    [Theory]
    [InlineData("calm")]
    [InlineData("off")]
    [InlineData("half")]
    public async Task WhatIsConfiguredNotTo_RefusesNothing(string listener)
        => Assert.All(await AskAsync(listener, 10, Bad), s => Assert.Equal(500, s));

    [Fact]
    public async Task GrpcStatus_SaysHowACallEnded()
    {
        long failures = Stat("half", "rq_failure"), successes = Stat("half", "rq_success");
        const string grpc = "content-type: application/grpc\r\n";
        await AskAsync("half", 1, RecordingUpstream.Ok("", "content-type: application/grpc\r\ngrpc-status: 14\r\n"), grpc);
        await AskAsync("half", 1, RecordingUpstream.Ok("", "content-type: application/grpc\r\ngrpc-status: 5\r\n"), grpc);
        await AskAsync("half", 1, "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n0\r\n"
            + "grpc-status: 13\r\n\r\n", grpc);
        Assert.Equal((failures + 2, successes + 1), (Stat("half", "rq_failure"), Stat("half", "rq_success")));
    }

    [Fact]
    public void Window_ForgetsWhatIsTooOld()
    {
        var window = new AdmissionWindow(3);
        window.Record(true, 0);
        window.Record(false, 1_500_000);
        window.Record(true, 2_999_999);
        Assert.Equal((3, 2), (window.Total, window.Successes));
        window.Move(3_000_000);
        Assert.Equal((2, 1), (window.Total, window.Successes));
        window.Move(4_000_000);
        Assert.Equal((1, 1), (window.Total, window.Successes));
        window.Move(1_000_000_000_000);
        Assert.Equal((0, 0), (window.Total, window.Successes));
    }

    [Theory]
    [InlineData("enabled: {default_value: true}", "'success_criteria' is missing")]
    [InlineData("success_criteria: {}, sr_threshold: {default_value: {value: 0}}", "must be more than 0")]
    public void WrongConfiguration_IsRefused(string config, string says)
        => Assert.Contains(edge.Proxy.Build("listeners: [{name: a, address: '127.0.0.1:0', routes: [], http_filters: [{name: "
            + $"admission_control, typed_config: {{{config}}}}}]}}]").Errors, e => e.Detail.Contains(says, StringComparison.Ordinal));
}
