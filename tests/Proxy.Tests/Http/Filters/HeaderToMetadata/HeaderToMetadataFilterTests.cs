using System.Text;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.HeaderToMetadata;

public sealed class HeaderToMetadataFilterTests(HeaderToMetadataFilterTests.Table table) : IClassFixture<HeaderToMetadataFilterTests.Table>
{
    // google.protobuf.Value: {"a": [true, null, 2.5]}
    private const string Message = "KhEKDwoBYRIKMggKAiABCgIIAA==";

    /// <summary>One rule, the request's fields, and what the answer says of key k.</summary>
    private static readonly (string Rule, string[] Fields, string Noted)[] Cases =
    [
        ("header: x-a, on_header_present: {key: k}", ["x-a: one"], "one"),
        ("header: X-A, on_header_present: {key: k}", ["x-a: one", "x-a: two"], "one,two"),
        ("header: x-a, on_header_present: {key: k}", [], ""),
        ("header: x-a, on_header_present: {key: k}", ["x-a: "], ""),
        ("header: x-a, on_header_present: {key: k, value: fixed}", ["x-a: one"], "fixed"),
        ("header: x-a, on_header_present: {key: k, value: fixed}, on_header_missing: {key: k, value: gone}", [], "gone"),
        ("header: x-a, on_header_missing: {key: k, value: gone}", ["x-a: one"], ""),
        ("header: x-a, on_header_present: {key: k, type: NUMBER}", ["x-a: 12.50"], "12.5"),
        ("header: x-a, on_header_present: {key: k, type: NUMBER}", ["x-a: twelve"], ""),
        ("header: x-a, on_header_present: {key: k, encode: BASE64}", ["x-a: aGVsbG8"], "hello"),
        ("header: x-a, on_header_present: {key: k, encode: BASE64}", ["x-a: aGVsbG8="], "hello"),
        ("header: x-a, on_header_present: {key: k, encode: BASE64}", ["x-a: !!!!"], ""),
        ("header: x-a, on_header_present: {key: k, encode: BASE64, type: NUMBER}", ["x-a: NDI="], "42"),
        ("header: x-a, on_header_present: {key: k, encode: BASE64, type: PROTOBUF_VALUE}", ["x-a: GgJoaQ=="], "hi"),
        ("header: x-a, on_header_present: {key: k, encode: BASE64, type: PROTOBUF_VALUE}", ["x-a: " + Message], "{\"a\":[true,null]}"),
        ("header: x-a, on_header_present: {key: k, type: PROTOBUF_VALUE}", ["x-a: nonsense"], ""),
        ("header: x-a, on_header_present: {key: k, regex_value_rewrite: {pattern: {regex: '^/([^/]+)/.*'}, substitution: '\\1'}}",
            ["x-a: /shop/orders"], "shop"),
        ("header: ':path', on_header_present: {key: k}", [], "/"),
        ("header: host, on_header_present: {key: k}", [], "h.com"),
        ("cookie: b, on_header_present: {key: k}", ["cookie: a=1; b=2; b=3"], "2"),
        ("cookie: b, on_header_present: {key: k}", ["cookie: a=1", "cookie: b=\"2\""], "2"),
        ("cookie: b, on_header_present: {key: k}, on_header_missing: {key: k, value: none}", ["cookie: bb=1; b="], "none"),
        ("header: x-a, on_header_present: {metadata_namespace: own, key: k}", ["x-a: one"], ""),
        ("header: x-a, on_header_present: {key: k}", ["x-a: " + new string('x', 8192)], ""),
    ];

    public static TheoryData<int> Rows => [.. Enumerable.Range(0, Cases.Length)];

    public sealed class Table : IAsyncLifetime
    {
        internal LiveProxy Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            var routes = Cases.Select((c, i) => $"{{match: {{prefix: /, headers: [{{name: x-case, string_match: {{exact: '{i}'}}}}]}}, "
                + "direct_response: {status: 200}, response_headers_to_add: [{keep_empty_value: true, header: {key: x-k, value: "
                + "'%DYNAMIC_METADATA(envoy.filters.http.header_to_metadata:k)%'}}], "
                + $"typed_per_filter_config: {{header_to_metadata: {{request_rules: [{{{c.Rule}}}]}}}}}}");
            Proxy = await LiveProxy.StartAsync("{name: header_to_metadata}", string.Join(", ", routes));
        }

        public async ValueTask DisposeAsync() => await Proxy.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task Rule_NotesWhatItSays(int row)
    {
        var (_, fields, noted) = Cases[row];
        Assert.Contains($"x-k: {noted}\r\n", await table.Proxy.GetAsync("/", [$"x-case: {row}", .. fields]));
    }

    [Fact]
    public async Task Removal_AndResponseRules_AndManyCookies()
    {
        await using var proxy = await LiveProxy.StartAsync("""
            {name: header_to_metadata, typed_config: {
              request_rules: [{header: x, on_header_present: {metadata_namespace: n, key: a}, remove: true},
                {cookie: c999, on_header_present: {metadata_namespace: n, key: c}}],
              response_rules: [{header: x-out, on_header_present: {metadata_namespace: n, key: b}, remove: true}]}}
            """, LiveProxy.EchoRoute[..^1] + ", response_headers_to_add: [{header: {key: x-out, value: out}}, {header: {key: x-a, value: "
            + "'%DYNAMIC_METADATA(n:a)% %DYNAMIC_METADATA(n:c)%'}}]}", more:
            "access_log: [{name: stdout, typed_config: {log_format: {text_format_source: {inline_string: ''}}}}]");
        var cookies = new StringBuilder("cookie: ");
        for (int i = 0; i < 1000; i++) cookies.Append($"c{i}={i}; ");
        string answer = await proxy.GetAsync("/", "x: gone", cookies.ToString());
        Assert.Contains("x-a: gone 999\r\n", answer);
        Assert.EndsWith("[-]", answer);
        Assert.DoesNotContain("x-out", answer);
    }

    [Theory]
    [InlineData("request_rules: [{header: x, cookie: y, on_header_present: {key: k}}]", "only one of these")]
    [InlineData("request_rules: [{on_header_present: {key: k}}]", "header, cookie")]
    [InlineData("request_rules: [{header: x}]", "on_header_present, on_header_missing")]
    [InlineData("request_rules: [{header: x, on_header_missing: {key: k}}]", "'value' is missing")]
    [InlineData("request_rules: [{cookie: x, remove: true, on_header_present: {key: k}}]", "a cookie cannot be removed")]
    [InlineData("request_rules: [{header: ':path', remove: true, on_header_present: {key: k}}]", "cannot be removed")]
    [InlineData("response_rules: [{cookie: x, on_header_present: {key: k}}]", "a response has no cookies")]
    [InlineData("request_rules: [{header: x, on_header_present: {key: k, value: v, regex_value_rewrite: {pattern: {regex: a}}}}]",
        "only one of these")]
    [InlineData("stat_prefix: x", "'stat_prefix' is not supported")]
    public async Task WhatIsWrong_IsSaid(string config, string error)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        Assert.Contains(proxy.Build("listeners: [{name: edge, address: '127.0.0.1:0', routes: [], http_filters: "
            + $"[{{name: header_to_metadata, typed_config: {{{config}}}}}]}}]").Errors,
            e => e.Detail.Contains(error, StringComparison.Ordinal));
    }
}
