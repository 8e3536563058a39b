using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Streams;
using Managed.Proxy.Tests.Http;
using Xunit;

namespace Managed.Proxy.Tests.Router;

public sealed class RewriteTests
{
    private static HeaderMap Prepare(string route, HeaderMap request)
    {
        var info = new StreamInfo { RequestHeaders = request };
        Tables.Routes(route).Match(request)!.PrepareRequest(request, info, envoyHeaders: true);
        return request;
    }

    [Theory]
    [InlineData("{prefix: /api/}", "prefix_rewrite: /", "/api/x?q=1", "/x?q=1")]
    [InlineData("{prefix: /api}", "prefix_rewrite: /v2", "/api?q=1", "/v2?q=1")]
    [InlineData("{prefix: /API, case_sensitive: false}", "prefix_rewrite: /v2", "/api/x", "/v2/x")]
    [InlineData("{path_separated_prefix: /api}", "prefix_rewrite: /v2", "/api/x", "/v2/x")]
    [InlineData("{path: /a}", "prefix_rewrite: /b", "/a?x", "/b?x")]
    [InlineData("{safe_regex: {regex: '/a.*'}}", "prefix_rewrite: /b", "/axyz?x", "/b?x")]
    [InlineData("{prefix: /}", "regex_rewrite: {pattern: {regex: '^/service/([^/]+)(/.*)$'}, substitution: '\\2/instance/\\1'}",
        "/service/foo/v1/api?q", "/v1/api/instance/foo?q")]
    [InlineData("{prefix: /}", "regex_rewrite: {pattern: {regex: 'one'}, substitution: 'two'}", "/xxx/one/yyy/one/zzz?one",
        "/xxx/two/yyy/two/zzz?one")]
    [InlineData("{prefix: /}", "regex_rewrite: {pattern: {regex: '(?i)/xxx/'}, substitution: '/yyy/'}", "/aaa/XxX/bbb", "/aaa/yyy/bbb")]
    [InlineData("{prefix: /}", "regex_rewrite: {pattern: {regex: '/+'}, substitution: '[\\0]\\\\'}", "/a//b", "/[/]\\a[//]\\b")]
    [InlineData("{prefix: /}", "regex_rewrite: {pattern: {regex: '(?P<n>x)(y)'}, substitution: '\\2\\1'}", "/xy", "/yx")]
    [InlineData("{prefix: /}", "regex_rewrite: {pattern: {regex: '^/a'}, substitution: ''}", "/a", "/")]
    // As RE2's GlobalReplace: nothing, where the last match ended, is no match.
    [InlineData("{prefix: /}", "regex_rewrite: {pattern: {regex: '(.*)'}, substitution: '/pre\\1'}", "/x", "/pre/x")]
    [InlineData("{prefix: /}", "regex_rewrite: {pattern: {regex: 'b*'}, substitution: 'd'}", "/abc", "/d/dadcd")]
    [InlineData("{prefix: /}", "regex_rewrite: {pattern: {regex: '$'}, substitution: '/end'}", "/x?q", "/x/end?q")]
    [InlineData("{prefix: /}", "regex_rewrite: {pattern: {regex: '(a)|(b)'}, substitution: '[\\1\\2]'}", "/ab", "/[a][b]")]
    [InlineData("{prefix: /}", "regex_rewrite: {pattern: {regex: '(a+?)(a*)'}, substitution: '\\2\\1-'}", "/aaa", "/aaa-")]
    [InlineData("{prefix: /}", "regex_rewrite: {pattern: {regex: '(?:(a)|b)*'}, substitution: '<\\1>'}", "/ab", "/<>/<a>")]
    public void Path_IsRewrittenAndTheOriginalKept(string match, string rewrite, string path, string expected)
    {
        var request = Prepare($"- {{match: {match}, route: {{cluster: a, {rewrite}}}}}", Requests.Get("h", path));
        Assert.Equal(expected, request.GetString(":path"));
        Assert.Equal(path, request.GetString("x-envoy-original-path"));
    }

    [Fact]
    public void UnchangedPath_SetsNoOriginal()
    {
        var request = Prepare("- {match: {prefix: /}, route: {cluster: a, regex_rewrite: {pattern: {regex: zz}, substitution: y}}}",
            Requests.Get("h", "/a"));
        Assert.False(request.Has(HeaderId.XEnvoyOriginalPath));
    }

    [Theory]
    [InlineData("host_rewrite_literal: new.host", "new.host")]
    [InlineData("host_rewrite_header: x-host", "from.header")]
    [InlineData("host_rewrite_header: x-none", "h")]
    [InlineData("host_rewrite_header: x-bad", "h")] // what is no host is not taken
    [InlineData("host_rewrite_path_regex: {pattern: {regex: '^/([^/]+)/.*$'}, substitution: '\\1.example.com'}", "svc.example.com")]
    public void Host_IsRewritten(string rewrite, string expected)
    {
        var request = Prepare($"- {{match: {{prefix: /}}, route: {{cluster: a, append_x_forwarded_host: true, {rewrite}}}}}",
            Requests.Get("h", "/svc/x?a=/b/c", "x-host: from.header", "x-bad: evil/../path"));
        Assert.Equal(expected, request.GetString(":authority"));
        Assert.Equal(expected == "h" ? null : "h", request.GetString("x-forwarded-host"));
    }

    [Theory]
    [InlineData("a", "a,h")]
    [InlineData("a, h", "a, h")]
    public void ForwardedHost_IsAppendedOnce(string present, string expected)
        => Assert.Equal(expected,
            Prepare("- {match: {prefix: /}, route: {cluster: a, append_x_forwarded_host: true, host_rewrite_literal: n}}",
            Requests.Get("h", "/", "x-forwarded-host: " + present)).GetString("x-forwarded-host"));

