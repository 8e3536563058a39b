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

    /// <summary>
    /// Ten gigabytes of nothing, written as their formats allow it without making them: the same block again and again. Of them is made
    /// what the bound allows, and the memory of this process stays what it was.
    /// </summary>
    [Theory]
    [InlineData("gzip", "gzip")]
    [InlineData("zstd", "zstd")]
    public async Task TenGigabytes_CostNoMoreThanTheirBound(string library, string coding)
    {
        byte[] bomb = coding == "gzip" ? Gzip(10L << 30) : Zstd(10L << 30);
        await using var proxy = await StartAsync(Filter(library));
        await PostAsync(proxy, Compress(coding, new byte[60_000]), coding);
        long before = GC.GetTotalAllocatedBytes();
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync($"POST / HTTP/1.1\r\nhost: h\r\ncontent-encoding: {coding}\r\ncontent-length: {bomb.Length}\r\n\r\n");
        // The answer is there long before the end; what is sent beyond it may find nobody.
        Task<RawResponse> answer = client.ReadAsync();
        for (int at = 0; at < bomb.Length && !answer.IsCompleted; at += 16_384)
        {
            try
            {
                await client.SendAsync(bomb.AsMemory(at, Math.Min(16_384, bomb.Length - at)));
            }
            catch (IOException)
            {
                break;
            }
        }
        Assert.Equal(400, (await answer).Status);
        long written = proxy.Stat($"http.edge.decompressor.{library}.{library}.request.total_uncompressed_bytes");
        Assert.InRange(written, 60_000, 60_000 + 64 * 1024 + 100L * bomb.Length + 64 * 1024);
        Assert.InRange(written, 60_000, 64 << 20); // and of a body that is held, no more than a stream may hold
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{bomb.Length} bytes of {coding}: {written} made, {GC.GetTotalAllocatedBytes() - before} bytes allocated in all");
        Assert.Single(_up.Requests); // that of before
    }

    // A block that ends at a byte and refers to nothing before it (Z_FULL_FLUSH) may stand again behind itself (RFC 1951).
    private static byte[] Gzip(long length)
    {
        var one = new MemoryStream();
        using (var stream = new DeflateStream(one, CompressionLevel.Optimal, leaveOpen: true))
        {
            stream.Write(new byte[1 << 20]);
            stream.Flush(); // a sync flush, whose block is of zeros alone: what it refers to are zeros again
        }
        byte[] block = one.ToArray()[..^2]; // without the empty last block
        var all = new MemoryStream();
        all.Write([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]);
        for (long made = 0; made < length; made += 1 << 20) all.Write(block);
        return all.ToArray();
    }

    // RFC 8878: a frame with a window of 128 KiB, then blocks of one byte that is repeated 131,072 times each.
    private static byte[] Zstd(long length)
    {
        var all = new MemoryStream();
        all.Write([0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x38]);
        uint head = (1 << 17) << 3 | 1 << 1;
        for (long made = 0; made < length; made += 1 << 17) all.Write([(byte)head, (byte)(head >> 8), (byte)(head >> 16), 0]);
        return all.ToArray();
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
