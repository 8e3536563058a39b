using Managed.Proxy.Router.Matching;
using Managed.Proxy.Tests.Http;
using Xunit;

namespace Managed.Proxy.Tests.Router;

public sealed class RouteMatchTests
{
    private static bool Matches(string match, string path, params string[] fields)
        => Tables.Routes($"- {{name: r, match: {match}, route: {{cluster: a}}}}").Find("h", path, fields) == "r";

    [Theory]
    [InlineData("{prefix: /api}", "/api", true)]
    [InlineData("{prefix: /api}", "/apix?q", true)]
    [InlineData("{prefix: /api}", "/ap", false)]
    [InlineData("{prefix: /api}", "/API", false)]
    [InlineData("{prefix: /api, case_sensitive: false}", "/API/x", true)]
    [InlineData("{path: /a}", "/a", true)]
    [InlineData("{path: /a}", "/a?x=/b", true)]
    [InlineData("{path: /a}", "/a#x", true)]
    [InlineData("{path: /a}", "/a/", false)]
    [InlineData("{path: /a, case_sensitive: false}", "/A", true)]
    [InlineData("{path_separated_prefix: /api}", "/api", true)]
    [InlineData("{path_separated_prefix: /api}", "/api?x", true)]
    [InlineData("{path_separated_prefix: /api}", "/api/x", true)]
    [InlineData("{path_separated_prefix: /api}", "/apix", false)]
    [InlineData("{path_separated_prefix: /api, case_sensitive: false}", "/Api/x", true)]
    [InlineData("{safe_regex: {regex: '/a+'}}", "/aaa?b", true)]
    [InlineData("{safe_regex: {regex: '/a+'}}", "/aaab", false)]
    [InlineData("{safe_regex: {regex: 'a+'}}", "/aaa", false)]
    [InlineData("{safe_regex: {regex: '/a|/b'}}", "/bc", false)]
    [InlineData("{safe_regex: {regex: '/v\\d/.*'}}", "/v1/x", true)]
    [InlineData("{safe_regex: {regex: '/A'}, case_sensitive: false}", "/a", true)]
    public void Path_IsTestedWithoutQuery(string match, string path, bool expected) => Assert.Equal(expected, Matches(match, path));

    [Theory]
    [InlineData("{name: x}", true, "x: 1")]
    [InlineData("{name: x}", false)]
    [InlineData("{name: X, exact_match: a}", true, "x: a")]
    [InlineData("{name: x, string_match: {exact: a}}", false, "x: A")]
    [InlineData("{name: x, string_match: {exact: a, ignore_case: true}}", true, "x: A")]
    [InlineData("{name: x, string_match: {prefix: ab}}", true, "x: abc")]
    [InlineData("{name: x, string_match: {suffix: bc}}", true, "x: abc")]
    [InlineData("{name: x, string_match: {contains: b}}", true, "x: abc")]
    [InlineData("{name: x, string_match: {contains: B, ignore_case: true}}", true, "x: abc")]
    [InlineData("{name: x, string_match: {safe_regex: {regex: 'a.c'}}}", true, "x: abc")]
    [InlineData("{name: x, string_match: {safe_regex: {regex: 'a.'}}}", false, "x: abc")]
    [InlineData("{name: x, prefix_match: a}", true, "x: abc")]
    [InlineData("{name: x, suffix_match: c}", true, "x: abc")]
    [InlineData("{name: x, contains_match: b}", true, "x: abc")]
    [InlineData("{name: x, safe_regex_match: {regex: '[a-c]+'}}", true, "x: abc")]
    [InlineData("{name: x, range_match: {start: -10, end: 0}}", true, "x: -1")]
    [InlineData("{name: x, range_match: {start: -10, end: 0}}", false, "x: 0")]
    [InlineData("{name: x, range_match: {start: 0, end: 10}}", false, "x: 1a")]
    [InlineData("{name: x, range_match: {start: 0, end: 10}, invert_match: true}", true, "x: 1a")]
    [InlineData("{name: x, present_match: true}", true, "x: ")]
    [InlineData("{name: x, present_match: false}", true)]
    [InlineData("{name: x, present_match: true, invert_match: true}", true)]
    [InlineData("{name: x, present_match: true, invert_match: true}", false, "x: 1")]
    [InlineData("{name: x, string_match: {exact: a}, invert_match: true}", true, "x: b")]
    [InlineData("{name: x, string_match: {exact: a}, invert_match: true}", false)] // absent matches nothing
    [InlineData("{name: x, string_match: {exact: a}, invert_match: true, treat_missing_header_as_empty: true}", true)]
    [InlineData("{name: x, string_match: {exact: ''}, treat_missing_header_as_empty: true}", true)]
    [InlineData("{name: x, string_match: {exact: 'a,b'}}", true, "x: a", "x: b")] // several are one
    [InlineData("{name: x, string_match: {exact: a}}", false, "x: a", "x: b")]
    [InlineData("{name: ':method', string_match: {exact: GET}}", true)]
    [InlineData("{name: ':method', string_match: {exact: POST}}", false)]
    [InlineData("{name: ':path', string_match: {suffix: 'q=1'}}", true)]
    [InlineData("{name: host, string_match: {exact: h}}", true)]
    public void Header_IsTested(string header, bool expected, params string[] fields)
        => Assert.Equal(expected, Matches($"{{prefix: /, headers: [{header}]}}", "/?q=1", fields));