    [Fact]
    public void WeightedCluster_HasItsOwnHost()
        => Assert.Equal("own",
            Prepare("- {match: {prefix: /}, route: {host_rewrite_literal: common, weighted_clusters: {clusters: [{name: a, weight: 1, "
                + "host_rewrite_literal: own}]}}}",
            Requests.Get("h", "/")).GetString(":authority"));

    [Theory]
    [InlineData("https_redirect: true", "https://h/a/b?q=1")]
    [InlineData("scheme_redirect: ftp", "ftp://h/a/b?q=1")]
    [InlineData("host_redirect: o.com", "http://o.com/a/b?q=1")]
    [InlineData("port_redirect: 81", "http://h:81/a/b?q=1")]
    [InlineData("path_redirect: /n", "http://h/n?q=1")]
    [InlineData("path_redirect: '/n?x=2'", "http://h/n?x=2")]
    [InlineData("path_redirect: '/n?x=2', strip_query: true", "http://h/n?x=2")]
    [InlineData("path_redirect: /n, strip_query: true", "http://h/n")]
    [InlineData("prefix_rewrite: /z", "http://h/z/b?q=1")]
    [InlineData("prefix_rewrite: /z, strip_query: true", "http://h/z/b")]
    [InlineData("regex_rewrite: {pattern: {regex: '/(a)'}, substitution: '/\\1\\1'}", "http://h/aa/b?q=1")]
    [InlineData("strip_query: true, response_code: SEE_OTHER", "http://h/a/b")]
    public void Redirect_MakesTheLocation(string redirect, string expected)
        => Assert.Equal(expected, Location($"redirect: {{{redirect}}}", Requests.Get("h", "/a/b?q=1")));

    [Theory]
    [InlineData("https_redirect: true", "h:80", "http", "https://h/")]
    [InlineData("https_redirect: true", "h:8080", "http", "https://h:8080/")]
    [InlineData("scheme_redirect: http", "h:443", "https", "http://h/")]
    [InlineData("port_redirect: 99", "h:80", "http", "http://h:99/")]
    [InlineData("https_redirect: true", "[::1]:80", "http", "https://[::1]/")]
    [InlineData("https_redirect: true", "[::1]", "http", "https://[::1]/")]
    public void Redirect_TreatsPortsAsEnvoy(string redirect, string authority, string proto, string expected)
        => Assert.Equal(expected, Location($"redirect: {{{redirect}}}", Requests.Get(authority, "/", "x-forwarded-proto: " + proto)));

    [Theory]
    [InlineData("MOVED_PERMANENTLY", 301)]
    [InlineData("FOUND", 302)]
    [InlineData("SEE_OTHER", 303)]
    [InlineData("TEMPORARY_REDIRECT", 307)]
    [InlineData("PERMANENT_REDIRECT", 308)]
    public void Redirect_HasItsStatus(string code, int status)
    {
        var entry = Tables.Routes($"- {{match: {{prefix: /}}, redirect: {{https_redirect: true, response_code: {code}}}}}")
            .Match(Requests.Get("h", "/"))!;
        Assert.Equal((RouteKind.Redirect, status), (entry.Kind, entry.RedirectStatus));
    }

    [Theory]
    [InlineData("ALL", "http", "false", true)]
    [InlineData("ALL", "http", "true", true)]
    [InlineData("ALL", "https", "false", false)]
    [InlineData("EXTERNAL_ONLY", "http", "true", false)]
    [InlineData("EXTERNAL_ONLY", "http", "false", true)]
    public void RequiredTls_RedirectsPlainRequests(string requirement, string proto, string isInternal, bool redirected)
    {
        var table = Tables.Build(
            $"virtual_hosts: [{{name: v, domains: ['*'], require_tls: {requirement}, routes: [{{match: {{prefix: /}}, route: {{cluster: "
                + $"a}}}}]}}]");
        var request = Requests.Get("h:80", "/x?y", "x-forwarded-proto: " + proto, "x-envoy-internal: " + isInternal);
        var entry = table.Match(request)!;
        Assert.Equal(redirected, entry.Kind == RouteKind.Redirect);
        if (!redirected) return;
        var location = new ByteWriter();
        entry.Redirect!.Write(request, entry.Match, location);
        Assert.Equal("https://h/x?y", location.Text());
    }

    [Fact]
    public void DirectResponse_HasItsBodyAndFormat()
    {
        var entry = Tables.Routes(
            "- {match: {prefix: /}, direct_response: {status: 418, body: {inline_string: tea}, body_format: {json_format: {code: "
                + "'%RESPONSE_CODE%', text: '%LOCAL_REPLY_BODY%!'}}}}")
            .Match(Requests.Get("h", "/"))!;
        var body = new ByteWriter();
        entry.Direct!.Write(new StreamInfo(), body);
        Assert.Equal((RouteKind.DirectResponse, 418), (entry.Kind, entry.DirectStatus));
        Assert.Equal("{\"code\":418,\"text\":\"tea!\"}\n", body.Text());
        Assert.Equal("application/json"u8, entry.DirectContentType);
    }

    private static string Location(string action, HeaderMap request)
    {
        var entry = Tables.Routes($"- {{match: {{prefix: /a}}, {action}}}\n- {{match: {{prefix: /}}, {action}}}").Match(request)!;
        var location = new ByteWriter();
        entry.Redirect!.Write(request, entry.Match, location);
        return location.Text();
    }
}
