using System.Net;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Router.Trees;
using Managed.Proxy.Streams;
using Managed.Proxy.Tests.Http;
using Xunit;
using static Managed.Proxy.Tests.Router.Trees.Matchers;

namespace Managed.Proxy.Tests.Router.Trees;

public sealed class MatchTreeTests
{
    private static readonly string A = Then("a"), B = Then("b"), C = Then("c");

    private static string List(params (string Test, string Then)[] items)
        => "matcher_list: {matchers: [" + string.Join(", ", items.Select(i => $"{{predicate: {i.Test}, on_match: {i.Then}}}")) + "]}";

    private static string Tree(string input, string kind, params (string Key, string Then)[] items)
        => $"matcher_tree: {{input: {input}, {kind}: {{map: {{" + string.Join(", ", items.Select(i => $"'{i.Key}': {i.Then}")) + "}}}";

    private static string Ip(string input, params string[] ranges) => $"matcher_tree: {{input: {input}, custom_match: {{name: ip, "
        + $"typed_config: {{'@type': {Url}xds.type.matcher.v3.IPMatcher, range_matchers: [{string.Join(", ", ranges)}]}}}}}}";

    private static string Range(string block, string then, string more = "")
        => $"{{ranges: [{{address_prefix: '{block.Split('/')[0]}', prefix_len: {block.Split('/')[1]}}}], on_match: {then}{more}}}";

    private static string Names(string input, params string[] items) => $"matcher_tree: {{input: {input}, custom_match: {{name: n, "
        + $"typed_config: {{'@type': {Url}xds.type.matcher.v3.ServerNameMatcher, domain_matchers: [{string.Join(", ", items)}]}}}}}}";

    private static string Custom(string input, string type, string more)
        => $"{{single_predicate: {{input: {input}, custom_match: {{name: c, typed_config: {{'@type': {Url}{type}, {more}}}}}}}}}";

    private static readonly string IsOne = Test(Header("x"), "exact: '1'"), IsTwo = Test(Header("y"), "exact: '2'");
    private static readonly string Source = Input(Network + "SourceIPInput");
    private static readonly string Blocks = Ip(Source, Range("10.0.0.0/8", A), Range("10.1.0.0/16", B), Range("::/0", C));