    [Theory]
    [InlineData("{name: q}", "/?q=1", true)]
    [InlineData("{name: q}", "/?q", true)]
    [InlineData("{name: q}", "/?qq=1", false)]
    [InlineData("{name: q, present_match: false}", "/", true)]
    [InlineData("{name: q, string_match: {exact: '1'}}", "/?a=2&q=1", true)]
    [InlineData("{name: q, string_match: {exact: '1'}}", "/?q=2&q=1", false)] // the first counts
    [InlineData("{name: q, string_match: {exact: '1'}}", "/", false)]
    [InlineData("{name: q, string_match: {exact: '1'}}", "/?q=1#f", true)]
    [InlineData("{name: q, string_match: {safe_regex: {regex: '[0-9]+'}}}", "/?q=12", true)]
    public void QueryParameter_IsTested(string parameter, string path, bool expected)
        => Assert.Equal(expected, Matches($"{{prefix: /, query_parameters: [{parameter}]}}", path));

    [Fact]
    public void FirstRouteInOrder_Wins()
    {
        var table = Tables.Routes("""
            - {name: one, match: {path: /a, headers: [{name: x}]}, route: {cluster: a}}
            - {name: two, match: {path: /b}, route: {cluster: a}}
            - {name: three, match: {path: /a}, route: {cluster: a}}
            - {name: four, match: {path: /c}, route: {cluster: a}}
            - {name: five, match: {path: /a}, route: {cluster: a}}
            - {name: six, match: {prefix: /}, route: {cluster: a}}
            - {name: seven, match: {path: /d}, route: {cluster: a}}
            """);
        Assert.Equal("one", table.Find("h", "/a", "x: 1"));
        Assert.Equal("three", table.Find("h", "/a"));
        Assert.Equal("four", table.Find("h", "/c?x"));
        Assert.Equal("six", table.Find("h", "/d"));
    }

    [Fact]
    public void Fraction_TakesItsShare()
    {
        var table = Tables.Routes("""
            - {name: some, match: {prefix: /, runtime_fraction: {default_value: {numerator: 25}}}, route: {cluster: a}}
            - {name: rest, match: {prefix: /}, route: {cluster: a}}
            """);
        var random = new Random(7);
        var request = Requests.Get("h", "/");
        int some = Enumerable.Range(0, 20_000).Count(_ => table.Match(request, (ulong)random.NextInt64())!.Name == "some");
        Assert.InRange(some, 4600, 5400);
    }

    [Fact]
    public void Weights_TakeTheirShares()
    {
        var table = Tables.Routes(
            "- {match: {prefix: /}, route: {weighted_clusters: {clusters: [{name: a, weight: 1}, {name: b, weight: 0}, {name: c, "
                + "weight: 3}]}}}");
        var random = new Random(7);
        var request = Requests.Get("h", "/");
        var counts = Enumerable.Range(0, 20_000)
            .Select(_ => table.Match(request, (ulong)random.NextInt64(long.MinValue, long.MaxValue))!.ClusterName!).CountBy(n => n)
                .ToDictionary();
        Assert.InRange(counts["a"], 4600, 5400);
        Assert.Equal(20_000 - counts["a"], counts["c"]);
    }

    [Theory]
    [InlineData("0", "a")]
    [InlineData("1", "b")]
    [InlineData("3", "b")]
    [InlineData("4", "a")]
    public void WeightHeader_ReplacesTheRandomNumber(string value, string cluster)
        => Assert.Equal(cluster,
            Tables.Routes(
                "- {match: {prefix: /}, route: {weighted_clusters: {header_name: x-pick, clusters: [{name: a, weight: 1}, {name: b, "
                    + "weight: 3}]}}}")
            .Match(Requests.Get("h", "/", "x-pick: " + value), ulong.MaxValue)!.ClusterName);

    [Fact]
    public void Explanation_SaysWhyOthersLost()
    {
        var table = Tables.Routes("""
            - {name: one, match: {path: /a}, route: {cluster: a}}
            - {name: two, match: {prefix: /, headers: [{name: x, string_match: {exact: y}}]}, route: {cluster: a}}
            - {match: {prefix: /}, route: {cluster: b}}
            """);
        var steps = new List<MatchStep>();
        var entry = table.Explain(Requests.Get("h", "/b"), new Managed.Proxy.Streams.StreamInfo(), 0, steps);
        Assert.Equal("b", entry!.ClusterName);
        Assert.Equal(["virtual_host all True", "route one False", "route two False", "route route-2 True"],
            steps.Select(s => $"{s.Kind} {s.Name} {s.Matched}"));
        Assert.Contains("path '/a'", steps[1].Reason);
        Assert.Contains("header x exact 'y'", steps[2].Reason);
    }

    [Fact]
    public void Matching_AllocatesNothing()
    {
        var table = Tables.Build("""
            virtual_hosts:
            - name: a
              domains: ["*.example.com"]
              routes:
              - {match: {path: /1}, route: {cluster: a}}
              - {match: {path: /2}, route: {cluster: a}}
              - {match: {path: /3}, route: {cluster: a}}
              - {match: {path: /4}, route: {cluster: a}}
              - {match: {safe_regex: {regex: '/v[0-9]+/none.*'}}, route: {cluster: a}}
              - {match: {prefix: /, headers: [{name: accept, string_match: {contains: none}}]}, route: {cluster: a}}
              - {match: {prefix: /, query_parameters: [{name: q, string_match: {exact: '1'}}]}, route: {weighted_clusters: {clusters: [{name: a, weight: 1}, {name: b, weight: 1}]}}}
            """);
        var request = Requests.Get("www.example.com", "/v1/x?p=0&q=1", "accept: text/html", "accept: text/plain");
        var info = new Managed.Proxy.Streams.StreamInfo();
        for (int i = 0; i < 100; i++) Assert.NotNull(table.Match(request, info, (ulong)i));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) table.Match(request, info, (ulong)i << 20);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
