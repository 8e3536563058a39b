using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Filters.GrpcWeb;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.GrpcWeb;

public sealed class GrpcWebFilterTests
{
    private const string Filter = "{name: grpc_web},";
    private const string Status = "grpc-status: 0\r\n";

    private static string Text(string latin1) => Convert.ToBase64String(Encoding.Latin1.GetBytes(latin1));

    private static string Trailers(string fields) => $"\u0080\0\0\0{(char)fields.Length}{fields}";

    [Theory]
    [InlineData("application/grpc-web", "application/grpc")]
    [InlineData("application/grpc-web+proto", "application/grpc+proto")]
    [InlineData("application/grpc-web+thrift", "application/grpc+thrift")]
    [InlineData("application/GRPC-web", "application/grpc")]
    public async Task BinaryForm_BecomesGrpcAndBack(string type, string sent)
    {
        await using var edge = await GrpcEdge.StartAsync(Filter);
        var response = await edge.PostAsync(GrpcEdge.Message("ask"), type);
        Assert.Equal((200, "application/grpc-web+proto", GrpcEdge.Message("answer") + Trailers(Status)),
            (response.Status, response["content-type"], GrpcEdge.Latin1(response)));
        Assert.Empty(response.Trailers);
        var call = Assert.Single(edge.Up.Calls);
        Assert.Equal((sent, "trailers", "identity,deflate,gzip", GrpcEdge.Message("ask"), null),
            (call["content-type"], call["te"], call["grpc-accept-encoding"], call.Body, call["content-length"]));
    }

    [Fact]
    public async Task TextForm_IsBase64BothWays()
    {
        await using var edge = await GrpcEdge.StartAsync(Filter);
        var response = await edge.PostAsync(Text(GrpcEdge.Message("ask")), "application/grpc-web-text",
            more: "accept: application/grpc-web-text\r\n");
        Assert.Equal("application/grpc-web-text+proto", response["content-type"]);
        Assert.Equal(Text(GrpcEdge.Message("answer")) + Text(Trailers(Status)), GrpcEdge.Latin1(response));
        Assert.Equal(("application/grpc", GrpcEdge.Message("ask")), (edge.Up.Calls[0]["content-type"], edge.Up.Calls[0].Body));
    }

    [Theory]
    [InlineData("!!!!")]
    [InlineData("AAA")]
    [InlineData("AA=A")]
    [InlineData("AAAA AAA")]
    public async Task WhatIsNoBase64_IsRefused(string body)
    {
        await using var edge = await GrpcEdge.StartAsync(Filter);
        var response = await edge.PostAsync(body, "application/grpc-web-text");
        Assert.Equal("13", response["grpc-status"]); // INTERNAL stands for 400
        Assert.Contains("base64", response["grpc-message"]!, StringComparison.Ordinal);
        Assert.All(edge.Up.Calls, c => Assert.False(c.Ended));
    }

    [Fact]
    public async Task ErrorOfTrailersOnly_StaysInTheHead()
    {
        await using var edge = await GrpcEdge.StartAsync(Filter);
        edge.Up.Answer = static c => GrpcEdge.Fail(c, 5, "none");
        var response = await edge.PostAsync(GrpcEdge.Message("ask"), "application/grpc-web");
        Assert.Equal((200, "application/grpc-web+proto", "5", "none", ""), (response.Status, response["content-type"],
            response["grpc-status"], response["grpc-message"], response.Text));
    }

    [Theory]
    [InlineData(":status: 503", "14")]
    [InlineData(":status: 403", "7")]
    [InlineData(":status: 200", "0")]
    public async Task AnswerThatIsNoGrpc_BecomesAnError(string head, string status)
    {
        await using var edge = await GrpcEdge.StartAsync(Filter);
        edge.Up.Answer = c => new Http2Script().Headers(c.Id, false, head, "content-type: text/html").Data(c.Id, "<b>50%</b>")
            .Data(c.Id, "\n", true);
        var response = await edge.PostAsync(GrpcEdge.Message("ask"), "application/grpc-web");
        Assert.Equal((200, status, "<b>50%25</b>%0A", "application/grpc-web+proto", ""), (response.Status, response["grpc-status"],
            response["grpc-message"], response["content-type"], response.Text));
    }

    [Fact]
    public async Task AnswersOfOurOwn_AreForTheBrowserToo()
    {
        await using var edge = await GrpcEdge.StartAsync(Filter, routes: "{match: {prefix: /none}, route: {cluster: up}}");
        var response = await edge.PostAsync(GrpcEdge.Message("ask"), "application/grpc-web");
        Assert.Equal((200, "12", "application/grpc-web+proto"), (response.Status, response["grpc-status"], response["content-type"]));
    }

    [Theory]
    [InlineData("application/grpc")]
    [InlineData("application/grpc-webx")]
    [InlineData("text/plain")]
    public async Task Others_PassUntouched(string type)
    {
        await using var edge = await GrpcEdge.StartAsync(Filter);
        var response = await edge.PostAsync("body", type);
        Assert.Equal((type, "body"), (edge.Up.Calls[0]["content-type"], edge.Up.Calls[0].Body));
        Assert.Equal("0", response.Trailers.Single(t => t.Key == "grpc-status").Value);
    }

    [Fact]
    public void Base64InAnyPieces_IsTheSame()
    {
        // Three messages, each with its own padding.
        string text = Text("a") + Text("bc") + Text("def") + Text("0123456789");
        for (int size = 1; size <= text.Length; size++)
        {
            var (chunks, to) = (new Base64Chunks(), new ByteWriter());
            for (int at = 0; at < text.Length; at += size)
                Assert.True(chunks.TryDecode(Encoding.ASCII.GetBytes(text[at..Math.Min(text.Length, at + size)]), to));
            Assert.True(chunks.IsBetweenGroups);
            Assert.Equal("abcdef0123456789", Encoding.ASCII.GetString(to.Written));
        }
    }
}
