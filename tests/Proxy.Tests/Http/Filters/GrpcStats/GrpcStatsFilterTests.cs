using System.Text;
using Managed.Proxy.Http.Filters.GrpcStats;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.GrpcStats;

public sealed class GrpcStatsFilterTests
{
    private static string Filter(string config) => $"{{name: grpc_stats, typed_config: {{{config}}}}},";

    private static async Task CallAsync(GrpcEdge edge, string path = "/shop.Orders/Get", string messages = "")
        => await edge.PostAsync(messages.Length > 0 ? messages : GrpcEdge.Message("ask"), "application/grpc", path);

    [Theory]
    [InlineData("", "")]
    [InlineData("stats_for_all_methods: true", "shop.Orders.Get.")]
    [InlineData("stats_for_all_methods: true, replace_dots_in_grpc_service_name: true", "shop_Orders.Get.")]
    [InlineData("individual_method_stats_allowlist: {services: [{name: shop.Orders, method_names: [Get]}]}", "shop.Orders.Get.")]
    [InlineData("individual_method_stats_allowlist: {services: [{name: shop.Orders, method_names: [List]}]}", "")]
    public async Task Calls_AreCountedWhereTheyBelong(string config, string name)
    {
        await using var edge = await GrpcEdge.StartAsync(Filter(config));
        edge.Up.Answer = c => c.Body.Contains("bad", StringComparison.Ordinal) ? GrpcEdge.Fail(c, 5, "none")
            : GrpcEdge.Answer(c, "answer", "grpc-status: 0");
        await CallAsync(edge, messages: GrpcEdge.Message("a") + GrpcEdge.Message("") + GrpcEdge.Message("bcd"));
        await CallAsync(edge, messages: GrpcEdge.Message("bad"));
        await edge.PostAsync("x", "text/plain");
        long Stat(string stat) => edge.Proxy.Stat($"cluster.up.grpc.{name}{stat}");
        await Eventually.Async(() => Stat("total") == 2, "both are over");
        Assert.Equal((1, 1, 4, 1, 1, 1), (Stat("success"), Stat("failure"), Stat("request_message_count"),
            Stat("response_message_count"), Stat("0"), Stat("5")));
    }

    [Fact]
    public async Task NamesThatClientsMakeUp_AreBounded()
    {
        await using var edge = await GrpcEdge.StartAsync(Filter("stats_for_all_methods: true"));
        foreach (string path in (string[])["/a", "/a/b/c", "//b", "/a/", "/a b/c", "/shop.Orders/Get?x=1"]) await CallAsync(edge, path);
        await Eventually.Async(() => edge.Proxy.Stat("cluster.up.grpc.total") + edge.Proxy.Stat("cluster.up.grpc.shop.Orders.Get.total")
            >= 5, "they are over");
        Assert.Equal(1, edge.Proxy.Stat("cluster.up.grpc.shop.Orders.Get.total"));
    }

    [Fact]
    public async Task FilterStateAndTime_AreKeptWhereAskedFor()
    {
        string file = Path.GetTempFileName();
        await using (var edge = await GrpcEdge.StartAsync(Filter("emit_filter_state: true, enable_upstream_stats: true"),
            $"access_log: [{{name: file, typed_config: {{path: {file}, log_format: {{text_format_source: {{inline_string: "
                + "\"%FILTER_STATE(envoy.filters.http.grpc_stats:PLAIN)% %GRPC_STATUS%\\n\"}}}}]," ))
        {
            await CallAsync(edge);
            await Eventually.Async(() => edge.Proxy.Stat("cluster.up.grpc.total") == 1, "it is over");
        }
        Assert.Equal("1,1 OK\n", await File.ReadAllTextAsync(file));
        File.Delete(file);
    }

    [Fact]
    public async Task Counts_GoOnInTheNextVersion()
    {
        await using var edge = await GrpcEdge.StartAsync(Filter(""));
        await CallAsync(edge);
        await Eventually.Async(() => edge.Proxy.Stat("cluster.up.grpc.total") == 1, "it is over");
        await edge.Proxy.PublishAsync(Downstream.NetworkFilters.HttpConnectionManager.Edge.Document(edge.Up.Address, "via: x,",
            filters: Filter(""), cluster: ", http2: true"));
        await CallAsync(edge);
        await Eventually.Async(() => edge.Proxy.Stat("cluster.up.grpc.total") == 2, "the second is counted on top");
    }

    [Fact]
    public void Messages_AreCountedInAnyPieces()
    {
        byte[] body = Encoding.Latin1.GetBytes(GrpcEdge.Message("one") + GrpcEdge.Message("") + GrpcEdge.Message(new string('x', 300)));
        for (int size = 1; size <= body.Length; size++)
        {
            var counter = new MessageCounter();
            for (int at = 0; at < body.Length; at += size) counter.Take(body.AsSpan(at, Math.Min(size, body.Length - at)));
            Assert.Equal(3, counter.Count);
        }
    }
}
