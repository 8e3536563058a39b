using System.Text;
using CsCheck;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Http.Rules;
using Xunit;

namespace Managed.Proxy.Tests.Http.Rules;

public sealed class PathRulesTests
{
    private static readonly PathRules All = new()
    {
        NormalizePath = true, MergeSlashes = true, EscapedSlashes = EscapedSlashesAction.UnescapeAndForward,
    };

    /// <summary>Every combination of the three options.</summary>
    private static IEnumerable<PathRules> Combinations =>
        from normalize in new[] { false, true }
        from merge in new[] { false, true }
        from action in Enum.GetValues<EscapedSlashesAction>()
        select new PathRules { NormalizePath = normalize, MergeSlashes = merge, EscapedSlashes = action };

    [Theory]
    [InlineData("/x/..%5cadmin", "/admin")]
    [InlineData("/x/..%5Cadmin", "/admin")]
    [InlineData("/x%5c..%5cadmin", "/admin")]
    [InlineData(@"/x/..\admin", "/admin")]
    [InlineData(@"/x\..\admin", "/admin")]
    [InlineData("/x/..%2fadmin", "/admin")]
    [InlineData("/x/%2e%2e/admin", "/admin")]
    [InlineData("/x/.%2E%2Fadmin", "/admin")]
    [InlineData("/%5cadmin", "/admin")]
    [InlineData(@"/\admin", "/admin")]
    [InlineData("//admin", "/admin")]
    [InlineData("/.//admin", "/admin")]
    [InlineData("/x//../admin", "/x/admin")] // an empty segment is one (RFC 3986 section 3.3), and slashes merge afterwards, as in Envoy
    [InlineData("/%61dmin", "/admin")]
    [InlineData("/admin/.", "/admin/")]
    [InlineData("/admin/x/..", "/admin/")]
    [InlineData("/admin%3bx", "/admin%3Bx")]
    [InlineData("/admin;x", "/admin;x")]
    [InlineData("/x/..%252fadmin", "/x/..%252fadmin")]
    [InlineData("/x/%252e%252e/admin", "/x/%252e%252e/admin")]
    [InlineData("/x/%c0%ae%c0%ae/admin", "/x/%C0%AE%C0%AE/admin")]
    [InlineData("/a%3fb?c=%2e%2e%2f", "/a%3Fb?c=%2e%2e%2f")]
    public void AllRulesOn_PathIs(string sent, string seen) => Assert.Equal(seen, Apply(All, sent));

    [Theory]
    [InlineData("/%00")]
    [InlineData("/admin%00.html")]
    [InlineData("/x/..;/admin")]
    [InlineData("/x/..;a=1/admin")]
    [InlineData("/x/..%3b/admin")]
    [InlineData("/x/%2e%2E;/admin")]
    [InlineData("/.;/admin")]
    [InlineData("/x%5c..;%5cadmin")]
    [InlineData("/../admin")]
    [InlineData("/%2e%2e%2fadmin")]
    [InlineData("/x/..%5c..%5cadmin")]
    [InlineData("/%")]
    [InlineData("/%2")]
    [InlineData("/%zz")]
    [InlineData("/%u002e%u002e/admin")]
    public void AllRulesOn_PathIsRefused(string sent) => Assert.Null(Apply(All, sent));

    [Fact]
    public void ApplyingTwice_IsApplyingOnce()
    {
        const string alphabet = "//\\\\..%%;?2255ccCCeEfF0a3bB";
        var options = Combinations.ToList();
        Gen.Char[alphabet].Array[0, 24].Select(c => "/" + new string(c)).Sample(path =>
        {
            foreach (var rules in options)
                if (Apply(rules, path) is { } once && Apply(rules, once) != once) return false;
            return true;
        }, iter: 20_000);
    }

    [Fact]
    public void AllRulesOn_NothingIsLeftToResolve()
    {
        Gen.Char["//\\\\..%25ceEfa;"].Array[0, 24].Select(c => "/" + new string(c)).Sample(path =>
        {
            if (Apply(All, path) is not { } seen) return true;
            return !seen.Contains('\\') && !seen.Contains("//") && !seen.Contains("%2f", StringComparison.OrdinalIgnoreCase)
                && !seen.Contains("%5c", StringComparison.OrdinalIgnoreCase)
                && !$"{seen}/".Contains("/../") && !$"{seen}/".Contains("/./") && seen[0] == '/';
        }, iter: 20_000);
    }

    [Theory]
    [InlineData("//evil.example/a", "/evil.example/a")]
    [InlineData(@"/\evil.example/a", "/evil.example/a")]
    [InlineData(@"\\/evil.example", "/evil.example")]
    [InlineData("///", "/")]
    [InlineData("/a//b?c", "/a//b?c")]
    public void Reference_NamesThisServer(string target, string reference)
    {
        var to = new ByteWriter();
        PathRules.WriteReference(Encoding.ASCII.GetBytes(target), to);
        Assert.Equal(reference, Encoding.ASCII.GetString(to.Written));
    }

    private static string? Apply(PathRules rules, string path)
    {
        var headers = new HeaderMap();
        headers.Add(":path", path);
        return rules.Apply(headers, new ByteWriter()) == PathVerdict.Reject ? null : headers.GetString(":path");
    }
}
