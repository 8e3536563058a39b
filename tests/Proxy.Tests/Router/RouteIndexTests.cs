using System.Text;
using CsCheck;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams;
using Managed.Proxy.Tests.Http;
using Xunit;

namespace Managed.Proxy.Tests.Router;

/// <summary>The index of a large table finds what asking one route after another finds.</summary>
public sealed class RouteIndexTests
{
    private static readonly string[] Pieces =
        ["/", "/a", "/A", "/ab", "/aB", "a", "b", "/a/b", "*", ".", "//", "%2F", "\u00e4", "K", "s", "/kS", "/" + new string('l', 18),
            "/" + new string('l', 17) + "m"];
    private static readonly string[] Conditions =
    [
        "", "", "", "headers: [{name: x, string_match: {exact: '1'}}]", "headers: [{name: x, present_match: false}]",
        "headers: [{name: x, string_match: {safe_regex: {regex: '[12]'}}}]",
        "headers: [{name: ':method', string_match: {exact: POST}}]", "query_parameters: [{name: q}]",
        "runtime_fraction: {default_value: {numerator: 50}}",
        "runtime_fraction: {default_value: {numerator: 0}}", "headers: [{name: x, invert_match: true, string_match: {exact: '1'}}]",
    ];

    private static readonly Gen<string> Text = Any(Pieces).Array[0, 4].Select(string.Concat);

    private static readonly Gen<string> Pattern =
        Gen.Select(Text, Any("", ".*", "(a|/b)", "?", "[ab]*", "{2}", "(?i:/aK).*", "(?:/x)?.*", "$", "(/a)(b)"), Gen.Bool, Gen.Bool)
        .Select((text, tail, any, fold) =>
        {
            // A part is repeated, so there has to be one.
            string literal = text.Replace(".", "\\.").Replace("*", "\\*");
            if (tail is "?" or "{2}" && literal.Length == 0) tail = "";
            return (fold ? "(?i)" : "") + (any ? ".*" : literal.Length + tail.Length == 0 ? "(?:)" : "") + literal + tail;
        });

    private static readonly Gen<string> Path = Gen.OneOf(
        Text.Select(t => $"prefix: {Quoted(t)}"), Text.Select(t => $"path: {Quoted(t)}"),
        Text.Select(t => ("/" + t).TrimEnd('/') is { Length: > 0 } p ? $"path_separated_prefix: {Quoted(p)}" : "prefix: '/'"),
        Pattern.Select(p => $"safe_regex: {{regex: {Quoted(p)}}}"));

    private static readonly Gen<string> Route = Gen.Select(Path, Any(Conditions), Gen.Bool)
        .Select((path, condition, cased) =>
            $"{{match: {{{path}{(condition.Length > 0 ? ", " : "")}{condition}{(cased ? "" : ", case_sensitive: false")}}}, route: "
                + $"{{cluster: a}}}}");

    private static readonly Gen<string> Target = Gen.Select(Text, Any("", "", "?", "?q=1", "#q", "?x#/a", "/"), Any("", "", "", "/"))
        .Select((path, end, begin) => begin + path + end);

