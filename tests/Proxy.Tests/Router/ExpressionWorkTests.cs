using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Router;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Tests.Http;
using Xunit;

namespace Managed.Proxy.Tests.Router;

/// <summary>What cannot be asked is not passed by: neither for its length nor for what was asked before it.</summary>
public sealed class ExpressionWorkTests
{
    private const string Open = "- {name: open, match: {prefix: /}, route: {cluster: a}}\n";

    // Alone, and among so many that an index is made.
    public static readonly TheoryData<int> Others = [0, 40];

    private static RouteTable Table(string route, int others)
        => Tables.Routes(string.Concat(Enumerable.Range(0, others)
            .Select(i => $"- {{name: o{i}, match: {{path: /other{i}}}, route: {{cluster: a}}}}\n")) + route + "\n" + Open);

    [Theory, MemberData(nameof(Others))]
    public void LongHeader_DoesNotPassADenyingExpression(int others)
    {
        string far = new string('a', LinearRegex.MaxSubject) + "evil";
        var table = Table(
            "- {name: deny, match: {prefix: /, headers: [{name: x, string_match: {safe_regex: {regex: '.*evil'}}}]}, direct_response: "
                + "{status: 403}}", others);
        Assert.Equal("deny", table.Find("h", "/", "x: evil"));
        Assert.Equal("open", table.Find("h", "/", "x: good"));
        Assert.Null(table.Find("h", "/", "x: " + far));
        Assert.Null(table.Find("h", "/", "x: " + far[..9000], "x: " + far[9000..])); // several are one
    }

    [Theory, MemberData(nameof(Others))]
    public void LongHeader_DoesNotPassAnInvertedExpression(int others)
    {
        var table = Table(
            "- {name: allow, match: {prefix: /, headers: [{name: x, invert_match: true, string_match: {safe_regex: {regex: "
                + "'.*evil'}}}]}, route: {cluster: a}}", others);
        Assert.Equal("allow", table.Find("h", "/", "x: good"));
        Assert.Equal("open", table.Find("h", "/", "x: evil"));
        Assert.Null(table.Find("h", "/", "x: " + new string('a', LinearRegex.MaxSubject) + "evil"));
    }

    [Theory, MemberData(nameof(Others))]
    public void LongQueryParameter_DoesNotPassADenyingExpression(int others)
    {
        var table = Table(
            "- {name: deny, match: {prefix: /, query_parameters: [{name: q, string_match: {safe_regex: {regex: '.*evil'}}}]}, "
                + "direct_response: {status: 403}}", others);
        Assert.Equal("deny", table.Find("h", "/?q=evil"));
        Assert.Null(table.Find("h", "/?q=" + new string('a', LinearRegex.MaxSubject) + "evil"));
    }

    [Theory, MemberData(nameof(Others))]
    public void LongPath_DoesNotPassAnExpressionThatItMayMatch(int others)
    {
        string rest = new string('a', LinearRegex.MaxSubject);
        var table = Table("- {name: deny, match: {safe_regex: {regex: '/admin/.*'}}, direct_response: {status: 403}}", others);
        Assert.Null(table.Find("h", "/admin/" + rest));
        Assert.Equal("open", table.Find("h", "/public/" + rest)); // begins otherwise: no match, however long
    }

    [Theory, MemberData(nameof(Others))]
    public void Explanation_SaysThatItGaveUp(int others)
    {
        var table = Table(
            "- {name: deny, match: {prefix: /, headers: [{name: x, string_match: {safe_regex: {regex: '.*evil'}}}]}, direct_response: "
                + "{status: 403}}", others);
        var steps = new List<MatchStep>();
        var request = Requests.Get("h", "/", "x: " + new string('a', LinearRegex.MaxSubject + 1));
        Assert.Null(table.Explain(request, new Managed.Proxy.Streams.StreamInfo(), 0, steps));
        Assert.Contains(steps, s => s.Name == "deny" && s.Reason.StartsWith("gave up", StringComparison.Ordinal));
    }

    [Fact]
    public void ManyExpressions_ShareOneBoundOfWork()
    {
        // Each takes all of the path and fails at its end: alone a third of a millisecond.
        string expressions = string.Concat(Enumerable.Range(0, 300)
            .Select(i => $"- {{match: {{safe_regex: {{regex: '/.*[ab].{{{i % 70 + 10}}}[ab]x'}}}}, route: {{cluster: a}}}}\n"));
        var table = Tables.Routes(expressions + Open);
        Assert.Equal("open", table.Find("h", "/ab"));
        var request = Requests.Get("h", "/" + string.Concat(Enumerable.Repeat("ab", LinearRegex.MaxSubject / 2 - 1)));
        long least = long.MaxValue;
        for (int i = 0; i < 20; i++)
        {
            long began = Libc.ThreadCpuMicros();
            Assert.Null(table.Match(request));
            least = Math.Min(least, Libc.ThreadCpuMicros() - began);
        }
        Assert.True(least < 10_000, $"{least} µs"); // a millisecond or two; unbounded it is a hundred
    }

    [Fact]
    public void HundredsOfExpressions_AreAskedOnAnOrdinaryPath()
    {
        string expressions = string.Concat(Enumerable.Range(0, 500)
            .Select(i => $"- {{match: {{safe_regex: {{regex: '/.*/items/x{i}/[0-9]+'}}}}, route: {{cluster: a}}}}\n"));
        Assert.Equal("open", Tables.Routes(expressions + Open).Find("h", "/tenants/0123456789/shops/0123456789/orders/0123456789/lines"));
    }
}
