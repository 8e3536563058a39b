using System.Collections.Concurrent;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http;

/// <summary>Redirects that are followed within: where the request goes, which of its filters see it, and what stays as it came.</summary>
public sealed class InternalRedirectTests : IAsyncLifetime
{
    private static int s_case;
    private readonly RecordingUpstream _up = RecordingUpstream.Start("up");
    private readonly ConcurrentDictionary<string, int> _asked = new();
    private ProxyFixture _proxy = null!;

    public async ValueTask InitializeAsync()
    {
        _up.Answer = Answer;
        _proxy = await ProxyFixture.StartAsync($$"""
            listeners:
            - name: edge
              address: "127.0.0.1:0"
              http_filters:
              - name: rbac
                typed_config: {rules: {action: DENY, policies: {secret: {permissions: [{url_path: {path: {prefix: /secret} } }], principals: [{any: true}]} } } }
              - {name: router}
              routes:
              - {match: {prefix: /plain}, route: {cluster: up} }
              - {match: {prefix: /once}, route: {cluster: up, internal_redirect_policy: {} } }
              - match: {prefix: /codes}
                route: {cluster: up, internal_redirect_policy: {max_internal_redirects: 9, redirect_response_codes: [303, 307]} }
              - match: {prefix: /copies}
                route: {cluster: up, internal_redirect_policy: {response_headers_to_copy: [x-token, X-Gone]} }
              - match: {prefix: /cross}
                route: {cluster: up, internal_redirect_policy: {allow_cross_scheme_redirect: true} }
              - match: {prefix: /safe}
                route:
                  cluster: up
                  internal_redirect_policy:
                    allow_cross_scheme_redirect: true
                    predicates: [{name: envoy.internal_redirect_predicates.safe_cross_scheme}]
              - match: {prefix: /never}
                route: {cluster: up, internal_redirect_policy: {max_internal_redirects: 0} }
              - match: {prefix: /sneaks}
                route:
                  cluster: up
                  internal_redirect_policy:
                    response_headers_to_copy: [x-token]
                    predicates:
                    - name: allowed
                      typed_config:
                        "@type": type.googleapis.com/envoy.extensions.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig
                        allowed_route_names: [door]
              - {name: within, match: {prefix: /door, headers: [{name: x-token, present_match: true}] }, route: {cluster: up} }
              - {name: door, match: {prefix: /door}, route: {cluster: up} }
              - name: listed
                match: {prefix: /listed}
                route:
                  cluster: up
                  internal_redirect_policy:
                    predicates:
                    - name: allowed
                      typed_config:
                        "@type": type.googleapis.com/envoy.extensions.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig
                        allowed_route_names: [end]
              - name: back
                match: {prefix: /back}
                route:
                  cluster: up
                  internal_redirect_policy:
                    max_internal_redirects: 9
                    predicates: [{name: envoy.internal_redirect_predicates.previous_routes}]
              - {name: end, match: {prefix: /end}, direct_response: {status: 200, body: {inline_string: end} } }
              - {name: all, match: {prefix: /, headers: [{name: ":authority", string_match: {exact: nobody.test}, invert_match: true}] }, route: {cluster: up} }
            clusters: [{name: up, endpoints: ["{{_up.Address}}"]}]
            """);
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        await _up.DisposeAsync();
    }

    // Each time the next of the steps that the request has with it.
    private string? Answer(UpstreamRequest request)
    {
        string[] steps = request["x-steps"]!.Split('|');
        int at = _asked.AddOrUpdate(request["x-id"]!, 0, static (_, n) => n + 1);
        string[] step = steps[Math.Min(at, steps.Length - 1)].Split(' ');
        return step.Length == 1
            ? RecordingUpstream.Ok($"{request.Method} {request.Target} {request["host"]} {request["x-envoy-original-url"]} "
                + request["x-token"])
            : $"HTTP/1.1 {step[0]} Moved\r\nlocation: {step[1]}\r\nx-token: t\r\ncontent-length: 5\r\n\r\nmoved";
    }

    private async Task<RawResponse> SendAsync(string path, string steps, string method = "GET", string more = "", string body = "")
    {
        await using var client = await _proxy.ConnectAsync();
        await client.SendAsync($"{method} {path} HTTP/1.1\r\nHost: a.test\r\nx-id: {Interlocked.Increment(ref s_case)}\r\n"
            + $"x-steps: {steps}\r\n{more}\r\n{body}");
        return await client.ReadAsync();
    }

    [Theory]
    [InlineData("/once", "302 /next|200", "GET /next a.test http://a.test/once ")]
    [InlineData("/once", "302 /next?a=b#there|200", "GET /next?a=b a.test http://a.test/once ")]
    [InlineData("/once", "302 http://b.test/next|200", "GET /next b.test http://a.test/once ")]
    [InlineData("/once", "302 http://b.test|200", "GET / b.test http://a.test/once ")]
    [InlineData("/once", "302 /end", "end")] // a route that answers itself
    [InlineData("/codes", "303 /codes/1|307 /codes/2|303 /other|200", "GET /other a.test http://a.test/codes/2 ")]
    [InlineData("/copies", "302 /next|200", "GET /next a.test http://a.test/copies t")]
    [InlineData("/cross", "302 https://b.test/next|200", "GET /next b.test http://a.test/cross ")]
    [InlineData("/safe", "302 http://b.test/next|200", "GET /next b.test http://a.test/safe ")]
    [InlineData("/listed", "302 /end", "end")]
    [InlineData("/back", "302 /back/1|302 /all|200", "GET /all a.test http://a.test/back/1 ")]
    public async Task Redirect_IsFollowed(string path, string steps, string text)
    {
        var response = await SendAsync(path, steps);
        Assert.Equal((200, text), (response.Status, response.Text));
        Assert.True(_proxy.Stat("cluster.up.upstream_internal_redirect_succeeded_total") > 0);
        await Eventually.Async(() => _proxy.Stat("cluster.up.upstream_rq_active") == 0, "nothing is left under way");
    }

