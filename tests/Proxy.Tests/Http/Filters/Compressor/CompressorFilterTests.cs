using System.IO.Compression;
using System.Text;
using Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Compressor;

public sealed class CompressorFilterTests : IAsyncDisposable
{
    private static readonly string Text = string.Concat(Enumerable.Repeat("hello compression ", 100));

    private readonly RecordingUpstream _up = RecordingUpstream.Start();

    public ValueTask DisposeAsync() => _up.DisposeAsync();

    private static string Filter(string library = "gzip", string more = "", string name = "")
        => $"{{name: {(name.Length > 0 ? name : library)}, "
            + $"typed_config: {{\"@type\": compressor, compressor_library: {{name: {library}}}{more}}}}},";

    private Task<ProxyFixture> StartAsync(string filters, string routes = "{match: {prefix: /}, route: {cluster: up}}")
        => ProxyFixture.StartAsync(Edge.Document(_up, filters: filters, routes: routes));

    private void Answers(string headers = "content-type: text/plain\r\n", string? body = null)
        => _up.Answer = _ => RecordingUpstream.Ok(body ?? Text, headers);

    private static string Read(RawResponse answer)
    {
        using var from = new MemoryStream(answer.Body);
        using Stream? stream = answer["content-encoding"] switch
        {
            "gzip" => new GZipStream(from, CompressionMode.Decompress),
            "br" => new BrotliStream(from, CompressionMode.Decompress),
            "zstd" => new ZstdSharp.DecompressionStream(from),
            _ => null,
        };
        return stream is null ? answer.Text : new StreamReader(stream, Encoding.Latin1).ReadToEnd();
    }

    [Theory]
    [InlineData("gzip", "gzip")]
    [InlineData("brotli", "br")]
    [InlineData("zstd", "zstd")]
    public async Task Answer_IsCompressedAndCounted(string library, string coding)
    {
        Answers();
        await using var proxy = await StartAsync(Filter(library, ", response_direction_config: {}"));
        for (int i = 0; i < 3; i++)
        {
            var answer = await proxy.GetAsync(headers: $"accept-encoding: {coding}\r\n");
            Assert.Equal((coding, "Accept-Encoding", null), (answer["content-encoding"], answer["vary"], answer["content-length"]));
            Assert.Equal(Text, Read(answer));
        }
        string prefix = $"http.edge.compressor.{library}.{library}.response.";
        Assert.Equal((3, 0, 3 * Text.Length, 3), (proxy.Stat(prefix + "compressed"), proxy.Stat(prefix + "not_compressed"),
            proxy.Stat(prefix + "total_uncompressed_bytes"), proxy.Stat(prefix + "header_compressor_used")));
        Assert.InRange(proxy.Stat(prefix + "total_compressed_bytes"), 30, Text.Length);
        // One that cannot be asked for by this client.
        var plain = await proxy.GetAsync();
        Assert.Equal((null, "Accept-Encoding", Text), (plain["content-encoding"], plain["vary"], plain.Text));
        Assert.Equal(1, proxy.Stat(prefix + "no_accept_header"));
    }

    [Fact]
    public async Task Weights_ChooseAmongTheCompressors()
    {
        Answers();
        await using var proxy = await StartAsync(Filter("brotli") + Filter("gzip"));
        foreach (var (accepted, coding) in new (string, string?)[]
        {
            ("gzip", "gzip"),
            ("br", "br"),
            ("gzip, br", "br"), // the same weight: the first of the chain
            ("gzip;q=1.0, br;q=0.9", "gzip"),
            ("GZIP, deflate", "gzip"),
            ("*", "br"),
            ("*;q=0.5, gzip", "gzip"),
            ("br;q=0, *", "gzip"),
            ("br;q=0, gzip;q=0", null),
            ("identity", null),
            ("identity;q=1, gzip;q=0.5", null),
            ("gzip;q=0.001", "gzip"),
            ("gzip;q=nonsense", null),
            ("gzip;q=1.5", "gzip"),
            ("deflate", null),
            ("", null),
        })
        {
            var answer = await proxy.GetAsync(headers: $"accept-encoding: {accepted}\r\n");
            Assert.Equal((accepted, coding), (accepted, answer["content-encoding"]));
            Assert.Equal(Text, Read(answer));
        }
    }

