using System.Text;
using Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.TestKit;

namespace Managed.Proxy.Tests.Http.Filters;

/// <summary>A gRPC service behind the proxy with some filters, and messages of its protocol.</summary>
internal sealed class GrpcEdge : IAsyncDisposable
{
    public required Http2Upstream Up { get; init; }
    public required ProxyFixture Proxy { get; init; }

    public static async Task<GrpcEdge> StartAsync(string filters, string manager = "",
        string routes = "{match: {prefix: /}, route: {cluster: up}}")
    {
        var up = new Http2Upstream();
        up.Answer = call => Answer(call, "answer", "grpc-status: 0");
        return new GrpcEdge
        {
            Up = up,
            Proxy = await ProxyFixture.StartAsync(Edge.Document(up.Address, manager, routes, filters: filters, cluster: ", http2: true")),
        };
    }

    public static Http2Script Answer(Http2Call call, string message, params string[] trailers)
        => new Http2Script().Headers(call.Id, false, ":status: 200", "content-type: application/grpc")
            .Data(call.Id, Message(message)).Headers(call.Id, true, trailers);

    public static Http2Script Fail(Http2Call call, int status, string message)
        => new Http2Script().Headers(call.Id, true, ":status: 200", "content-type: application/grpc", $"grpc-status: {status}",
            $"grpc-message: {message}");

    /// <summary>With the five bytes before it; each byte a Latin-1 letter.</summary>
    public static string Message(string text)
        => $"\0{(char)0}{(char)0}{(char)(text.Length >> 8)}{(char)(text.Length & 255)}{text}";

    public async Task<RawResponse> PostAsync(string body, string type, string path = "/shop.Orders/Get", string more = "")
    {
        await using var client = await Proxy.ConnectAsync();
        return await client.AskAsync($"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: {type}\r\n{more}"
            + $"content-length: {body.Length}\r\n\r\n"
            + body);
    }

    public static string Latin1(RawResponse response) => Encoding.Latin1.GetString(response.Body);

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await Up.DisposeAsync();
    }
}
