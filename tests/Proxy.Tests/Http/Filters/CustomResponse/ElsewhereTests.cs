using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.CustomResponse;

/// <summary>RedirectPolicy: another place's response in place of one (Envoy: custom_response filter, redirect policy).</summary>
public sealed class ElsewhereTests(ElsewhereTests.Edge edge) : IClassFixture<ElsewhereTests.Edge>
{
    public sealed class Edge : IAsyncLifetime
    {
        public RecordingUpstream Upstream { get; } = RecordingUpstream.Start("up");
        public RecordingUpstream Pages { get; } = RecordingUpstream.Start("pages");
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            const string from = "type.googleapis.com/envoy.extensions.http.custom_response.redirect_policy.v3.RedirectPolicy";
            string Then(string policy) => $"{{action: {{name: a, typed_config: {{'@type': {from}, {policy}}}}}}}";
            string Status(string status, string policy) => "{predicate: {single_predicate: {input: {name: i, typed_config: {'@type': "
                + "type.googleapis.com/envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput}}, "
                + $"value_match: {{exact: '{status}'}}}}}}, on_match: {Then(policy)}}}";
            const string change = "response_headers_to_add: [{header: {key: x-page, value: '%RESPONSE_CODE%'}}], "
                + "request_headers_to_add: [{header: {key: x-was, value: '%REQ(:PATH)%'}}]";
            Upstream.Answer = r => $"HTTP/1.1 {r.Target.Split('/')[1][..3]} X\r\nx-own: 1\r\ncontent-length: 3\r\n\r\nown";
            Pages.Answer = r => r.Target.StartsWith("/bad", StringComparison.Ordinal)
                ? "HTTP/1.1 500 X\r\ncontent-length: 3\r\n\r\nbad" : "HTTP/1.1 201 X\r\ncontent-length: 4\r\n\r\npage";
            string rules = string.Join(", ", Status("503", "uri: 'https://pages.test/sorry?a=b#c', status_code: 299, " + change),
                Status("404", "redirect_action: {path_redirect: /pages/none, strip_query: true}, " + change),
                Status("410", "uri: 'http://pages.test/bad', status_code: 299, " + change), Status("403", "uri: 'http://nowhere.test/x'"),
                Status("500", "redirect_action: {host_redirect: pages.test, scheme_redirect: http}"),
                Status("429", "uri: 'http://pages.test/direct'"));
            Proxy = await ProxyFixture.StartAsync($$$"""
                clusters:
                - {name: up, endpoints: ["{{{Upstream.Address}}}"]}
                - {name: pages, endpoints: ["{{{Pages.Address}}}"]}
                - {name: dead, endpoints: ["127.0.0.1:1"]}
                listeners:
                - name: edge
                  address: 127.0.0.1:0
                  http_filters:
                  - {name: fault, typed_config: {abort: {http_status: 503, percentage: {numerator: 100}}, headers: [{name: x-abort, present_match: true}]}}
                  - name: custom_response
                    typed_config:
                      custom_response_matcher:
                        matcher_list:
                          matchers: [{{{rules}}}]
                  virtual_hosts:
                  - name: pages
                    domains: [pages.test]
                    routes:
                    - {match: {path: /direct}, direct_response: {status: 200, body: {inline_string: direct} } }
                    - {match: {prefix: /}, route: {cluster: pages} }
                  - name: own
                    domains: [example.test]
                    routes:
                    - {match: {prefix: /pages}, route: {cluster: pages} }
                    - {match: {prefix: /dead}, route: {cluster: dead} }
                    - {match: {prefix: /}, route: {cluster: up} }
                """);
        }

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Upstream.DisposeAsync();
            await Pages.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("/200", 200, "own", null, "")]
    [InlineData("/503", 299, "page", "201", "GET /sorry?a=b pages.test")]
    [InlineData("/dead", 299, "page", "201", "GET /sorry?a=b pages.test")] // a reply of the proxy's own
    [InlineData("/404?x=1", 201, "page", "201", "GET /pages/none example.test")]
    [InlineData("/410", 500, "bad", null, "GET /bad pages.test")] // an error there stays as it is
    [InlineData("/403", 403, "own", null, "")] // no route
    [InlineData("/500/deep?q", 201, "page", "", "GET /500/deep?q pages.test")]
    [InlineData("/429", 200, "direct", null, "")] // a route that answers itself
    public async Task Response_IsTheOtherPlaces(string path, int status, string body, string? page, string asked)
    {
        string mark = Guid.NewGuid().ToString("N");
        foreach (string method in (string[])["GET", "POST", "HEAD"])
        {
            await using var client = await edge.Proxy.ConnectAsync();
            string sent = method == "POST" ? "content-length: 4\r\n\r\nbody" : "\r\n";
            await client.SendAsync($"{method} {path} HTTP/1.1\r\nhost: example.test\r\nx-mark: {mark}{method}\r\n{sent}");
            var answer = await client.ReadAsync(method == "HEAD");
            Assert.Equal((status, method == "HEAD" ? "" : body), (answer.Status, answer.Text));
            Assert.Equal(page is "" ? null : page, answer["x-page"]);
            Assert.Equal(body == "own" ? "1" : null, answer["x-own"]);
            var seen = edge.Pages.Requests.Where(r => r["x-mark"] == mark + method).ToList();
            Assert.Equal(asked.Replace("GET", method == "HEAD" ? "HEAD" : "GET", StringComparison.Ordinal),
                string.Join(",", seen.Select(r => $"{r.Method} {r.Target} {r["host"]}")));
            Assert.All(seen, r => Assert.Equal(("", page is null or "" && body != "bad" ? null : r.Target), (r.Text, r["x-was"])));
            // The connection serves on.
            await client.GetAsync("/200");
            Assert.Equal(200, (await client.ReadAsync()).Status);
        }
    }

    [Fact]
    public async Task RequestThatDidNotComeByTheFilter_KeepsItsAnswer()
        => Assert.Equal(503, (await edge.Proxy.GetAsync("/200", headers: "x-abort: 1\r\n")).Status);

    [Fact]
    public async Task BodyThatIsStillOnItsWay_IsNotWaitedFor()
    {
        await using var client = await edge.Proxy.ConnectAsync();
        await client.SendAsync("POST /dead HTTP/1.1\r\nhost: example.test\r\ncontent-length: 100000\r\n\r\nbegins");
        Assert.Equal(299, (await client.ReadAsync()).Status);
        await client.ReadToEndAsync(); // it closes: what is left of the body cannot be told from a request
    }

    [Fact]
    public async Task PlacesThatCannotBe_AreCounted()
    {
        long before = edge.Proxy.Stat("http.edge.custom_response_redirect_no_route");
        await edge.Proxy.GetAsync("/403");
        Assert.Equal(before + 1, edge.Proxy.Stat("http.edge.custom_response_redirect_no_route"));
    }

    [Theory]
    [InlineData("", "one of these is missing: uri, redirect_action")]
    [InlineData("uri: /only/a/path", "is not a URL")]
    [InlineData("uri: 'ftp://a/b'", "is not a URL")]
    [InlineData("uri: 'http://a/b', redirect_action: {host_redirect: a}", "only one of these")]
    [InlineData("redirect_action: {https_redirect: true}", "one of host_redirect and path_redirect")]
    [InlineData("redirect_action: {path_redirect: '/a#b'}", "has no fragment")]
    [InlineData("redirect_action: {host_redirect: a, prefix_rewrite: /b}", "'prefix_rewrite' is not supported")]
    [InlineData("redirect_action: {host_redirect: a, regex_rewrite: {pattern: {regex: a}, substitution: b}}", "'regex_rewrite' is not")]
    [InlineData("redirect_action: {host_redirect: a, response_code: FOUND}", "'response_code' is not supported")]
    [InlineData("uri: 'http://a/b', modify_request_headers_action: {name: a}", "'modify_request_headers_action' is not supported")]
    [InlineData("uri: 'http://a/b', status_code: 100", "status_code")]
    public void WrongConfiguration_IsRefused(string policy, string says)
        => Assert.Contains(edge.Proxy.Build("listeners: [{name: a, address: '127.0.0.1:0', routes: [], http_filters: [{name: "
            + "custom_response, typed_config: {custom_response_matcher: {on_no_match: {action: {name: a, typed_config: {'@type': "
            + "type.googleapis.com/envoy.extensions.http.custom_response.redirect_policy.v3.RedirectPolicy"
            + (policy.Length > 0 ? ", " + policy : "") + "}}}}}}]}]").Errors,
            e => e.ToString().Contains(says, StringComparison.Ordinal));
}