    [Fact]
    public async Task ChooseFirst_BreaksTies()
    {
        Answers();
        await using var proxy = await StartAsync(Filter("brotli") + Filter("gzip", ", choose_first: true") + Filter("zstd"));
        Assert.Equal("gzip", (await proxy.GetAsync(headers: "accept-encoding: br, zstd, gzip\r\n"))["content-encoding"]);
        Assert.Equal("br", (await proxy.GetAsync(headers: "accept-encoding: br, zstd, gzip;q=0.9\r\n"))["content-encoding"]);
    }

    [Fact]
    public async Task Answer_SaysWhetherItMayBeCompressed()
    {
        await using var proxy = await StartAsync(Filter());
        foreach (var (headers, compressed) in new[]
        {
            ("content-type: text/html; charset=utf-8\r\n", true),
            ("", true),
            ("content-type: image/png\r\n", false),
            ("content-type: text/plain\r\ncontent-encoding: br\r\n", false),
            ("content-type: text/plain\r\ncache-control: private, No-Transform\r\n", false),
            ("content-type: text/plain\r\netag: W/\"a\"\r\n", true),
        })
        {
            Answers(headers);
            var answer = await proxy.GetAsync(headers: "accept-encoding: gzip\r\n");
            Assert.Equal((headers, compressed), (headers, answer["content-encoding"] == "gzip"));
            Assert.Equal(compressed ? "Accept-Encoding" : null, answer["vary"]);
            Assert.Equal(headers.Contains("etag", StringComparison.Ordinal) ? "W/\"a\"" : null, answer["etag"]);
        }
    }

    [Fact]
    public async Task Configuration_SaysWhatIsCompressed()
    {
        Answers("content-type: text/plain\r\netag: \"a\"\r\nvary: Origin\r\n");
        var cases = new (string More, string? Etag, bool Compressed)[]
        {
            ("", null, true),
            (", response_direction_config: {disable_on_etag_header: true}", "\"a\"", false),
            (", response_direction_config: {weaken_etag_on_compress: true}", "W/\"a\"", true),
            (", response_direction_config: {uncompressible_response_codes: [200]}", "\"a\"", false),
            (", response_direction_config: {common_config: {min_content_length: 1800}}", null, true),
            (", response_direction_config: {common_config: {min_content_length: 1801}}", "\"a\"", false),
            (", response_direction_config: {common_config: {content_type: [text/html]}}", "\"a\"", false),
            (", response_direction_config: {common_config: {enabled: {default_value: false, runtime_key: x}}}", "\"a\"", false),
            (", runtime_enabled: {default_value: false, runtime_key: x}", "\"a\"", false),
            (", content_length: 1801", "\"a\"", false),
            (", content_type: [text/html]", "\"a\"", false),
            (", disable_on_etag_header: true", "\"a\"", false),
        };
        const string Hosts = "{name: all, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster: up}}]}";
        await using var proxy = await ProxyFixture.StartAsync($"clusters:\n- {{name: up, endpoints: ['{_up.Address}']}}\nlisteners:\n"
            + string.Concat(cases.Select((c, i) => $"- {Edge.Listener($"c{i}", "", Hosts, filters: Filter(more: c.More))}\n")));
        for (int i = 0; i < cases.Length; i++)
        {
            var answer = await proxy.GetAsync(headers: "accept-encoding: gzip\r\n", listener: $"c{i}");
            Assert.Equal((i, cases[i].Compressed, cases[i].Etag), (i, answer["content-encoding"] == "gzip", answer["etag"]));
            Assert.Equal(Text, Read(answer));
            Assert.StartsWith("Origin", answer["vary"]);
        }
    }

    [Fact]
    public async Task Route_SwitchesOffAndKeepsTheHeader()
    {
        Answers();
        await using var proxy = await StartAsync(Filter(more: ", response_direction_config: {remove_accept_encoding_header: true}"),
            "{match: {prefix: /off}, route: {cluster: up}, typed_per_filter_config: {gzip: {disabled: true}}}, "
            + "{match: {prefix: /own}, route: {cluster: up}, typed_per_filter_config: {gzip: {\"@type\": compressor, disabled: true}}}, "
            + "{match: {prefix: /keep}, route: {cluster: up}, typed_per_filter_config: {gzip: {\"@type\": compressor, overrides: "
            + "{response_direction_config: {remove_accept_encoding_header: false}}}}}, {match: {prefix: /}, route: {cluster: up}}");
        foreach (var (path, coding, sent) in new[] { ("/off", null, "gzip"), ("/own", null, "gzip"), ("/keep", "gzip", "gzip"),
            ("/", "gzip", (string?)null) })
        {
            _up.Clear();
            Assert.Equal(coding, (await proxy.GetAsync(path, headers: "accept-encoding: gzip\r\n"))["content-encoding"]);
            Assert.Equal(sent, Assert.Single(_up.Requests)["accept-encoding"]);
        }
    }