    /// <summary>Envoy's counters of those that are passed on: the first reason in its order is the one that is counted.</summary>
    [Theory]
    [InlineData("/once", "302 ftp://b.test/", "bad_location")]
    [InlineData("/once", "302 https:///next", "bad_location")]
    [InlineData("/once", "302 https://b.test/1", "unsafe_scheme")]
    [InlineData("/never", "302 ftp://b.test/", "bad_location")]
    [InlineData("/never", "302 https://b.test/1", "unsafe_scheme")]
    [InlineData("/never", "302 /next", "too_many_redirects")]
    [InlineData("/once", "302 http://nobody.test/1", "no_route")]
    [InlineData("/listed", "302 http://nobody.test/1", "no_route")]
    [InlineData("/listed", "302 /other", "predicate")]
    [InlineData("/safe", "302 https://b.test/1", "predicate")]
    [InlineData("/plain", "302 /next", "")]
    [InlineData("/once", "301 /next", "")]
    public async Task ReasonToPassItOn_IsCounted(string path, string steps, string reason)
    {
        string[] reasons = ["bad_location", "unsafe_scheme", "too_many_redirects", "no_route", "predicate"];
        (string Name, long Value)[] All()
            => [.. reasons.Select(n => (n, (long)_proxy.Stat($"http.edge.passthrough_internal_redirect_{n}")))];
        Assert.Equal("moved", (await SendAsync(path, steps)).Text);
        await Eventually.Async(() => _proxy.Stat("cluster.up.upstream_rq_active") == 0, "it is over");
        Assert.Equal(reason.Length == 0 ? [] : [(reason, 1L)], All().Where(c => c.Value > 0));
        Assert.Equal(reason.Length == 0 ? 0 : 1, _proxy.Stat("cluster.up.upstream_internal_redirect_failed_total"));
    }

    /// <summary>A header that is copied out of the redirect may decide on the route: the predicate judges where it leads.</summary>
    [Fact]
    public async Task CopiedHeader_CannotLeadPastThePredicate()
    {
        var response = await SendAsync("/sneaks", "302 /door|200");
        Assert.Equal((302, "/door"), (response.Status, response["location"]));
        Assert.Equal(1, _proxy.Stat("http.edge.passthrough_internal_redirect_predicate"));
    }

    [Theory]
    [InlineData("/plain", "302 /next")]
    [InlineData("/once", "301 /next")] // not among the statuses
    [InlineData("/once", "302 https://b.test/next")] // another scheme
    [InlineData("/once", "302 //b.test/next")]
    [InlineData("/once", "302 next")]
    [InlineData("/once", "302 /a/../secret")]
    [InlineData("/once", "302 ftp://b.test/")]
    [InlineData("/safe", "302 https://b.test/next")]
    [InlineData("/listed", "302 /other")]
    public async Task OtherRedirect_IsTheClients(string path, string steps)
    {
        var response = await SendAsync(path, steps);
        Assert.Equal((int.Parse(steps.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture), steps.Split(' ')[1], "moved"),
            (response.Status, response["location"], response.Text));
    }

    [Fact]
    public async Task TooManyRedirects_OrThoseThatGoInCircles_EndAtTheClient()
    {
        var twice = await SendAsync("/once", "302 /once/1|302 /once/2|200");
        Assert.Equal((302, "/once/2"), (twice.Status, twice["location"]));
        var circle = await SendAsync("/back", "302 /back/1|302 /back/2|200"); // from this route to itself a second time
        Assert.Equal((302, "/back/2"), (circle.Status, circle["location"]));
        Assert.True(_proxy.Stat("cluster.up.upstream_internal_redirect_failed_total") >= 2);
    }

    [Fact]
    public async Task Filters_SeeWhereItGoes()
        => Assert.Equal(403, (await SendAsync("/once", "302 /secret/1|200")).Status);

    [Fact]
    public async Task Method_IsKept_ButForWhatA303Answers()
    {
        Assert.StartsWith("DELETE /next", (await SendAsync("/once", "302 /next|200", "DELETE")).Text, StringComparison.Ordinal);
        Assert.StartsWith("GET /other", (await SendAsync("/codes", "303 /other|200", "DELETE")).Text, StringComparison.Ordinal);
        // A body would have to be kept to go on with it.
        Assert.Equal(302, (await SendAsync("/once", "302 /next|200", "POST", "content-length: 4\r\n", "body")).Status);
    }

    [Theory]
    [InlineData("redirect_response_codes: [304]", "304 is no status of a redirect")]
    [InlineData("predicates: [{name: nobody}]", "there is no predicate of redirects 'nobody'")]
    [InlineData("response_headers_to_copy: [content-length]", "may be copied")]
    public void Mistake_IsSaid(string config, string message)
    {
        var built = _proxy.Build($$"""
            listeners:
            - name: edge
              address: "127.0.0.1:0"
              routes: [{match: {prefix: /}, route: {cluster: up, internal_redirect_policy: { {{config}} } } }]
            clusters: [{name: up, endpoints: []}]
            """);
        Assert.Contains(built.Errors, e => e.Detail.Contains(message, StringComparison.Ordinal));
    }
}
