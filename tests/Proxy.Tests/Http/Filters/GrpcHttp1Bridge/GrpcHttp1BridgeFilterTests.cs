using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.GrpcHttp1Bridge;

public sealed class GrpcHttp1BridgeFilterTests
{
    private const string Filter = "{name: grpc_http1_bridge},";
    private const string Upgrading = "{name: grpc_http1_bridge, typed_config: "
        + "{upgrade_protobuf_to_grpc: true, ignore_query_parameters: true}},";

    [Fact]
    public async Task Answer_HasItsStatusInTheHead()
    {
        await using var edge = await GrpcEdge.StartAsync(Filter);
        edge.Up.Answer = static c => GrpcEdge.Answer(c, "answer", "grpc-status: 0", "grpc-message: fine");
        var response = await edge.PostAsync(GrpcEdge.Message("ask"), "application/grpc");
        Assert.Equal((200, "0", "fine", "11", GrpcEdge.Message("answer")), (response.Status, response["grpc-status"],
            response["grpc-message"], response["content-length"], GrpcEdge.Latin1(response)));
        Assert.Empty(response.Trailers);
        Assert.Equal(GrpcEdge.Message("ask"), edge.Up.Calls[0].Body);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Errors_Are503(bool trailersOnly)
    {
        await using var edge = await GrpcEdge.StartAsync(Filter);
        edge.Up.Answer = c => trailersOnly ? GrpcEdge.Fail(c, 5, "none") : GrpcEdge.Answer(c, "", "grpc-status: 5", "grpc-message: none");
        var response = await edge.PostAsync(GrpcEdge.Message("ask"), "application/grpc");
        Assert.Equal((503, "5", "none"), (response.Status, response["grpc-status"], response["grpc-message"]));
    }

    [Fact]
    public async Task ClientsOfHttp2_AndOtherRequests_PassUntouched()
    {
        await using var edge = await GrpcEdge.StartAsync(Filter);
        await using var peer = await Http2Peer.ConnectAsync(edge.Proxy.Port());
        await peer.SendAsync(new Http2Script().Request(1, "/shop.Orders/Get", true, "POST", "content-type: application/grpc"));
        Assert.Equal("HEADERS 1 200|DATA 1 11|HEADERS 1  END", string.Join('|', await peer.ReadStreamAsync(1)));
        var plain = await edge.PostAsync("x", "text/plain");
        Assert.Equal("0", plain.Trailers.Single(t => t.Key == "grpc-status").Value);
    }

    [Fact]
    public async Task Protobuf_GetsAndLosesItsPrefix()
    {
        await using var edge = await GrpcEdge.StartAsync(Upgrading);
        var response = await edge.PostAsync("ask", "application/x-protobuf", "/shop.Orders/Get?q=1");
        Assert.Equal((200, "application/x-protobuf", "0", "6", "answer"), (response.Status, response["content-type"],
            response["grpc-status"], response["content-length"], response.Text));
        var call = edge.Up.Calls[0];
        Assert.Equal(("application/grpc", "/shop.Orders/Get", GrpcEdge.Message("ask"), "trailers"),
            (call["content-type"], call.Path, call.Body, call["te"]));
        edge.Up.Answer = static c => GrpcEdge.Fail(c, 7, "no");
        Assert.Equal(503, (await edge.PostAsync("ask", "application/x-protobuf")).Status);
    }

    [Fact]
    public async Task Protobuf_WithoutTheSetting_IsNone()
    {
        await using var edge = await GrpcEdge.StartAsync(Filter);
        await edge.PostAsync("ask", "application/x-protobuf", "/a?q=1");
        Assert.Equal(("application/x-protobuf", "/a?q=1", "ask"), (edge.Up.Calls[0]["content-type"], edge.Up.Calls[0].Path,
            edge.Up.Calls[0].Body));
    }
}
