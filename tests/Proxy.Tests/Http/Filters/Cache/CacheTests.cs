using System.Collections.Concurrent;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Cache;

/// <summary>RFC 9111, line by line: what a first answer was, what is asked then, and whether the upstream sees it.</summary>
public sealed class CacheTests(CacheTests.Edge edge) : IClassFixture<CacheTests.Edge>
{
    public sealed class Edge : IAsyncLifetime
    {
        private readonly ConcurrentDictionary<string, Func<UpstreamRequest, string?>> _answers = new();
        private int _last;

        public RecordingUpstream Upstream { get; } = RecordingUpstream.Start("up");
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Upstream.Answer = r => _answers.TryGetValue(r.Target.Split('?')[0], out var answer) ? answer(r) : null;
            string Cache(string more) => "{name: cache, typed_config: {typed_config: {'@type': type.googleapis.com/"
                + "envoy.extensions.http.cache.simple_http_cache.v3.SimpleHttpCacheConfig}, max_body_bytes: 2000, "
                + $"allowed_vary_headers: [{{exact: accept-language}}, {{prefix: x-v}}]{more}}}}}";
            string Listener(string name, string more) => $$"""
                - name: {{name}}
                  address: 127.0.0.1:0
                  http_filters: [{name: header_mutation, typed_config: {mutations: {response_mutations: [{append: {header: {key: x-out, value: "1"}, append_action: APPEND_IF_EXISTS_OR_ADD} }]} } }, {{Cache(more)}}]
                  routes:
                  - {match: {prefix: /b}, route: {cluster: up, prefix_rewrite: /b}, response_headers_to_add: [{header: {key: x-route, value: "1"} }], request_headers_to_remove: [accept-language]}
                  - {match: {prefix: /}, route: {cluster: up} }
                """;
            Proxy = await ProxyFixture.StartAsync($"""
                clusters: [{"{"}name: up, endpoints: ["{Upstream.Address}"]{"}"}]
                listeners:
                {Listener("edge", "")}
                {Listener("strict", ", ignore_request_cache_control_header: true, key_creator_params: {exclude_scheme: true, exclude_host: true, "
                    + "query_parameters_excluded: [{name: utm}]}")}
                {Listener("herd", ", thundering_herd_handler: {block_until_completion: {unblock_additional_request_period: 3600s}}")}
                """);
        }

        /// <summary>A path of its own, answered so: a head's fields, or a whole answer that begins with a status.</summary>
        public string Path(Func<UpstreamRequest, string> answer, string under = "/")
        {
            string path = $"{under}{Interlocked.Increment(ref _last)}";
            _answers[path] = r => answer(r) is var text && text.StartsWith("HTTP/", StringComparison.Ordinal) ? text
                : $"HTTP/1.1 {(char.IsAsciiDigit(text[0]) ? text[..3] : "200")} X\r\n"
                    + (char.IsAsciiDigit(text[0]) ? text[3..].TrimStart() : text) + "content-length: 5\r\n\r\nhello";
            return path;
        }

