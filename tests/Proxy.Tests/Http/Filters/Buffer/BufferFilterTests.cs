using Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Buffer;

public sealed class BufferFilterTests
{
    private const string Filter = "{name: buffer, typed_config: {max_request_bytes: 100}},";
    private const string Routes = """
        {match: {prefix: /off}, route: {cluster: up}, typed_per_filter_config: {buffer: {disabled: true}}},
        {match: {prefix: /large}, route: {cluster: up}, typed_per_filter_config: {buffer: {buffer: {max_request_bytes: 3000000}}}},
        {match: {prefix: /}, route: {cluster: up}}
        """;

    private static string Chunked(string path, params string[] pieces)
        => $"POST {path} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
            + string.Concat(pieces.Select(p => $"{p.Length:x}\r\n{p}\r\n")) + "0\r\n\r\n";

    [Fact]
    public async Task Request_WaitsUntilItIsWholeAndHasALength()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, filters: Filter, routes: Routes.ReplaceLineEndings(" ")));
        await using var client = await proxy.ConnectAsync();
        string request = Chunked("/", "hello ", "world");
        await client.SendAsync(request[..^10]);
        await proxy.PassAsync(50);
        Assert.Equal(0, up.Accepted);
        await client.SendAsync(request[^10..]);
        Assert.Equal(200, (await client.ReadAsync()).Status);
        var got = Assert.Single(up.Requests);
        Assert.Equal(("11", null, "hello world"), (got["content-length"], got["transfer-encoding"], got.Text));
    }

    [Theory]
    [InlineData("/", 100, 200)]
    [InlineData("/", 101, 413)]
    [InlineData("/off", 101, 200)]
    [InlineData("/large", 2_000_000, 200)] // more than a listener lets filters hold
    [InlineData("/large", 3_000_001, 413)]
    public async Task LargeBody_IsRefused(string path, int length, int status)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, filters: Filter, routes: Routes.ReplaceLineEndings(" ")));
        await using (var chunked = await proxy.ConnectAsync())
            Assert.Equal(status, (await chunked.AskAsync(Chunked(path, new string('x', length)))).Status);
        await using var counted = await proxy.ConnectAsync();
        // One whose length is said before is refused before a byte of it comes.
        await counted.SendAsync($"POST {path} HTTP/1.1\r\nhost: h\r\ncontent-length: {length}\r\n\r\n");
        if (status == 200) await counted.SendAsync(new string('x', length));
        Assert.Equal(status, (await counted.ReadAsync()).Status);
        Assert.Equal(status == 200 ? 2 : 0, up.Requests.Count);
    }

    [Theory]
    [InlineData("{max_request_bytes: 0}")]
    [InlineData("{}")]
    public async Task LimitOfNothing_IsRefused(string config)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        Assert.Contains(proxy.Build(Edge.Document("127.0.0.1:1", filters: $"{{name: buffer, typed_config: {config}}},")).Errors,
            e => e.Pointer.Contains("max_request_bytes", StringComparison.Ordinal));
    }
}
