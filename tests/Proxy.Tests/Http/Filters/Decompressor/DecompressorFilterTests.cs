using System.IO.Compression;
using System.Text;
using Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Decompressor;

public sealed class DecompressorFilterTests : IAsyncDisposable
{
    private static readonly string Text = string.Concat(Enumerable.Range(0, 200).Select(i => $"line {i * 7919 % 997} "));

    private readonly RecordingUpstream _up = RecordingUpstream.Start();

    public ValueTask DisposeAsync() => _up.DisposeAsync();

    private static string Filter(string library, string more = "")
        => $"{{name: decompressor, typed_config: {{decompressor_library: {{name: {library}}}{more}}}}},";

    private Task<ProxyFixture> StartAsync(string filter) => ProxyFixture.StartAsync(Edge.Document(_up, filters: filter));

    private static byte[] Compress(string coding, byte[] message, int times = 1)
    {
        var to = new MemoryStream();
        using (Stream stream = coding switch
        {
            "gzip" => new GZipStream(to, CompressionLevel.Optimal, true), "br" => new BrotliStream(to, CompressionLevel.Fastest, true),
            _ => new ZstdSharp.CompressionStream(to, 3, leaveOpen: true),
        })
            for (int i = 0; i < times; i++) stream.Write(message);
        return to.ToArray();
    }

    private static async Task<RawResponse> PostAsync(ProxyFixture proxy, byte[] body, string coding, string more = "")
    {
        await using var client = await proxy.ConnectAsync();
        return await client.AskAsync($"POST / HTTP/1.1\r\nhost: h\r\ncontent-encoding: {coding}\r\n{more}"
            + $"content-length: {body.Length}\r\n\r\n" + Encoding.Latin1.GetString(body));
    }

    [Theory]
    [InlineData("gzip", "gzip")]
    [InlineData("brotli", "br")]
    [InlineData("zstd", "zstd")]
    public async Task BothDirections_AreDecompressed(string library, string coding)
    {
        byte[] body = Compress(coding, Encoding.ASCII.GetBytes(Text));
        _up.Answer = _ => $"HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {body.Length}\r\n\r\n"
            + Encoding.Latin1.GetString(body);
        await using var proxy = await StartAsync(Filter(library));
        for (int i = 0; i < 2; i++)
        {
            var answer = await PostAsync(proxy, body, coding);
            Assert.Equal((200, null, Text), (answer.Status, answer["content-encoding"], answer.Text));
        }
        var got = _up.Requests[1];
        Assert.Equal((null, Text, coding), (got["content-encoding"], got.Text, got["accept-encoding"]));
        string prefix = $"http.edge.decompressor.{library}.{library}.";
        Assert.Equal((2, 2, 2 * Text.Length, 2 * body.Length), (proxy.Stat(prefix + "request.decompressed"),
            proxy.Stat(prefix + "response.decompressed"), proxy.Stat(prefix + "request.total_uncompressed_bytes"),
            proxy.Stat(prefix + "response.total_compressed_bytes")));
    }

    [Theory]
    [InlineData("br", "", false, "br")]
    [InlineData("gzip", "cache-control: no-transform\r\n", false, "gzip")]
    [InlineData("br, gzip", "", true, "br")]
    [InlineData("gzip, br", "", false, "gzip, br")]
    [InlineData("X-GZIP", "", true, null)]
    public async Task Coding_IsTakenOffWhenItIsTheLast(string coding, string more, bool taken, string? left)
    {
        byte[] body = Compress("gzip", Encoding.ASCII.GetBytes(Text));
        await using var proxy = await StartAsync(Filter("gzip"));
        Assert.Equal(200, (await PostAsync(proxy, body, coding, more)).Status);
        var got = Assert.Single(_up.Requests);
        Assert.Equal((left, taken), (got["content-encoding"], got.Text == Text));
    }