        public int Seen(string path) => Upstream.Requests.Count(r => r.Target.Split('?')[0] == path);

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Upstream.DisposeAsync();
        }
    }

    private const string Fresh = "cache-control: max-age=100\r\n";
    private const string Old = "date: Mon, 02 Jan 2023 00:00:00 GMT\r\n", Then = "Mon, 02 Jan 2023 00:01:00 GMT";

    // The first answer's fields (a status may stand before), fields of the second request, whether the second is given from the cache.
    private static readonly (string Line, string First, string Second, bool Given)[] Cases =
    [
        ("3: explicit lifetime", Fresh, "", true),
        ("3: no lifetime, none is guessed", "last-modified: Sun, 01 Jan 2023 00:00:00 GMT\r\n", "", false),
        ("3: status not understood", "299 " + Fresh, "", false),
        ("3: 404 with a lifetime", "404 " + Fresh, "", true),
        ("3: 500", "500 " + Fresh, "", false),
        ("3: 302 is not kept by this cache", "302 " + Fresh, "", false),
        ("3.1: fields of one hop", Fresh + "connection: x-hop\r\nx-hop: 1\r\n", "", true),
        ("3.5: authorization", Fresh, "authorization: a\r\n", false),
        ("4.1: vary by an allowed header, the same", Fresh + "vary: Accept-Language\r\n", "", true),
        ("4.1: vary by an allowed header, another", Fresh + "vary: accept-language\r\n", "accept-language: fr\r\n", false),
        ("4.1: vary by several, in two fields", Fresh + "vary: accept-language\r\nvary: X-V1\r\n", "x-v1: 2\r\n", false),
        ("4.1: vary by what is not allowed", Fresh + "vary: cookie\r\n", "", false),
        ("4.1: vary: *", Fresh + "vary: *\r\n", "", false),
        ("4.1: vary: a, *", Fresh + "vary: accept-language, *\r\n", "", false),
        ("4.2.1: s-maxage before max-age", "cache-control: max-age=0, s-maxage=100\r\n", "", true),
        ("4.2.1: s-maxage before max-age", "cache-control: max-age=100, s-maxage=0\r\n", "", false),
        ("4.2.1: expires without cache-control", $"{Old}expires: Mon, 02 Jan 2023 00:10:00 GMT\r\n", "", false),
        ("4.2.1: expires in far future", "expires: Sat, 02 Jan 2100 00:00:00 GMT\r\n", "", true),
        ("4.2.1: max-age before expires", "expires: Thu, 01 Jan 1970 00:00:00 GMT\r\n" + Fresh, "", true),
        ("4.2.1: expires that is no date", "expires: 0\r\n", "", false),
        ("4.2.1: twice, the lower", "cache-control: max-age=100\r\ncache-control: max-age=0\r\n", "", false),
        ("4.2.1: no number", "cache-control: max-age=x\r\n", "", false),
        ("1.2.2: a number too large", "cache-control: max-age=99999999999999999999999\r\n", "", true),
        ("5.2: case and quotes", "Cache-Control: X=\"a, no-store\", MAX-AGE=\"100\"\r\n", "", true),
        ("4.2.3: age", Fresh + "age: 100\r\n", "", false),
        ("4.2.3: age", Fresh + "age: 99\r\n", "", true),
        ("4.2.3: apparent age", Fresh + Old, "", false),
        ("4.2.4: must-revalidate, max-stale", "cache-control: max-age=1, must-revalidate\r\nage: 5\r\netag: \"a\"\r\n",
            "cache-control: max-stale\r\n", false),
        ("5.2.1.1: max-age of the request", Fresh + "age: 50\r\n", "cache-control: max-age=10\r\n", false),
        ("5.2.1.1: max-age of the request", Fresh + "age: 5\r\n", "cache-control: max-age=10\r\n", true),
        ("5.2.1.2: max-stale", "cache-control: max-age=1\r\nage: 5\r\netag: \"a\"\r\n", "cache-control: max-stale\r\n", true),
        ("5.2.1.2: max-stale=N", "cache-control: max-age=1\r\nage: 50\r\netag: \"a\"\r\n", "cache-control: max-stale=10\r\n", false),
        ("5.2.1.3: min-fresh", Fresh, "cache-control: min-fresh=200\r\n", false),
        ("5.2.1.4: no-cache of the request", Fresh, "cache-control: no-cache\r\n", false),
        ("5.2.1.5: no-store of the request does not hinder", Fresh, "cache-control: no-store\r\n", true),
        ("5.2.2.4: no-cache", "cache-control: no-cache, max-age=100\r\netag: \"a\"\r\n", "", false),
        ("5.2.2.4: no-cache with a field", "cache-control: no-cache=\"x-a\", max-age=100\r\n", "", false),
        ("5.2.2.5: no-store", "cache-control: max-age=100, no-store\r\n", "", false),
        ("5.2.2.7: private", "cache-control: max-age=100, private\r\n", "", false),
        ("5.2.2.7: private with a field", "cache-control: max-age=100, private=\"x\"\r\n", "", false),
        ("5.4: pragma of the request", Fresh, "pragma: no-cache\r\n", false),
        ("5.4: pragma beside cache-control", Fresh, "pragma: no-cache\r\ncache-control: max-age=50\r\n", true),
        ("7.3: set-cookie", Fresh + "set-cookie: a=b\r\n", "", false),
        ("3.4: part of a response", "206 " + Fresh + "content-range: bytes 0-4/10\r\n", "", false),
        ("trailers", "HTTP/1.1 200 X\r\n" + Fresh + "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n", "", false),
        ("chunked", "HTTP/1.1 200 X\r\n" + Fresh + "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "", true),
        ("longer than max_body_bytes", "HTTP/1.1 200 X\r\n" + Fresh + "content-length: 2001\r\n\r\n" + new string('x', 2001), "", false),
        ("as long as max_body_bytes", "HTTP/1.1 200 X\r\n" + Fresh + "content-length: 2000\r\n\r\n" + new string('x', 2000), "", true),
        ("longer than max_body_bytes, chunked", "HTTP/1.1 200 X\r\n" + Fresh + "transfer-encoding: chunked\r\n\r\n7d1\r\n"
            + new string('x', 2001) + "\r\n0\r\n\r\n", "", false),
        ("no body", "HTTP/1.1 200 X\r\n" + Fresh + "content-length: 0\r\n\r\n", "", true),
        ("204", "HTTP/1.1 204 X\r\n" + Fresh + "\r\n", "", true),
    ];

    public static TheoryData<int, string> Rows => [.. Cases.Select((c, i) => (i, c.Line))];

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task SecondRequest_IsGivenWhatMayBeGiven(int row, string line)
    {
        Assert.NotEmpty(line);
        var (_, first, second, given) = Cases[row];
        string path = edge.Path(_ => first);
        var one = await edge.Proxy.GetAsync(path);
        var two = await edge.Proxy.GetAsync(path, headers: second);
        Assert.Equal(given ? 1 : 2, edge.Seen(path));
        Assert.Equal((one.Status, one.Text), (two.Status, two.Text));
        Assert.Equal(given, two["age"] is not null && edge.Seen(path) == 1);
        // Filters before it see what is given as any response.
        Assert.Equal(1, two.Headers.Count(h => h.Key.Equals("x-out", StringComparison.OrdinalIgnoreCase)));
    }

    // 4.3: what is stale is asked for by its validators, and the client gets the whole.
    [Theory]
    [InlineData("etag: \"v1\"\r\n", "if-none-match", "\"v1\"")]
    [InlineData("last-modified: Sun, 01 Jan 2023 00:00:00 GMT\r\n", "if-modified-since", "Sun, 01 Jan 2023 00:00:00 GMT")]
    public async Task StaleResponse_IsAskedFor(string validator, string field, string value)
    {
        string path = edge.Path(r => r[field] is { } told ? $"HTTP/1.1 304 X\r\n{Fresh}x-asked: {told}\r\netag: \"v1\"\r\n\r\n"
            : $"cache-control: max-age=1\r\nage: 9\r\n{validator}x-kept: 1\r\n");
        await edge.Proxy.GetAsync(path);
        var asked = await edge.Proxy.GetAsync(path);
        Assert.Equal((200, "hello", value, "1", "1"), (asked.Status, asked.Text, asked["x-asked"], asked["x-kept"], asked["x-out"]));
        var given = await edge.Proxy.GetAsync(path); // what the 304 said holds from now on
        Assert.Equal((200, "hello", value, 2), (given.Status, given.Text, given["x-asked"], edge.Seen(path)));
    }

    [Fact]
    public async Task StaleResponse_ThatIsAnother_IsReplaced()
    {
        int calls = 0;
        string path = edge.Path(_ => $"cache-control: max-age={(calls++ == 0 ? 1 : 100)}\r\nage: 9\r\netag: \"v{calls}\"\r\n");
        Assert.Equal("\"v1\"", (await edge.Proxy.GetAsync(path))["etag"]);
        Assert.Equal("\"v2\"", (await edge.Proxy.GetAsync(path))["etag"]);
        Assert.Equal(("\"v2\"", 2), ((await edge.Proxy.GetAsync(path))["etag"], edge.Seen(path)));
    }

    [Theory]
    [InlineData("if-none-match: \"v1\"", 304)]
    [InlineData("if-none-match: W/\"v1\", \"x\"", 304)]
    [InlineData("if-none-match: *", 304)]
    [InlineData("if-none-match: \"v2\"", 200)]
    [InlineData("if-modified-since: Mon, 02 Jan 2023 00:01:00 GMT", 304)]
    [InlineData("if-modified-since: Mon, 02 Jan 2023 00:00:59 GMT", 200)]
    [InlineData("if-none-match: \"v2\"\r\nif-modified-since: Mon, 02 Jan 2023 00:01:00 GMT", 200)] // the tag counts
    [InlineData("range: bytes=1-2", 206, "el", "bytes 1-2/5")]
    [InlineData("range: bytes=3-", 206, "lo", "bytes 3-4/5")]
    [InlineData("range: bytes=-2", 206, "lo", "bytes 3-4/5")]
    [InlineData("range: bytes=-99", 206, "hello", "bytes 0-4/5")]
    [InlineData("range: bytes=2-99", 206, "llo", "bytes 2-4/5")]
    [InlineData("range: bytes=5-", 416, "", "bytes */5")]
    [InlineData("range: bytes=-0", 416, "", "bytes */5")]
    [InlineData("range: bytes=2-1", 200)]
    [InlineData("range: bytes=0-1,3-4", 200)]
    [InlineData("range: lines=0-1", 200)]
    [InlineData("range: bytes=99999999999999999999-", 200)]
    [InlineData("range: bytes=0-0\r\nif-range: \"v1\"", 206, "h", "bytes 0-0/5")]
    [InlineData("range: bytes=0-0\r\nif-range: \"v2\"", 200)]
    [InlineData("range: bytes=0-0\r\nif-range: W/\"v1\"", 200)]
    public async Task FreshResponse_AnswersConditionsAndParts(string field, int status, string? body = null, string? range = null)
    {
        string path = edge.Path(_ => $"{Fresh}etag: \"v1\"\r\nlast-modified: {Then}\r\n");
        await edge.Proxy.GetAsync(path);
        var answer = await edge.Proxy.GetAsync(path, headers: field + "\r\n");
        Assert.Equal((status, body ?? (status == 200 ? "hello" : ""), range, 1),
            (answer.Status, answer.Text, answer["content-range"], edge.Seen(path)));
        Assert.Equal("\"v1\"", answer["etag"]);
    }

    [Fact]
    public async Task OnlyIfCached_IsAnsweredHere()
    {
        string path = edge.Path(_ => Fresh);
        Assert.Equal(504, (await edge.Proxy.GetAsync(path, headers: "cache-control: only-if-cached\r\n")).Status);
        Assert.Equal(0, edge.Seen(path));
    }

    [Theory]
    [InlineData("POST", 200, true)]
    [InlineData("DELETE", 204, true)]
    [InlineData("PUT", 500, false)]
    [InlineData("OPTIONS", 200, false)]
    public async Task WriteThatSucceeds_MakesWhatIsKeptInvalid(string method, int status, bool invalidates)
    {
        string path = edge.Path(r => r.Method == "GET"
            ? Fresh + "vary: accept-language\r\n" : $"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
        await edge.Proxy.GetAsync(path);
        await using (var client = await edge.Proxy.ConnectAsync())
        {
            await client.SendAsync($"{method} {path} HTTP/1.1\r\nhost: example.test\r\ncontent-length: 0\r\n\r\n");
            Assert.Equal(status, (await client.ReadAsync()).Status);
        }
        await edge.Proxy.GetAsync(path);
        Assert.Equal(invalidates ? 3 : 2, edge.Seen(path));
    }

    [Fact]
    public async Task Head_IsGivenFromWhatAGetBrought()
    {
        string path = edge.Path(_ => Fresh);
        await edge.Proxy.GetAsync(path);
        await using var client = await edge.Proxy.ConnectAsync();
        await client.SendAsync($"HEAD {path} HTTP/1.1\r\nhost: example.test\r\n\r\n");
        var answer = await client.ReadAsync(isHead: true);
        Assert.Equal(("5", 200, ""), (answer["content-length"], answer.Status, answer.Text));
        Assert.Equal(1, edge.Seen(path));
    }

    [Fact]
    public async Task Key_IsOfTheRequestAsItCame()
    {
        // The route rewrites the path and takes the header away, by which the response varies.
        string path = edge.Path(_ => Fresh + "vary: accept-language\r\n", "/b");
        foreach (string language in (string[])["en", "fr", "en", "fr"])
        {
            var answer = await edge.Proxy.GetAsync(path, headers: $"accept-language: {language}\r\n");
            Assert.Equal("1", answer["x-route"]);
        }
        Assert.Equal(2, edge.Seen(path));
    }

    [Fact]
    public async Task Key_HasHostAndQuery_UnlessItIsToldOtherwise()
    {
        string path = edge.Path(_ => Fresh);
        foreach (string listener in (string[])["edge", "strict"])
        {
            int before = edge.Seen(path);
            await edge.Proxy.GetAsync(path + "?a=1", "one", listener: listener);
            await edge.Proxy.GetAsync(path + "?a=1", "ONE", listener: listener);
            await edge.Proxy.GetAsync(path + "?a=1", "two", listener: listener);
            await edge.Proxy.GetAsync(path + "?a=1&utm=x", "one", listener: listener);
            await edge.Proxy.GetAsync(path + "?a=2", "one", "cache-control: no-cache\r\n", listener: listener);
            Assert.Equal(before + (listener == "edge" ? 4 : 2), edge.Seen(path));
        }
        await edge.Proxy.GetAsync(path + "?a=2", "one", "cache-control: no-cache\r\n", listener: "strict");
        Assert.Equal(6, edge.Seen(path)); // the request's cache-control does not count there
    }

    [Fact]
    public async Task ManyAtOnce_WaitForTheOneThatAsked()
    {
        using var gate = new ManualResetEventSlim();
        string path = edge.Path(_ =>
        {
            gate.Wait(TimeSpan.FromSeconds(60));
            return Fresh;
        });
        var all = Enumerable.Range(0, 8).Select(_ => edge.Proxy.GetAsync(path, listener: "herd")).ToArray();
        await Eventually.Async(() => edge.Proxy.Stat("http.herd.cache.waited") >= 7, "seven wait");
        gate.Set();
        Assert.All(await Task.WhenAll(all), a => Assert.Equal((200, "hello"), (a.Status, a.Text)));
        Assert.Equal(1, edge.Seen(path));
    }

    [Fact]
    public async Task ManyAtOnce_WhenNothingCanBeKept_AskOneByOne()
    {
        int calls = 0;
        string path = edge.Path(_ => ++calls < 3 ? "cache-control: no-store\r\n" : Fresh);
        var all = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => edge.Proxy.GetAsync(path, listener: "herd")));
        Assert.All(all, a => Assert.Equal(200, a.Status));
        Assert.InRange(edge.Seen(path), 3, 6);
    }

    [Fact]
    public async Task AnswerThatBreaksOff_IsNotKept()
    {
        string path = edge.Path(_ => "HTTP/1.1 200 X\r\n" + Fresh + "content-length: 10\r\nconnection: close\r\n\r\nhello");
        await using (var client = await edge.Proxy.ConnectAsync())
        {
            await client.GetAsync(path);
            await client.ReadToEndAsync();
        }
        await using (var client = await edge.Proxy.ConnectAsync())
        {
            await client.GetAsync(path);
            await client.ReadToEndAsync();
        }
        Assert.Equal(2, edge.Seen(path));
    }

    [Theory]
    [InlineData("", "'typed_config' is missing")]
    [InlineData("typed_config: {'@type': a/envoy.extensions.http.cache.file_system_http_cache.v3.FileSystemHttpCacheConfig}",
        "'manager_config' is missing")]
    [InlineData("typed_config: {'@type': a/b.C}", "there is no cache storage 'b.C'")]
    [InlineData("disabled: true, thundering_herd_handler: {block_until_completion: {parallel_requests: 2}}",
        "'parallel_requests' is not supported")]
    [InlineData("disabled: true, allowed_vary_headers: [{safe_regex: {regex: '('}}]", "regex")]
    public void WrongConfiguration_IsRefused(string config, string says)
        => Assert.Contains(edge.Proxy.Build("listeners: [{name: a, address: '127.0.0.1:0', routes: [], http_filters: [{name: cache, "
            + $"typed_config: {{{config}}}}}]}}]").Errors, e => e.ToString().Contains(says, StringComparison.Ordinal));
}
