using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Csrf;

public sealed class CsrfFilterTests(CsrfFilterTests.Edge edge) : IClassFixture<CsrfFilterTests.Edge>
{
    public sealed class Edge : IAsyncLifetime
    {
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Proxy = await ProxyFixture.StartAsync("""
            listeners:
            - name: edge
              address: 127.0.0.1:0
              http_filters:
              - name: csrf
                typed_config: {filter_enabled: {default_value: {numerator: 100}}, additional_origins: [{suffix: ".ok.test"}]}
              routes:
              - match: {prefix: /shadow}
                direct_response: {status: 200}
                typed_per_filter_config:
                  csrf: {filter_enabled: {default_value: {numerator: 0}}, shadow_enabled: {default_value: {numerator: 100}}}
              - match: {prefix: /none}
                direct_response: {status: 200}
                typed_per_filter_config: {csrf: {filter_enabled: {default_value: {numerator: 0}}}}
              - {match: {prefix: /off}, direct_response: {status: 200}, typed_per_filter_config: {csrf: {disabled: true}}}
              - {match: {prefix: /}, direct_response: {status: 200}}
            """);

        public ValueTask DisposeAsync() => Proxy.DisposeAsync();
    }

    [Theory]
    [InlineData("GET", "/", "origin: https://evil.test", 200, "")]
    [InlineData("OPTIONS", "/", "origin: https://evil.test", 200, "")]
    [InlineData("POST", "/", "origin: https://evil.test", 403, "request_invalid")]
    [InlineData("PUT", "/", "origin: https://evil.test", 403, "request_invalid")]
    [InlineData("DELETE", "/", "origin: https://evil.test", 403, "request_invalid")]
    [InlineData("PATCH", "/", "origin: https://evil.test", 403, "request_invalid")]
    [InlineData("POST", "/", "origin: https://a.test:8443", 200, "request_valid")]
    [InlineData("POST", "/", "origin: https://A.Test:8443", 200, "request_valid")]
    [InlineData("POST", "/", "origin: https://a.test", 403, "request_invalid")] // another port
    [InlineData("POST", "/", "origin: https://x.ok.test", 200, "request_valid")]
    [InlineData("POST", "/", "origin: https://evil.test/.ok.test", 403, "request_invalid")]
    [InlineData("POST", "/", "origin: https://evil.test?.ok.test", 403, "request_invalid")]
    [InlineData("POST", "/", "origin: https://evil.test\\.ok.test", 403, "request_invalid")]
    [InlineData("POST", "/", "origin: https://a.test:8443@evil.test", 403, "request_invalid")]
    [InlineData("POST", "/", "origin: null", 403, "request_invalid")]
    [InlineData("POST", "/", "referer: https://a.test:8443/page?x", 200, "request_valid")]
    [InlineData("POST", "/", "referer: https://evil.test/https://a.test:8443/", 403, "request_invalid")]
    [InlineData("POST", "/", "origin: https://evil.test|referer: https://a.test:8443/", 403, "request_invalid")]
    [InlineData("POST", "/", "origin: https://a.test:8443|origin: https://evil.test", 403, "request_invalid")]
    [InlineData("POST", "/", "referer: https://a.test:8443/|referer: https://evil.test/", 403, "request_invalid")]
    [InlineData("POST", "/", "x: y", 403, "missing_source_origin")]
    [InlineData("POST", "/shadow", "origin: https://evil.test", 200, "request_invalid")]
    [InlineData("POST", "/none", "origin: https://evil.test", 200, "")]
    [InlineData("POST", "/off", "origin: https://evil.test", 200, "")]
    public async Task Origin_DecidesAndIsCounted(string method, string path, string fields, int status, string counts)
    {
        string[] names = ["request_valid", "request_invalid", "missing_source_origin"];
        var before = names.Select(n => edge.Proxy.Stat("http.edge.csrf." + n)).ToList();
        await using var client = await edge.Proxy.ConnectAsync();
        var answer = await client.AskAsync($"{method} {path} HTTP/1.1\r\nHost: a.test:8443\r\n{fields.Replace("|", "\r\n")}\r\n\r\n");
        Assert.Equal((status, status == 403 ? "Invalid origin" : ""), (answer.Status, answer.Text));
        Assert.Equal(before.Select((n, i) => n + (names[i] == counts ? 1 : 0)), names.Select(n => edge.Proxy.Stat("http.edge.csrf." + n)));
    }

    [Fact]
    public void PolicyWithoutShare_IsRefused()
    {
        var built = edge.Proxy.Build("listeners: [{name: a, address: '127.0.0.1:0', routes: [], http_filters: [{name: csrf, "
            + "typed_config: {additional_origins: []}}]}]");
        Assert.Contains(built.Errors, e => e.Detail == "'filter_enabled' is missing");
    }
}