    [Fact]
    public async Task Request_IsCompressedWhereThatIsAskedFor()
    {
        await using var proxy = await StartAsync(Filter(more: ", request_direction_config: {common_config: {min_content_length: 100}}"));
        await using var client = await proxy.ConnectAsync();
        Assert.Equal(200, (await client.AskAsync($"POST / HTTP/1.1\r\nhost: h\r\ncontent-type: text/plain\r\ncontent-length: {Text.Length}"
            + $"\r\n\r\n{Text}")).Status);
        var got = Assert.Single(_up.Requests);
        Assert.Equal("gzip", got["content-encoding"]);
        using var stream = new GZipStream(new MemoryStream(got.Body), CompressionMode.Decompress);
        Assert.Equal(Text, new StreamReader(stream).ReadToEnd());
        Assert.Equal(200, (await client.AskAsync("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nhi")).Status);
        Assert.Equal("hi", _up.Requests[1].Text);
        Assert.Equal((1, 1), (proxy.Stat("http.edge.compressor.gzip.gzip.request.compressed"),
            proxy.Stat("http.edge.compressor.gzip.gzip.request.content_length_too_small")));
    }

    [Fact]
    public async Task Stream_ComesAtTheServicesPace()
    {
        var next = new SemaphoreSlim(0);
        _up.Script = async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.SendAsync("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n");
            for (int i = 0; i < 3; i++)
            {
                await peer.SendAsync($"7\r\nevent {i}\r\n");
                await next.WaitAsync();
            }
            await peer.SendAsync("0\r\n\r\n");
        };
        await using var proxy = await StartAsync(Filter());
        await using var client = await proxy.ConnectAsync();
        await client.GetAsync(headers: "accept-encoding: gzip\r\n");
        var wire = new List<byte>();
        for (int i = 0; i < 3; i++)
        {
            // What came so far can be read: the inflated text ends with the event.
            while (!Inflated(wire).EndsWith($"event {i}", StringComparison.Ordinal)) wire.AddRange(await client.ReadBytesAsync(1));
            next.Release();
        }
        static string Inflated(List<byte> wire)
        {
            string all = Encoding.Latin1.GetString([.. wire]);
            int at = all.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (at < 0) return "";
            var body = new List<byte>();
            string rest = all[(at + 4)..];
            while (rest.IndexOf("\r\n", StringComparison.Ordinal) is > 0 and var line)
            {
                int length = Convert.ToInt32(rest[..line], 16);
                if (rest.Length < line + 2 + length) return "";
                body.AddRange(Encoding.Latin1.GetBytes(rest.Substring(line + 2, length)));
                rest = rest[Math.Min(rest.Length, line + 4 + length)..];
            }
            var decoder = new Managed.Proxy.Core.Compression.GzipDecoder(15);
            var to = new Managed.Proxy.Core.Buffers.ByteWriter();
            decoder.Reset();
            Assert.True(decoder.TryWrite([.. body], to, 1000));
            decoder.Dispose();
            return Encoding.Latin1.GetString(to.Written);
        }
    }

    [Theory]
    [InlineData("{}", "compressor_library")]
    [InlineData("{compressor_library: {name: lzma}}", "'lzma' is not a compressor library")]
    [InlineData("{compressor_library: {name: x, typed_config: {'@type': envoy.extensions.compression.zstd.compressor.v3.Zstd, "
        + "dictionary: {}}}}", "'dictionary' is not supported")]
    [InlineData("{compressor_library: {name: gzip}, content_length: 5, response_direction_config: {}}", "exclude each other")]
    [InlineData("{compressor_library: {name: gzip}, response_direction_config: {status_header_enabled: true}}",
        "'status_header_enabled' is not supported")]
    [InlineData("{compressor_library: {name: x, typed_config: {'@type': envoy.extensions.compression.gzip.compressor.v3.Gzip, "
        + "window_bits: 8}}}", "9")]
    public async Task WhatIsWrong_IsSaid(string config, string error)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        Assert.Contains(proxy.Build(Edge.Document("127.0.0.1:1", filters: $"{{name: compressor, typed_config: {config}}},")).Errors,
            e => (e.Detail + e.Pointer).Contains(error, StringComparison.Ordinal));
    }
}
