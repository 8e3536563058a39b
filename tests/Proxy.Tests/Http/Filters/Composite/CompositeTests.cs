using Managed.TestKit;
using Xunit;
using static Managed.Proxy.Tests.Router.Trees.Matchers;

namespace Managed.Proxy.Tests.Http.Filters.Composite;

public sealed class CompositeTests(CompositeTests.Edge edge) : IClassFixture<CompositeTests.Edge>
{
    private const string Mutation = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation";
    private const string SkipType = "envoy.extensions.filters.common.matcher.action.v3.SkipFilter";
    private const string ExecuteType = "envoy.extensions.filters.http.composite.v3.ExecuteFilterAction";
    private const string Delegate = "envoy.extensions.common.matching.v3.ExtensionWithMatcher";

    private static readonly string Skip = $"{{action: {{name: s, typed_config: {{'@type': {Url}{SkipType}}}}}}}";

    private static string Adds(string header, string side = "response")
        => $"{{name: m, typed_config: {{'@type': {Url}{Mutation}, mutations: {{{side}_mutations: [{{append: {{header: {{key: {header}, "
            + "value: yes}}}]}}}";

    private static string Run(string filter, string more = "")
        => $"{{action: {{name: x, typed_config: {{'@type': {Url}{ExecuteType}, typed_config: {filter}{more}}}}}}}";

    private static string By(string header, params string[] map)
        => $"matcher_tree: {{input: {Header(header)}, exact_match_map: {{map: {{{string.Join(", ", map)}}}}}}}";

    private static string Filter(string name, string inside, string matcher)
        => $"{{name: {name}, typed_config: {{'@type': {Url}{Delegate}, extension_config: {inside}, xds_matcher: {{{matcher}}}}}}}";

    private static string Composite(string name, string matcher) => Filter(name, "{name: composite}", matcher);

    private static readonly string OnStatus = $"matcher_tree: {{input: {Input("HttpResponseStatusCodeClassMatchInput")}, "
        + $"exact_match_map: {{map: {{5xx: {Run(Adds("x-broken"))}}}}}}}";

    private static readonly string SkipsOnStatus = $"matcher_tree: {{input: {Input("HttpResponseStatusCodeClassMatchInput")}, "
        + $"exact_match_map: {{map: {{5xx: {Skip}}}}}}}";