    // A matcher, what the request has, and the action that is found.
    private static readonly (string Matcher, string Path, string[] Fields, string? Finds)[] Cases =
    [
        ("", "/", [], null),
        ($"on_no_match: {A}", "/", [], "a"),
        (List((IsOne, A), (IsTwo, B)), "/", ["x: 1", "y: 2"], "a"),
        (List((IsOne, A), (IsTwo, B)), "/", ["y: 2"], "b"),
        (List((IsOne, A), (IsTwo, B)), "/", ["x: 2"], null),
        (List((IsOne, A)) + $", on_no_match: {C}", "/", [], "c"),
        (List((Test(Header("x"), "exact: ''"), A)), "/", [], null), // no header is not an empty one
        (List((Test(Header("x"), "exact: ''"), A)), "/", ["x: "], "a"),
        (List((Test(Header("x"), "exact: 'p,q'"), A)), "/", ["x: p", "z: 0", "x: q"], "a"),
        (List((Test(Header("X-Raw"), "prefix: AB, ignore_case: true"), A)), "/", ["x-raw: abc"], "a"),
        (List((Test(Header("host"), "exact: h"), A)), "/", [], "a"),
        (List((Test(Header("x"), "safe_regex: {regex: '[0-9]+'}"), A)), "/", ["x: 12"], "a"),
        (List(($"{{or_matcher: {{predicate: [{IsOne}, {IsTwo}]}}}}", A)), "/", ["y: 2"], "a"),
        (List(($"{{and_matcher: {{predicate: [{IsOne}, {IsTwo}]}}}}", A)), "/", ["y: 2"], null),
        (List(($"{{and_matcher: {{predicate: [{IsOne}, {IsTwo}]}}}}", A)), "/", ["x: 1", "y: 2"], "a"),
        (List(($"{{not_matcher: {IsOne}}}", A)), "/", [], "a"),
        (List(($"{{not_matcher: {IsOne}}}", A)), "/", ["x: 1"], null),
        // A matcher within that finds nothing has not matched: the list goes on.
        (List((IsOne, "{matcher: {" + List((IsTwo, A)) + "}}"), (IsOne, B)), "/", ["x: 1"], "b"),
        (List((IsOne, "{matcher: {" + List((IsTwo, A)) + $", on_no_match: {C}}}}}"), (IsOne, B)), "/", ["x: 1"], "c"),
        (Tree(Header("x"), "exact_match_map", ("1", A), ("", B)), "/", ["x: 1"], "a"),
        (Tree(Header("x"), "exact_match_map", ("1", A), ("", B)), "/", ["x: "], "b"),
        (Tree(Header("x"), "exact_match_map", ("1", A)), "/", ["x: 12"], null),
        (Tree(Header("x"), "exact_match_map", ("1", A)) + $", on_no_match: {C}", "/", [], "c"),
        (Tree(Header(":path"), "prefix_match_map", ("/", A), ("/api", B), ("/api/v2", C)), "/api/v1", [], "b"),
        (Tree(Header(":path"), "prefix_match_map", ("/", A), ("/api", B), ("/api/v2", C)), "/api/v2?x", [], "c"),
        (Tree(Header(":path"), "prefix_match_map", ("/", A), ("/api", B)), "/ap", [], "a"),
        (Tree(Header(":path"), "prefix_match_map", ("/api", B)), "/ap", [], null),
        // The longest that leads to something.
        (Tree(Header(":path"), "prefix_match_map", ("/", A), ("/api", "{matcher: {" + List((IsTwo, B)) + "}}")), "/api", [], "a"),
        (Tree(Header(":path"), "prefix_match_map", ("/", A), ("/api", "{matcher: {" + List((IsTwo, B)) + "}}")), "/api", ["y: 2"], "b"),
        (Blocks, "10.1.2.3", [], "b"),
        (Blocks, "10.2.2.3", [], "a"),
        (Blocks, "::ffff:10.2.2.3", [], "a"),
        (Blocks, "2001:db8::1", [], "c"),
        (Blocks, "11.0.0.1", [], null),
        // An exclusive block does not take over from a more specific one that finds nothing.
        (Ip(Source, Range("10.0.0.0/8", A, ", exclusive: true"), Range("10.1.0.0/16", "{matcher: {" + List((IsTwo, B)) + "}}")),
            "10.1.2.3", [], null),
        (Ip(Source, Range("10.0.0.0/8", A), Range("10.1.0.0/16", "{matcher: {" + List((IsTwo, B)) + "}}")), "10.1.2.3", [], "a"),
        (Ip(Header("x"), Range("10.0.0.0/8", A)), "/", ["x: 10.9.9.9"], "a"),
        (Ip(Header("x"), Range("10.0.0.0/8", A)), "/", ["x: not an address"], null),
        (List((Test(Source, "prefix: '10.1.'"), A)), "::ffff:10.1.2.3", [], "a"),
        (List((Custom(Source, "envoy.extensions.matching.input_matchers.ip.v3.Ip", "stat_prefix: s, cidr_ranges: "
            + "[{address_prefix: 10.0.0.0, prefix_len: 8}]"), A)), "10.1.2.3", [], "a"),
        (List((Custom(Source, "envoy.extensions.matching.input_matchers.ip.v3.Ip", "stat_prefix: s, cidr_ranges: "
            + "[{address_prefix: 10.0.0.0, prefix_len: 8}]"), A)), "127.0.0.1", [], null),
        (List((Test(Input(Network + "DestinationPortInput"), "exact: '8443'"), A)), "/", [], "a"),
        (List((Test(Input(Network + "DestinationIPInput"), "exact: 192.0.2.1"), A)), "/", [], "a"),
        (List((Test(Input(Network + "SourceTypeInput"), "exact: local"), A)), "127.0.0.1", [], "a"),
        (List((Test(Input(Network + "SourceTypeInput"), "exact: local"), A)), "10.1.1.1", [], null),
        (List((Test(Input(Network + "ServerNameInput"), "suffix: .test"), A)), "/", [], "a"),
        (Names(Input(Network + "ServerNameInput"), $"{{domains: ['*.test'], on_match: {A}}}"), "/", [], "a"),
        (Names(Header("x"), $"{{domains: [a.test], on_match: {A}}}", $"{{domains: ['*.b.test', '*.test'], on_match: {B}}}"), "/",
            ["x: A.Test"], "a"),
        (Names(Header("x"), $"{{domains: [b.test], on_match: {A}}}", $"{{domains: ['*.b.test'], on_match: {B}}}"), "/",
            ["x: q.r.b.test"], "b"),
        (Names(Header("x"), $"{{domains: ['*.b.test'], on_match: {B}}}"), "/", ["x: b.test"], null),
        (Names(Header("x"), $"{{domains: ['*'], on_match: {B}}}"), "/", ["x: b"], "b"),
        (List((Test(Input(Network + "FilterStateInput", ", key: who"), "exact: me"), A)), "/", [], "a"),
        (List((Custom(Input(Network + "DynamicMetadataInput", ", filter: f, path: [{key: k}]"),
            "envoy.extensions.matching.input_matchers.metadata.v3.Metadata", "value: {double_match: {exact: 3}}"), A)), "/", [], "a"),
        (List((Test(Input("HttpRequestQueryParamMatchInput", ", query_param: q"), "exact: 'a b'"), A)), "/?p=1&q=a%20b&q=c", [], "a"),
        (List((Test(Input("HttpRequestQueryParamMatchInput", ", query_param: q"), "exact: x"), A)), "/?%71=x", [], "a"),
        (List((Test(Input("HttpRequestQueryParamMatchInput", ", query_param: q"), "exact: ''"), A)), "/?q", [], "a"),
        (List((Test(Input("HttpRequestQueryParamMatchInput", ", query_param: q"), "exact: x"), A)), "/?qq=x", [], null),
        (List((Test(Input("envoy.extensions.matching.common_inputs.environment_variable.v3.Config", ", name: PATH"), "contains: /"), A)),
            "/", [], "a"),
        (List((Test(Input("envoy.extensions.matching.common_inputs.environment_variable.v3.Config", ", name: NO_SUCH_ONE"), "prefix: a"),
            A)), "/", [], null),
    ];

