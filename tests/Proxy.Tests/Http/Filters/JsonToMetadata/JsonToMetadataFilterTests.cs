using System.Text;
using Managed.Proxy.Http.Filters.JsonToMetadata;
using Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.JsonToMetadata;

public sealed class JsonToMetadataFilterTests(JsonToMetadataFilterTests.Fixture fixture) : IClassFixture<JsonToMetadataFilterTests.Fixture>
{
    private const string Rules = "rules: [{selectors: [{key: a}, {key: b}], on_present: {key: v}, on_missing: {key: v, value: missing}, "
        + "on_error: {key: v, value: {wrong: 1}}}, {selectors: [{key: a}, {key: b}], on_present: {key: s, type: STRING}}, "
        + "{selectors: [{key: a}, {key: b}], on_present: {key: n, type: NUMBER}, on_missing: {key: n, value: -1}}, "
        + "{selectors: [{key: q}], on_present: {key: fixed, value: [1, x]}}]";

    public sealed class Fixture : IAsyncLifetime
    {
        internal ProxyFixture Proxy { get; private set; } = null!;
        internal RecordingUpstream Up { get; } = RecordingUpstream.Start();

        public async ValueTask InitializeAsync() => Proxy = await ProxyFixture.StartAsync(
            Edge.Document(Up, filters: "{name: json_to_metadata, typed_config: {"
                    + $"request_rules: {{{Rules}}}, response_rules: {{{Rules}}}}}}},",
                routes: "{match: {prefix: /off}, direct_response: {status: 200}, typed_per_filter_config: {json_to_metadata: "
                    + "{disabled: true}}}, {match: {prefix: /up}, route: {cluster: up}}, "
                    + "{match: {prefix: /}, direct_response: {status: 200}}",
                table: "response_headers_to_add: [" + string.Join(", ", new[] { "v", "s", "n", "fixed" }.Select(k =>
                    $"{{header: {{key: x-{k}, value: '%DYNAMIC_METADATA(envoy.filters.http.json_to_metadata:{k})%'}}}}")) + "],"));

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Up.DisposeAsync();
        }
    }

    private async Task<RawResponse> PostAsync(string body, string type = "application/json", string path = "/")
    {
        await using var client = await fixture.Proxy.ConnectAsync();
        string field = type.Length > 0 ? $"content-type: {type}\r\n" : "";
        return await client.AskAsync($"POST {path} HTTP/1.1\r\nhost: h\r\n{field}content-length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n"
            + Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(body)));
    }

    [Theory]
    [InlineData("{\"a\": {\"b\": \"text\"}}", "text", "text", "-1", null)]
    [InlineData("{\"a\": {\"b\": 12}}", "12", "12", "12", null)]
    [InlineData("{\"a\": {\"b\": 1.5}}", "1.5", "1.500000", "1.5", null)]
    [InlineData("{\"a\": {\"b\": true}}", "true", "1", "1", null)]
    [InlineData("{\"a\": {\"b\": \" 7 \"}}", " 7 ", " 7 ", "7", null)]
    [InlineData("{\"a\": {\"b\": null}}", "missing", null, "-1", null)]
    [InlineData("{\"a\": {\"b\": {}}, \"q\": 0}", "missing", null, "-1", "[1,\"x\"]")]
    [InlineData("{\"a\": {\"c\": 1}, \"b\": 2}", "missing", null, "-1", null)]
    [InlineData("{\"a\": 1}", "missing", null, "-1", null)]
    [InlineData("[{\"a\": {\"b\": 1}}]", "missing", null, "-1", null)]
    [InlineData("{\"\\u0061\": {\"b\": \"\\u0041\\n\\\"\"}}", "A \"", "A \"", "-1", null)]
    [InlineData("{\"a\": {\"b\": 1}, \"a\": {\"b\": 2}}", "2", "2", "2", null)]
    [InlineData("{\"a\": {\"b\": 1}", "{\"wrong\":1}", null, null, null)]
    [InlineData("nonsense", "{\"wrong\":1}", null, null, null)]
    [InlineData("", "missing", null, "-1", null)]
    public async Task Body_IsReadByTheRules(string body, string? v, string? s, string? n, string? other)
    {
        var answer = await PostAsync(body);
        Assert.Equal((v?.Trim(), s?.Trim(), n, other), (answer["x-v"]?.Replace("\n", " ", StringComparison.Ordinal), answer["x-s"],
            answer["x-n"], answer["x-fixed"]));
    }

    [Fact]
    public async Task OtherBodies_PassUnread()
    {
        long before = fixture.Proxy.Stat("json_to_metadata.rq.mismatched_content_type");
        Assert.Null((await PostAsync("{\"a\": {\"b\": 1}}", "text/plain"))["x-v"]);
        Assert.Null((await PostAsync("{\"a\": {\"b\": 1}}", ""))["x-v"]);
        Assert.Equal("1", (await PostAsync("{\"a\": {\"b\": 1}}", "Application/JSON; charset=utf-8"))["x-v"]);
        Assert.Null((await PostAsync("{\"a\": {\"b\": 1}}", path: "/off"))["x-v"]);
        Assert.Equal(before + 2, fixture.Proxy.Stat("json_to_metadata.rq.mismatched_content_type"));
    }

    [Fact]
    public async Task BodyOfAHundredLevelsOrTooLarge_IsAnError()
    {
        static string Nested(int levels) => new string('[', levels) + new string(']', levels);
        Assert.Equal("missing", (await PostAsync(Nested(100)))["x-v"]);
        Assert.Equal("{\"wrong\":1}", (await PostAsync(Nested(101)))["x-v"]);
        Assert.Equal("{\"wrong\":1}", (await PostAsync(Nested(100_000)))["x-v"]);
        Assert.Equal("{\"wrong\":1}", (await PostAsync("\"" + new string('x', (1 << 20) + 10) + "\""))["x-v"]);
        Assert.Equal("missing", (await PostAsync("{\"a\": {\"b\": \"" + new string('x', 8193) + "\"}}"))["x-v"]);
        Assert.Null((await PostAsync("{\"a\": {\"b\": \"" + new string('x', 8193) + "\"}}"))["x-s"]);
    }

    [Fact]
    public async Task Answer_IsReadToo()
    {
        fixture.Up.Answer = _ => RecordingUpstream.Ok("{\"a\": {\"b\": \"up\"}}", "content-type: application/json\r\n");
        long before = fixture.Proxy.Stat("json_to_metadata.resp.success");
        Assert.Equal("{\"a\": {\"b\": \"up\"}}", (await PostAsync("{}", path: "/up")).Text);
        Assert.Equal(before + 1, fixture.Proxy.Stat("json_to_metadata.resp.success"));
    }

    [Theory]
    [InlineData("{}", true)]
    [InlineData(" [ ] ", true)]
    [InlineData("0", true)]
    [InlineData("-0.5e+10", true)]
    [InlineData("01", false)]
    [InlineData("1.", false)]
    [InlineData("+1", false)]
    [InlineData(".5", false)]
    [InlineData("[1,]", false)]
    [InlineData("{\"a\":1,}", false)]
    [InlineData("{a:1}", false)]
    [InlineData("{\"a\" 1}", false)]
    [InlineData("[1 2]", false)]
    [InlineData("\"\\x\"", false)]
    [InlineData("\"\\u12g4\"", false)]
    [InlineData("\"\\u12", false)]
    [InlineData("\"a\nb\"", false)]
    [InlineData("\"", false)]
    [InlineData("\"\\", false)]
    [InlineData("tru", false)]
    [InlineData("nullx", false)]
    [InlineData("{} {}", false)]
    [InlineData("", false)]
    public void Text_IsJsonOrNot(string text, bool valid)
        => Assert.Equal(valid, JsonWalk.TryRead(Encoding.UTF8.GetBytes(text), new JsonPaths(), []));

    [Theory]
    [InlineData("{}", "request_rules, response_rules")]
    [InlineData("{request_rules: {rules: [{selectors: [{key: a}]}]}}", "on_present, on_missing")]
    [InlineData("{request_rules: {rules: [{selectors: [{key: a}], on_missing: {key: k}}]}}", "'value' is missing")]
    public void WhatIsWrong_IsSaid(string config, string error)
        => Assert.Contains(fixture.Proxy.Build("listeners: [{name: edge, address: '127.0.0.1:0', routes: [], http_filters: "
            + $"[{{name: json_to_metadata, typed_config: {config}}}]}}]").Errors, e => e.Detail.Contains(error, StringComparison.Ordinal));
}