    public sealed class Edge : IAsyncLifetime
    {
        public RecordingUpstream Upstream { get; } = RecordingUpstream.Start("up");
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            string[] filters =
            [
                Composite("choice", By("x-choice", "a: " + Run(Adds("x-a")), "b: " + Run(Adds("x-b", "request")),
                    "body: " + Run("{name: buffer, typed_config: {max_request_bytes: 4}}"),
                    "fault: " + Run("{name: fault, typed_config: {abort: {http_status: 418, percentage: {numerator: 100}}}}"),
                    "never: " + Run(Adds("x-never"), ", sample_percent: {default_value: {numerator: 0}}"),
                    "always: " + Run(Adds("x-always"), ", sample_percent: {default_value: {numerator: 100}}"))),
                Composite("broken", OnStatus),
                Filter("adds", Adds("x-adds"), By("x-skip", "'1': " + Skip)),
                Filter("late", Adds("x-late"), SkipsOnStatus),
                Filter("off", "{name: buffer, typed_config: {max_request_bytes: 8}}", By("x-big", "'1': " + Skip)),
            ];
            Proxy = await ProxyFixture.StartAsync($$$"""
                clusters:
                - {name: up, endpoints: ["{{{Upstream.Address}}}"]}
                listeners:
                - name: edge
                  address: 127.0.0.1:0
                  http_filters: [{{{string.Join(", ", filters)}}}]
                  routes:
                  - match: {prefix: /route}
                    route: {cluster: up}
                    typed_per_filter_config:
                      adds: {'@type': {{{Url}}}{{{Delegate}}}PerRoute, xds_matcher: { {{{By("x-here", "'1': " + Skip)}}} } }
                      choice: {disabled: true}
                  - {match: {prefix: /}, route: {cluster: up}}
                """);
        }

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Upstream.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("/", "", 200, "x-adds x-late")]
    [InlineData("/", "x-choice: a", 200, "x-a x-adds x-late")]
    [InlineData("/", "x-choice: always", 200, "x-always x-adds x-late")]
    [InlineData("/", "x-choice: never", 200, "x-adds x-late")]
    [InlineData("/", "x-choice: other", 200, "x-adds x-late")]
    [InlineData("/", "x-skip: 1", 200, "x-late")]
    [InlineData("/", "x-skip: 1", 503, "x-broken")]
    [InlineData("/", "", 503, "x-broken x-adds")]
    [InlineData("/route", "x-here: 1", 200, "x-late")]
    [InlineData("/route", "x-skip: 1", 200, "x-adds x-late")]
    [InlineData("/route", "x-choice: a", 200, "x-adds x-late")]
    public async Task Response_HasPassedWhatTheMatchersFound(string path, string field, int status, string marks)
    {
        edge.Upstream.Answer = _ => $"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n";
        var answer = await edge.Proxy.GetAsync(path, headers: field.Length > 0 ? field + "\r\n" : "");
        Assert.Equal(status, answer.Status);
        string[] all = ["x-a", "x-always", "x-never", "x-broken", "x-adds", "x-late"];
        Assert.Equal(marks, string.Join(' ', all.Where(m => answer[m] is not null)));
    }

    [Fact]
    public async Task Request_PassesTheFilterThatIsFound()
    {
        edge.Upstream.Answer = r => $"HTTP/1.1 200 X\r\nx-seen: {r["x-b"]}\r\ncontent-length: 0\r\n\r\n";
        Assert.Equal("yes", (await edge.Proxy.GetAsync("/", headers: "x-choice: b\r\n"))["x-seen"]);
    }

    [Fact]
    public async Task FilterThatIsFound_MayAnswerItself()
    {
        long before = edge.Proxy.Stat("http.edge.composite.filter_delegation_success");
        var answer = await edge.Proxy.GetAsync("/", headers: "x-choice: fault\r\n");
        // A reply passes the response's filters as any other.
        Assert.Equal((418, "yes"), (answer.Status, answer["x-late"]));
        Assert.Equal(before + 1, edge.Proxy.Stat("http.edge.composite.filter_delegation_success"));
    }

    [Theory]
    [InlineData("x-choice: body", "12345678", 413)]
    [InlineData("x-choice: body", "1234", 200)]
    [InlineData("x-choice: a", "12345678", 200)]
    [InlineData("x-choice: a", "123456789", 413)] // by the filter that is not skipped
    [InlineData("x-big: 1", "123456789", 200)]
    public async Task Body_PassesTheFilterThatRuns(string field, string body, int status)
    {
        edge.Upstream.Answer = _ => "HTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n";
        await using var client = await edge.Proxy.ConnectAsync();
        await client.SendAsync($"POST / HTTP/1.1\r\nhost: h\r\n{field}\r\ntransfer-encoding: chunked\r\n\r\n"
            + $"{body.Length:x}\r\n{body}\r\n0\r\n\r\n");
        Assert.Equal(status, (await client.ReadAsync()).Status);
    }

    [Fact]
    public async Task ManyRequests_LeaveNothingOfEachOther()
    {
        edge.Upstream.Answer = _ => "HTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n";
        await using var client = await edge.Proxy.ConnectAsync();
        for (int i = 0; i < 40; i++)
        {
            string choice = (i % 4) switch { 0 => "a", 1 => "always", 2 => "fault", _ => "none" };
            await client.GetAsync("/", "h", $"x-choice: {choice}\r\n{(i % 3 == 0 ? "x-skip: 1\r\n" : "")}");
            var answer = await client.ReadAsync();
            Assert.Equal((choice == "fault" ? 418 : 200, choice == "a", choice == "always", i % 3 != 0),
                (answer.Status, answer["x-a"] is not null, answer["x-always"] is not null, answer["x-adds"] is not null));
        }
    }

    [Fact]
    public async Task ExpressionThatCannotBeAsked_LetsNothingBy()
    {
        await using var proxy = await ProxyFixture.StartAsync("listeners: [{name: edge, address: '127.0.0.1:0', http_filters: ["
            + Filter("guard", "{name: rbac, typed_config: {rules: {action: DENY, policies: {}}}}",
                $"matcher_list: {{matchers: [{{predicate: {Test(Header("x"), "safe_regex: {regex: '(.*a){20}b'}")}, on_match: {Skip}}}]}}")
            + "], routes: [{match: {prefix: /}, direct_response: {status: 200}}]}]");
        Assert.Equal(200, (await proxy.GetAsync("/", headers: "x: b\r\n")).Status);
        Assert.Equal(500, (await proxy.GetAsync("/", headers: $"x: {new string('a', 30_000)}\r\n")).Status);
    }

    public static TheoryData<string, string> Wrong => new()
    {
        { Filter("a", "{name: router}", ""), "it ends the chain" },
        { Filter("a", "{name: none}", ""), "'none'" },
        { Filter("a", Adds("x"), By("x", "a: " + Run(Adds("y")))), "ExecuteFilterAction is for the filter composite" },
        { Composite("a", By("x", "a: " + Run("{name: composite}"))), "matchers choose one filter" },
        { Composite("a", By("x", "a: " + Run(Adds("y"), ", dynamic_config: {}"))), "'dynamic_config' is not supported" },
        { Composite("a", By("x", "a: " + Run(Adds("y"), ", filter_chain: {}"))), "'filter_chain' is not supported" },
        { Composite("a", By("x", "a: " + Run("{name: buffer, typed_config: {max_request_bytes: -1}}"))), "max_request_bytes" },
        { Composite("a", By("x", "a: {action: {name: a, typed_config: {'@type': a/b.C}}}")), "the action 'b.C' is not available" },
        { $"{{name: a, typed_config: {{'@type': {Url}{Delegate}, extension_config: {{name: composite}}}}}}",
            "one of these is missing: matcher, xds_matcher" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void WrongConfiguration_IsRefused(string filter, string says)
        => Assert.Contains(edge.Proxy.Build($"listeners: [{{name: a, address: '127.0.0.1:0', routes: [], "
            + $"http_filters: [{filter}]}}]").Errors,
            e => e.ToString().Contains(says, StringComparison.Ordinal));
}