    public static TheoryData<int> Rows => [.. Enumerable.Range(0, Cases.Length)];

    // A path that is an address is the client's.
    private static StreamInfo Info(string path, string[] fields) => new()
    {
        RequestHeaders = Requests.Get("h", path[0] == '/' ? path : "/", fields), ResponseHeaders = new HeaderMap(),
        RemoteAddress = IPAddress.TryParse(path, out var client) ? new IPEndPoint(client, 1) : null,
        LocalAddress = new IPEndPoint(IPAddress.Parse("192.0.2.1"), 8443), RequestedServerName = "www.example.test",
        FilterState = new() { ["who"] = "me" }, DynamicMetadata = new() { ["f"] = new() { ["k"] = 3 } },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void Tree_FindsItsAction(int row)
    {
        var (matcher, path, fields, finds) = Cases[row];
        var tree = Build($"{{{matcher}}}", out var errors);
        Assert.Empty(errors);
        var work = new MatchWork();
        var verdict = tree!.Find(Info(path, fields), ref work, out string? found);
        Assert.Equal((finds is null ? MatchVerdict.No : MatchVerdict.Yes, finds), (verdict, found));
    }

    [Fact]
    public void ValueOfTheResponse_IsUnknownBeforeIt()
    {
        string status = Test(Input("HttpResponseStatusCodeClassMatchInput"), "exact: 5xx");
        var tree = Build("{" + List((IsOne, A), ($"{{not_matcher: {status}}}", B)) + $", on_no_match: {C}}}", out _)!;
        var work = new MatchWork();
        var info = Info("/", []);
        Assert.Equal((MatchVerdict.Unknown, null), (tree.Find(info, ref work, out string? found), found));
        Assert.Equal(MatchVerdict.Yes, tree.Find(Info("/", ["x: 1"]), ref work, out _)); // a test before it decides
        info.ResponseHeaders!.Set(":status", "503");
        Assert.Equal((MatchVerdict.Yes, "c"), (tree.Find(info, ref work, out found), found));
        info.ResponseHeaders.Set(":status", "200");
        Assert.Equal((MatchVerdict.Yes, "b"), (tree.Find(info, ref work, out found), found));
    }

    [Fact]
    public void ExpressionThatCannotBeAsked_SettlesNothing()
    {
        var tree = Build("{" + List((Test(Header("x"), "safe_regex: {regex: '(a|b|ab)*c'}"), A)) + $", on_no_match: {B}}}", out _)!;
        var work = new MatchWork();
        work.Spend(MatchWork.Most);
        Assert.Equal(MatchVerdict.Unknown, tree.Find(Info("/", ["x: " + new string('a', 100)]), ref work, out string? found));
        Assert.True(work.GaveUp);
        Assert.Null(found);
    }

    [Fact]
    public void Asking_AllocatesNothing()
    {
        var trees = new[]
        {
            Build("{" + List((IsTwo, A), (Test(Header("many"), "exact: 'p,q'"), B)) + "}", out _)!,
            Build("{" + Tree(Header(":path"), "prefix_match_map", ("/", A), ("/api", B)) + "}", out _)!,
            Build("{" + Tree(Header("x"), "exact_match_map", ("1", A)) + "}", out _)!, Build("{" + Blocks + "}", out _)!,
            Build("{" + List((Test(Source, "prefix: '10.1.'"), A)) + "}", out _)!,
            Build("{" + Names(Input(Network + "ServerNameInput"), $"{{domains: ['*.test'], on_match: {A}}}") + "}", out _)!,
        };
        var info = Info("::ffff:10.1.2.3", ["x: 1", "many: p", "many: q"]);
        void Ask()
        {
            foreach (var tree in trees)
            {
                var work = new MatchWork();
                if (tree.Find(info, ref work, out _) != MatchVerdict.Yes) throw new InvalidOperationException();
            }
        }
        for (int i = 0; i < 100; i++) Ask();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) Ask();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [InlineData("on_no_match: {keep_matching: true, matcher: {}}", "'keep_matching' is not supported")]
    [InlineData("matcher_tree: {input: INPUT, exact_match_map: {map: {}}}", "'map' is empty")]
    [InlineData("matcher_tree: {input: {typed_config: {'@type': a/envoy.type.matcher.v3.HttpRequestTrailerMatchInput}}, "
        + "exact_match_map: {map: {a: {matcher: {}}}}}", "HttpRequestTrailerMatchInput' is not available")]
    [InlineData("matcher_tree: {input: INPUT, custom_match: {typed_config: {'@type': a/b.C}}}", "the matcher 'b.C' is not available")]
    [InlineData("matcher_list: {matchers: [{predicate: {single_predicate: {input: INPUT, custom_match: {typed_config: {'@type': a/b.C}}}}, "
        + "on_match: {matcher: {}}}]}", "the test 'b.C' is not available")]
    [InlineData("matcher_list: {matchers: [{predicate: {single_predicate: {input: {typed_config: {'@type': "
        + "a/envoy.extensions.matching.common_inputs.network.v3.DynamicMetadataInput, filter: f, path: [{key: k}]}}, value_match: "
        + "{exact: a}}}, on_match: {matcher: {}}}]}", "a value of metadata is tested by custom_match")]
    [InlineData("matcher_list: {matchers: [{predicate: {single_predicate: {input: {typed_config: {'@type': "
        + "a/envoy.type.matcher.v3.HttpRequestHeaderMatchInput, header_name: 'a b'}}, value_match: {exact: a}}}, "
        + "on_match: {matcher: {}}}]}",
        "is not a header name")]
    public void WrongMatcher_IsRefused(string yaml, string says)
    {
        Assert.Null(Build("{" + yaml.Replace("INPUT", Header("x"), StringComparison.Ordinal) + "}", out var errors));
        Assert.Contains(errors, e => e.Detail.Contains(says, StringComparison.Ordinal));
    }

    [Fact]
    public void ValuesThatAreNotThere_AreRefused()
    {
        Assert.Null(Build("{" + List((IsOne, A)) + "}", out var errors, MatchPhases.Connection));
        Assert.Contains(errors, e => e.Detail.Contains("a connection has no headers", StringComparison.Ordinal));
        Assert.Null(Build("{" + List((Test(Input("HttpResponseStatusCodeMatchInput"), "exact: '200'"), A)) + "}", out errors,
            MatchPhases.Connection | MatchPhases.Request));
        Assert.Contains(errors, e => e.Detail.Contains("there is no response yet", StringComparison.Ordinal));
    }

    [Fact]
    public void DeepMatchers_AreRefused()
    {
        string deep = A;
        for (int i = 0; i < 10; i++) deep = "{matcher: {on_no_match: " + deep + "}}";
        Assert.Null(Build($"{{on_no_match: {deep}}}", out var errors));
        Assert.Contains(errors, e => e.Detail.Contains("16 deep", StringComparison.Ordinal));
    }
}