    [Theory]
    [InlineData(", request_direction_config: {common_config: {enabled: {default_value: false, runtime_key: x}}}", "", false, "gzip")]
    [InlineData(", request_direction_config: {common_config: {ignore_no_transform_header: true}}", "cache-control: no-transform\r\n", true,
        "gzip")]
    [InlineData(", request_direction_config: {advertise_accept_encoding: false}", "", true, null)]
    [InlineData(", response_direction_config: {common_config: {enabled: {default_value: false, runtime_key: x}}}", "", true, null)]
    [InlineData("", "accept-encoding: br\r\n", true, "br,gzip")]
    [InlineData("", "accept-encoding: gzip\r\n", true, "gzip")]
    public async Task Configuration_SaysWhatIsDecompressed(string config, string more, bool taken, string? accepts)
    {
        await using var proxy = await StartAsync(Filter("gzip", config));
        Assert.Equal(200, (await PostAsync(proxy, Compress("gzip", Encoding.ASCII.GetBytes(Text)), "gzip", more)).Status);
        var got = Assert.Single(_up.Requests);
        Assert.Equal((taken, accepts), (got.Text == Text, got["accept-encoding"]));
    }

    [Theory]
    [InlineData("gzip", "gzip")]
    [InlineData("brotli", "br")]
    [InlineData("zstd", "zstd")]
    public async Task Bomb_IsRefusedAfterItsBound(string library, string coding)
    {
        // 64 MiB of nothing: the rest of a larger one is never read.
        byte[] bomb = Compress(coding, new byte[1 << 20], times: 64);
        await using var proxy = await StartAsync(Filter(library));
        var answer = await PostAsync(proxy, bomb, coding);
        Assert.Equal((400, "decompression failed"), (answer.Status, answer.Text));
        long written = proxy.Stat($"http.edge.decompressor.{library}.{library}.request.total_uncompressed_bytes");
        Assert.InRange(written, 64 * 1024, 64 * 1024 + 100L * bomb.Length + 64 * 1024);
        Assert.Empty(_up.Requests);
        // What is highly compressible but small passes.
        Assert.Equal(200, (await PostAsync(proxy, Compress(coding, new byte[60_000]), coding)).Status);
    }

    [Theory]
    [InlineData("gzip", "gzip")]
    [InlineData("brotli", "br")]
    [InlineData("zstd", "zstd")]
    public async Task BrokenOrCutBody_IsNotTakenForAWholeOne(string library, string coding)
    {
        byte[] body = Compress(coding, Encoding.ASCII.GetBytes(Text));
        await using var proxy = await StartAsync(Filter(library));
        Assert.Equal(400, (await PostAsync(proxy, body[..^3], coding)).Status);
        Assert.Equal(400, (await PostAsync(proxy, Encoding.ASCII.GetBytes("this was never compressed by anybody"), coding)).Status);
        // The head of an answer is on its way already: the client sees that the rest does not come.
        _up.Answer = _ => $"HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: 5\r\n\r\nwrong";
        await using var client = await proxy.ConnectAsync();
        await client.GetAsync();
        Assert.DoesNotContain("wrong", Encoding.Latin1.GetString(await client.ReadToEndAsync()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", "decompressor_library")]
    [InlineData("{decompressor_library: {name: none}}", "'none' is not a decompressor library")]
    [InlineData("{decompressor_library: {name: x, typed_config: {'@type': envoy.extensions.compression.brotli.decompressor.v3.Brotli, "
        + "disable_ring_buffer_reallocation: true}}}", "'disable_ring_buffer_reallocation' is not supported")]
    public async Task WhatIsWrong_IsSaid(string config, string error)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        Assert.Contains(proxy.Build(Edge.Document("127.0.0.1:1", filters: $"{{name: decompressor, typed_config: {config}}},")).Errors,
            e => (e.Detail + e.Pointer).Contains(error, StringComparison.Ordinal));
    }
}
