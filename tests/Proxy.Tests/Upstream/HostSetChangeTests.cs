using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream;

public sealed class HostSetChangeTests
{
    private static string Document(string address, string more, string weight = "") => $$"""
        clusters:
        - {name: all, endpoints: ["{{address}}"{{more}}], common_lb_config: {close_connections_on_host_set_change: true} }
        - {name: kept, endpoints: ["{{address}}"{{more}}] }
        listeners:
        - {name: edge, address: 127.0.0.1:0, routes: [{match: {prefix: /all}, route: {cluster: all{{weight}}} }, {match: {prefix: /}, route: {cluster: kept} }]}
        """;

    [Fact]
    public async Task EndpointsThatComeOrGo_CloseTheConnectionsToTheOthers()
    {
        await using var up = RecordingUpstream.Start();
        await using var other = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Document(up.Address, ""));
        await proxy.GetAsync("/all");
        await proxy.GetAsync("/kept");
        Assert.Equal(2, up.Open);
        await proxy.PublishAsync(Document(up.Address, "", ", timeout: 7s")); // the endpoints are the same
        await proxy.GetAsync("/all");
        Assert.Equal((2, 2), (up.Open, up.Accepted));
        await proxy.PublishAsync(Document(up.Address, $", \"{other.Address}\""));
        await Eventually.Async(() => up.Open == 1, "the idle connection of the one cluster is closed, that of the other is not");
        for (int i = 0; i < 4; i++) Assert.Equal(200, (await proxy.GetAsync("/all")).Status);
        Assert.Equal(3, up.Accepted);
        await proxy.PublishAsync(Document(up.Address, ""));
        await Eventually.Async(() => up.Open == 1 && other.Open == 0, "and again when one goes");
    }

    [Fact]
    public async Task BusyConnection_IsClosedWhenItsRequestIsDone()
    {
        await using var up = RecordingUpstream.Start();
        await using var other = RecordingUpstream.Start();
        var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        up.OnHead = (_, _) => answer.Task;
        await using var proxy = await ProxyFixture.StartAsync(Document(up.Address, ""));
        var waiting = proxy.GetAsync("/all");
        await Eventually.Async(() => up.Open == 1, "it is on its way");
        await proxy.PublishAsync(Document(up.Address, $", \"{other.Address}\""));
        answer.SetResult();
        Assert.Equal(200, (await waiting).Status);
        await Eventually.Async(() => up.Open == 0, "then its connection goes");
    }
}