    private static Gen<string> Any(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static string Quoted(string text) => "'" + text.Replace("'", "''") + "'";

    private static RouteTable Table(IEnumerable<string> routes)
        => Tables.Routes(string.Concat(routes.Select((r, i) => $"- {{name: r{i}, {r[1..]}\n")));

    private static void AssertSame(RouteTable table, HeaderMap request, ulong random)
    {
        var expected = table.MatchOneByOne(request, random);
        Assert.Same(expected, table.Match(request, random));
        var steps = new List<MatchStep>();
        Assert.Same(expected, table.Explain(request, new StreamInfo(), random, steps));
        Assert.True(steps.Count <= 103);
        Assert.Equal(expected is not null, steps[^1].Matched);
    }

    [Fact]
    public void AnyTable_FirstMatchInOrder()
    {
        int found = 0, none = 0;
        Gen.Select(Route.Array[9, 60], Target.Array[30], Gen.ULong).Sample((routes, targets, random) =>
        {
            var table = Table(routes);
            foreach (string target in targets)
                foreach (string[] fields in (string[][])[[], ["x: 1"], ["x: 2", "x: 1"]])
                {
                    var request = Requests.Get("h", "", fields);
                    request.Set(HeaderId.Path, Encoding.UTF8.GetBytes(target));
                    AssertSame(table, request, random);
                    if (table.Match(request, random) is null) Interlocked.Increment(ref none);
                    else Interlocked.Increment(ref found);
                }
        }, iter: 400);
        Assert.True(found > 1000 && none > 1000, $"{found} found, {none} not"); // else the tables say little
    }

    [Fact]
    public void DeepChain_FirstMatchInOrder()
    {
        // Each prefix begins with all the shorter ones; in the order in which they are written the lists lie in each other in all ways.
        var random = new Random(5);
        for (int round = 0; round < 20; round++)
        {
            var table = Table(Enumerable.Range(0, 400).Select(_ =>
            {
                string prefix = "/" + new string('a', random.Next(60));
                string condition = random.Next(12) == 0 ? "" : $", headers: [{{name: x, string_match: {{exact: '{random.Next(400)}'}}}}]";
                return $"{{match: {{prefix: {prefix}, case_sensitive: {(random.Next(2) == 0 ? "true" : "false")}{condition}}}, route: "
                    + $"{{cluster: a}}}}";
            }));
            for (int i = 0; i < 400; i++)
                AssertSame(table, Requests.Get("h", "/" + new string(i % 2 == 0 ? 'a' : 'A', i % 70), $"x: {i}"), 0);
        }
    }

    [Fact]
    public void SamePathManyTimes_IsDecidedByTheHeaderInOrder()
    {
        var table = Table(Enumerable.Range(0, 3000)
            .Select(i =>
                $"{{match: {{path: /same, headers: [{{name: x, string_match: {{exact: 'v{i / 2}'}}}}]}}, route: {{cluster: a}}}}"));
        Assert.Equal("r0", table.Find("h", "/same", "x: v0"));
        Assert.Equal("r2998", table.Find("h", "/same?q", "x: v1499"));
        Assert.Null(table.Find("h", "/same", "x: v1500"));
        Assert.Null(table.Find("h", "/samf", "x: v1"));
    }

    [Fact]
    public void ManyLosers_AreCountedNotListed()
    {
        var routes = Enumerable.Range(0, 2000).Select(i => i < 1000
            ? $"{{match: {{path: /p{i}}}, route: {{cluster: a}}}}"
            : $"{{match: {{prefix: /x, headers: [{{name: x, string_match: {{exact: '{i}'}}}}]}}, route: {{cluster: a}}}}");
        var steps = new List<MatchStep>();
        var entry = Table(routes).Explain(Requests.Get("h", "/x", "x: 1900"), new StreamInfo(), 0, steps);
        Assert.Equal("r1900", entry!.Name);
        Assert.Equal(50, steps.Count(s => s.Reason.StartsWith("the path does not match", StringComparison.Ordinal)));
        Assert.Equal(50, steps.Count(s => s.Reason.StartsWith("failed: header x", StringComparison.Ordinal)));
        Assert.Contains(steps, s => s.Reason.StartsWith("1800 more routes", StringComparison.Ordinal));
        Assert.Equal("r1900", steps[^1].Name);
    }

    [Fact]
    public void CaseFoldedBytesBeyondAscii_MatchThemselves()
    {
        var request = Requests.Get("h", "");
        request.Set(HeaderId.Path, "/\u00e4/X"u8);
        foreach (int count in (int[])[1, 20])
        {
            var table = Table(Enumerable.Repeat("{match: {prefix: /\u00e4/x, case_sensitive: false}, route: {cluster: a}}", count));
            Assert.Equal("r0", table.Match(request)?.Name);
        }
    }

    [Fact]
    public void Matching_AllocatesNothing()
    {
        var table = Table(Enumerable.Range(0, 100).SelectMany(i => (string[])
        [
            $"{{match: {{path: /e{i}}}, route: {{cluster: a}}}}",
            $"{{match: {{path_separated_prefix: /s{i}, case_sensitive: false}}, route: {{cluster: a}}}}",
            $"{{match: {{prefix: /c{new string('c', i)}, headers: [{{name: x, string_match: {{exact: '{i}'}}}}]}}, route: {{cluster: a}}}}",
            $"{{match: {{safe_regex: {{regex: '/r{i}/[0-9]+'}}}}, route: {{cluster: a}}}}",
        ]));
        HeaderMap[] requests = [.. new[] { "/e99", "/S50/x", "/r7/123?q", "/c" + new string('c', 300),
            "/none" }.Select(p => Requests.Get("h", p, "x: 50"))];
        Assert.Equal(["r396", "r201", "r31", "r202", null], requests.Select(r => table.Match(r)?.Name));
        var info = new StreamInfo();
        for (int i = 0; i < 200; i++) table.Match(requests[i % 5], info, 0);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) table.Match(requests[i % 5], info, 0);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [InlineData("/api/v[0-9]+/.*", "/api/v", false)]
    [InlineData("(?i)/ab/Q.*", "/ab/q", true)]
    [InlineData("(?i)/aK", "/a", true)]      // K and its sign
    [InlineData("/(a)(b+)c", "/ab", false)]
    [InlineData("/a{3}b", "/aaab", false)]
    [InlineData("/a{2,3}b", "/aa", false)]
    [InlineData("/ax?b", "/a", false)]
    [InlineData("/ax*b", "/a", false)]
    [InlineData("/a(?:){5}b", "/a", false)]
    [InlineData("/a|/b", "", false)]
    [InlineData("^/a\\bc", "/a", false)]
    [InlineData("/a(?i)bK", "/ab", true)]
    [InlineData("/\u00e4\ufffdx", "/\u00e4", false)] // U+FFFD takes what is no UTF-8
    [InlineData(".*", "", false)]
    [InlineData("", "", false)]
    public void Expression_BeginsWithItsLiterals(string pattern, string start, bool folded)
    {
        var found = new RegexStart(RegexParser.Parse(pattern, ignoreCase: false, out _));
        Assert.Equal((start, folded), (Encoding.UTF8.GetString(found.Bytes), found.Folded));
    }
}
