using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using static Managed.Proxy.Tests.Router.Trees.Matchers;

namespace Managed.Proxy.Tests.Http.Filters.Rbac;

public sealed class RbacMatcherTests
{
    private static string Act(string name, string action)
        => $"{{action: {{name: a, typed_config: {{'@type': {Url}envoy.config.rbac.v3.Action, name: {name}, action: {action}}}}}}}";

    private static readonly string Tree = $"{{matcher_tree: {{input: {Header("x")}, exact_match_map: {{map: {{in: {Act("who", "ALLOW")}, "
        + $"out: {Act("not", "DENY")}, note: {Act("noted", "LOG")}}}}}}}}}";

    private const string Route = "{match: {prefix: /}, direct_response: {status: 200}, response_headers_to_add: [{header: {key: x-policy, "
        + "value: '%DYNAMIC_METADATA(envoy.filters.http.rbac:enforced_effective_policy_id)%'}}, {header: {key: x-hint, value: "
        + "'%DYNAMIC_METADATA(envoy.common:access_log_hint)%'}}, {header: {key: x-shadow, value: "
        + "'%DYNAMIC_METADATA(envoy.filters.http.rbac:shadow_engine_result)%'}}]}";

    [Fact]
    public async Task Matcher_DecidesAndIsNoted()
    {
        await using var proxy = await LiveProxy.StartAsync(
            $"{{name: rbac, typed_config: {{matcher: {Tree}, track_per_rule_stats: true}}}}", Route);
        string let = await proxy.GetAsync("/", ["x: in"]);
        Assert.StartsWith("HTTP/1.1 200", let);
        Assert.Contains("x-policy: who\r\n", let);
        Assert.Contains("x-hint: false\r\n", let);
        string noted = await proxy.GetAsync("/", ["x: note"]);
        Assert.StartsWith("HTTP/1.1 200", noted);
        Assert.Contains("x-hint: true\r\n", noted);
        Assert.StartsWith("HTTP/1.1 403", await proxy.GetAsync("/", ["x: out"]));
        Assert.StartsWith("HTTP/1.1 403", await proxy.GetAsync("/", ["x: in", "x: in"]));
        Assert.StartsWith("HTTP/1.1 403", await proxy.GetAsync("/")); // what nothing is found for is denied
        Assert.Equal((2, 3, 1, 1), (proxy.Stats.Value("http.edge.rbac.allowed"), proxy.Stats.Value("http.edge.rbac.denied"),
            proxy.Stats.Value("http.edge.rbac.policy.who.allowed"), proxy.Stats.Value("http.edge.rbac.policy.not.denied")));
    }

    [Fact]
    public async Task ShadowMatcher_OnlyNotes()
    {
        await using var proxy = await LiveProxy.StartAsync($"{{name: rbac, typed_config: {{shadow_matcher: {Tree}}}}}", Route);
        string answer = await proxy.GetAsync("/", ["x: out"]);
        Assert.StartsWith("HTTP/1.1 200", answer);
        Assert.Contains("x-shadow: denied\r\n", answer);
        Assert.Equal(1, proxy.Stats.Value("http.edge.rbac.shadow_denied"));
    }

    [Theory]
    [InlineData("matcher: {}, rules: {}", "only one of these may be given: rules, matcher")]
    [InlineData("shadow_matcher: {}, shadow_rules: {}", "only one of these may be given")]
    [InlineData("matcher: {on_no_match: {action: {name: a, typed_config: {'@type': a/b.C}}}}", "the action 'b.C' is not available here")]
    [InlineData("matcher: {matcher_tree: {input: {typed_config: {'@type': a/envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput}}, "
        + "exact_match_map: {map: {a: {matcher: {}}}}}}", "there is no response yet")]
    public async Task WrongMatcher_IsRefused(string config, string says)
    {
        await using var server = new ProxyServer(new ProxyOptions { Workers = 1, LoggerFactory = NullLoggerFactory.Instance });
        var built = server.Build(Requests.Node("listeners: [{name: a, address: '127.0.0.1:0', routes: [], http_filters: [{name: rbac, "
            + $"typed_config: {{{config}}}}}]}}]"), 1);
        Assert.Contains(built.Errors, e => e.Detail.Contains(says, StringComparison.Ordinal));
    }

    [Fact]
    public async Task NetworkMatcher_SeesTheConnectionAlone()
    {
        await using var server = new ProxyServer(new ProxyOptions { Workers = 1, LoggerFactory = NullLoggerFactory.Instance });
        string Chain(string matcher) => "listeners: [{name: a, address: '127.0.0.1:0', filter_chains: [{filters: [{name: rbac, "
            + $"typed_config: {{stat_prefix: s, matcher: {matcher}}}}}, {{name: echo}}]}}]}}]";
        Assert.Empty(server.Build(Requests.Node(Chain($"{{matcher_tree: {{input: {Input(Network + "SourceIPInput")}, prefix_match_map: "
            + $"{{map: {{'127.': {Act("local", "ALLOW")}}}}}}}}}")), 1).Errors);
        Assert.Contains(server.Build(Requests.Node(Chain(Tree)), 2).Errors, e => e.Detail.Contains("a connection has no headers"));
    }
}
