using Managed.Proxy.Tests.Http;
using Xunit;

namespace Managed.Proxy.Tests.Router;

public sealed class RouteEntryTests
{
    [Fact]
    public void Timeouts_KeepUnsetOffAndSetApart()
    {
        var table = Tables.Routes("""
            - {match: {path: /set}, route: {cluster: a, timeout: 2s, idle_timeout: 0s, max_stream_duration: {max_stream_duration: 1.5s}}}
            - {match: {prefix: /}, route: {cluster: a}}
            """);
        var set = table.Match(Requests.Get("h", "/set"))!;
        var unset = table.Match(Requests.Get("h", "/"))!;
        Assert.Equal((2_000_000, 0, 1_500_000), (set.TimeoutMicros, set.IdleTimeoutMicros, set.MaxStreamDurationMicros));
        Assert.Equal((15_000_000, -1, -1), (unset.TimeoutMicros, unset.IdleTimeoutMicros, unset.MaxStreamDurationMicros));
    }

    [Fact]
    public void ClusterHeader_NamesTheCluster()
    {
        var entry = Tables.Routes("- {match: {prefix: /}, route: {cluster_header: x-c, cluster_not_found_response_code: NOT_FOUND}}")
            .Match(Requests.Get("h", "/"))!;
        Assert.Equal("b", entry.ResolveCluster(Requests.Get("h", "/", "x-c: b"))?.Name);
        Assert.Null(entry.ResolveCluster(Requests.Get("h", "/", "x-c: nope")));
        Assert.Null(entry.ResolveCluster(Requests.Get("h", "/")));
        Assert.Equal((null, 404), (entry.ClusterName, entry.ClusterNotFoundStatus));
    }

    [Fact]
    public void Upgrade_IsSaidOrLeftOpen()
    {
        var entry = Tables.Routes(
            "- {match: {prefix: /}, route: {cluster: a, upgrade_configs: [{upgrade_type: websocket}, {upgrade_type: foo, enabled: "
                + "false}]}}").Match(Requests.Get("h", "/"))!;
        Assert.True(entry.UpgradeEnabled("WebSocket"u8));
        Assert.False(entry.UpgradeEnabled("foo"u8));
        Assert.Null(entry.UpgradeEnabled("bar"u8));
    }
}
