using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams;
using Managed.Proxy.Tests.Http;
using Xunit;

namespace Managed.Proxy.Tests.Router;

public sealed class VirtualHostMatcherTests
{
    private const string Routes = """
        name: t
        virtual_hosts:
        - name: all
          domains: ["*"]
          matcher:
            matcher_tree:
              input: {name: path, typed_config: {"@type": type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput, header_name: ":path"}}
              prefix_match_map:
                map:
                  /one:
                    action:
                      name: r
                      typed_config: {"@type": type.googleapis.com/envoy.config.route.v3.Route, name: one, match: {prefix: /one, headers: [{name: x}]}, route: {cluster: a}}
                  /list:
                    action:
                      name: r
                      typed_config:
                        "@type": type.googleapis.com/envoy.config.route.v3.RouteList
                        routes:
                        - {name: first, match: {path: /list/1}, route: {cluster: a}}
                        - {match: {prefix: /list}, route: {cluster: b}}
            on_no_match: {action: {name: r, typed_config: {"@type": type.googleapis.com/envoy.config.route.v3.Route, name: rest, match: {prefix: /}, redirect: {path_redirect: /}}}}
        """;

    [Theory]
    [InlineData("/one", "x: 1", "one")]
    [InlineData("/one", "y: 1", null)] // what the route itself asks for counts, and nothing else is tried
    [InlineData("/list/1", "y: 1", "first")]
    [InlineData("/list/2", "y: 1", "b")]
    [InlineData("/other", "y: 1", "rest")]
    public void Matcher_FindsTheRoute(string path, string field, string? name)
    {
        var entry = Tables.Build(Routes).Match(Requests.Get("h", path, field));
        Assert.Equal(name, entry is null ? null : entry.Name.Length > 0 ? entry.Name : entry.ClusterName);
    }

    [Fact]
    public void Explanation_SaysWhatTheMatcherFound()
    {
        var steps = new List<MatchStep>();
        var request = Requests.Get("h", "/list/2");
        Assert.Equal("b", Tables.Build(Routes).Explain(request, new StreamInfo { RequestHeaders = request }, 0, steps)!.ClusterName);
        Assert.Contains(steps, s => s.Reason == "the matcher finds 2 routes");
    }

    [Theory]
    [InlineData("routes: [{match: {prefix: /}, route: {cluster: a}}]\n  matcher: {}", "only one of these may be given")]
    [InlineData("matcher: {on_no_match: {action: {name: a, typed_config: {'@type': a/b.C}}}}", "the action 'b.C' is not available")]
    [InlineData("matcher: {on_no_match: {action: {name: a, typed_config: {'@type': a/envoy.config.route.v3.Route, match: {prefix: /}, "
        + "route: {cluster: none}}}}}", "cluster 'none' does not exist")]
    [InlineData("matcher: {on_no_match: {action: {name: a, typed_config: {'@type': a/envoy.config.route.v3.RouteList}}}}", "routes")]
    public void WrongMatcher_IsRefused(string host, string says)
    {
        Assert.Null(Tables.TryBuild($"name: t\nvirtual_hosts:\n- name: a\n  domains: ['*']\n  {host}", out var errors));
        Assert.Contains(errors, e => e.Detail.Contains(says, StringComparison.Ordinal));
    }
}
