using Xunit;

namespace Managed.Proxy.Tests.Router;

public sealed class RouteErrorTests
{
    [Theory]
    [InlineData("route: {cluster: aa}", "UNKNOWN_REFERENCE", "/route/cluster", "cluster 'aa' does not exist", "did you mean 'a'?")]
    [InlineData("route: {weighted_clusters: {clusters: [{name: a, weight: 1}, {name: bb, weight: 1}]}}", "UNKNOWN_REFERENCE",
        "/route/weighted_clusters/clusters/1/name", "cluster 'bb'", "did you mean 'b'?")]
    [InlineData("route: {weighted_clusters: {clusters: [{name: a}]}}", "INVALID_VALUE", "/route/weighted_clusters", "more than 0", null)]
    [InlineData("route: {weighted_clusters: {total_weight: 100, clusters: [{name: a, weight: 1}]}}", "INVALID_VALUE",
        "/route/weighted_clusters", "not to total_weight 100", null)]
    [InlineData("route: {cluster: a, prefix_rewrite: '/a b'}", "INVALID_VALUE", "/route/prefix_rewrite", "white space", null)]
    [InlineData("route: {cluster: a, regex_rewrite: {pattern: {regex: '(a'}, substitution: x}}", "INVALID_VALUE",
        "/route/regex_rewrite/pattern/regex", "is not valid", null)]
    [InlineData("route: {cluster: a, regex_rewrite: {pattern: {regex: 'a'}, substitution: '\\1'}}", "INVALID_VALUE",
        "/route/regex_rewrite/substitution", "has 0 groups", null)]
    [InlineData("route: {cluster: a, host_rewrite_literal: 'a/b'}", "INVALID_VALUE", "/route/host_rewrite_literal", "not a host", null)]
    [InlineData("route: {cluster_header: 'a b'}", "INVALID_VALUE", "/route/cluster_header", "not a header name", null)]
    [InlineData("redirect: {path_redirect: 'x'}", "INVALID_VALUE", "/redirect/path_redirect", "begin with /", null)]
    [InlineData("redirect: {host_redirect: 'a/b'}", "INVALID_VALUE", "/redirect/host_redirect", "not a host", null)]
    [InlineData("direct_response: {status: 200, body: {inline_string: 12345678901}}", "INVALID_TYPE", "/direct_response/body/inline_string",
        "", null)]
    [InlineData("direct_response: {status: 200, body: {inline_string: '12345678901'}}", "INVALID_VALUE", "/direct_response/body",
        "more than max_direct_response_body_size_bytes (10)", null)]
    [InlineData("route: {cluster: a}, request_headers_to_add: [{header: {key: ':path', value: x}}]", "INVALID_VALUE",
        "/request_headers_to_add/0/header/key", "rewrites", null)]
    [InlineData("route: {cluster: a}, request_headers_to_add: [{header: {key: 'content-length', value: '1'}}]", "INVALID_VALUE",
        "/request_headers_to_add/0/header/key", "codec", null)]
    [InlineData("route: {cluster: a}, request_headers_to_add: [{header: {key: x, value: '%NOPE%'}}]", "INVALID_VALUE",
        "/request_headers_to_add/0/header/value", "%NOPE%", null)]
    [InlineData("route: {cluster: a}, request_headers_to_add: [{header: {key: x, value: \"a\\nb\"}}]", "INVALID_VALUE",
        "/request_headers_to_add/0/header/value", "control", null)]
    [InlineData("route: {cluster: a}, response_headers_to_remove: ['a', 'b c']", "INVALID_VALUE", "/response_headers_to_remove/1",
        "not a header name", null)]
    [InlineData("route: {cluster: a}, typed_per_filter_config: {nope: {}}", "UNKNOWN_EXTENSION", "/typed_per_filter_config/nope",
        "not an HTTP filter", null)]
    public void WrongRoute_IsAnErrorAtItsPlace(string action, string code, string pointer, string detail, string? hint)
    {
        Assert.Null(
            Tables.TryBuild(
                $"max_direct_response_body_size_bytes: 10\nvirtual_hosts: [{{name: v, domains: ['*'], routes: [{{match: {{prefix: /}}, "
                    + $"{action}}}]}}]", out var errors));
        var error = Assert.Single(errors);
        Assert.Equal(code, error.Code);
        Assert.Equal("#/virtual_hosts/0/routes/0" + pointer, error.Pointer);
        Assert.Contains(detail, error.Detail);
        if (hint is not null) Assert.Equal(hint, error.Hint);
    }

    [Theory]
    [InlineData("safe_regex: {regex: '('}")]
    [InlineData("safe_regex: {regex: 'a)(b'}")]
    [InlineData("safe_regex: {regex: '(a)\\1'}")]
    [InlineData("safe_regex: {regex: '(?=a)'}")]
    [InlineData("safe_regex: {regex: '((a{1000}){1000}){1000}'}")]
    [InlineData("path_separated_prefix: /a/")]
    public void WrongMatch_IsAnError(string match)
    {
        Assert.Null(
            Tables.TryBuild($"virtual_hosts: [{{name: v, domains: ['*'], routes: [{{match: {{{match}}}, route: {{cluster: a}}}}]}}]",
                out var errors));
        Assert.Equal("INVALID_VALUE", Assert.Single(errors).Code);
    }

    [Fact]
    public void AllErrors_AreReportedAtOnce()
    {
        Tables.TryBuild("""
            virtual_hosts:
            - name: v
              domains: ['*', '*']
              routes:
              - {match: {safe_regex: {regex: '('}}, route: {cluster: x1}}
              - {match: {prefix: /}, route: {cluster: x2}}
            """, out var errors);
        Assert.Equal(4, errors.Count);
    }
}
