using System.Diagnostics;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Router.Matching;
using Xunit;

namespace Managed.Proxy.Tests.Router.Matching;

public sealed class RegexSyntaxTests
{
    [Theory]
    [InlineData(@"\d+", "123", true)]
    [InlineData(@"\d+", "١٢٣", false)] // other digits are none, as in RE2
    [InlineData(@"\w+", "été", false)]
    [InlineData(@"[\d]+", "١", false)]
    [InlineData(@"[^\d]+", "ab", true)]
    [InlineData(@"[\D]+", "a1", false)]
    [InlineData(@"[\W]+", "-/^`[\\", true)]
    [InlineData(@"[\W]+", "_", false)]
    [InlineData(@"[\S]+", "a b", false)]
    [InlineData(@"[\S]+", "a!\u001f", true)]
    [InlineData(@"\s", "\u00a0", false)]
    [InlineData(@"[[:alpha:]_]+", "aB_", true)]
    [InlineData(@"[[:alpha:]]+", "a1", false)]
    [InlineData(@"[^[:space:]]+", "ab", true)]
    [InlineData(@"[a[b]+", "a[b", true)]
    [InlineData(@"[]a]+", "]a", true)]
    [InlineData(@"[a-z-[b]]", "-]", true)] // no class subtraction: a-z, -, [, b, then ]
    [InlineData(@"\Qa.b\E.", "a.bx", true)]
    [InlineData(@"\Qa.b\E", "axb", false)]
    [InlineData(@"(?P<x>a)(?<y>b)", "ab", true)]
    [InlineData(@"(?i)abc", "ABC", true)]
    [InlineData(@"\x{61}\x62", "ab", true)]
    [InlineData(@"\pL+", "é", true)]
    [InlineData(@"\p{Lu}", "A", true)]
    [InlineData(@"a{2,3}", "aaa", true)]
    [InlineData(@"a|ab", "ab", true)] // the whole value
    [InlineData(@"a.c", "a\nc", false)]
    [InlineData(@"^/api/.*$", "/api/x", true)]
    public void Re2Pattern_MatchesAsInRe2(string pattern, string value, bool expected)
    {
        var errors = new ConfigErrors();
        var regex = LinearRegex.Compile(pattern, whole: true, ignoreCase: false, errors, null);
        Assert.Empty(errors.Errors);
        Assert.Equal(expected, regex!.IsMatch(Encoding.UTF8.GetBytes(value)));
    }

    [Theory]
    [InlineData("(")]
    [InlineData("a)(b")]
    [InlineData("[a")]
    [InlineData("a\\")]
    [InlineData(@"(a)\1")]
    [InlineData("(?=a)b")]
    [InlineData("(?<!a)b")]
    [InlineData("(?>a)b")]
    [InlineData(@"\y")]
    [InlineData("*a")]
    [InlineData("[[:nope:]]")]
    public void WrongPattern_IsRefused(string pattern)
    {
        var errors = new ConfigErrors();
        Assert.Null(LinearRegex.Compile(pattern, whole: true, ignoreCase: false, errors, null));
        Assert.Equal(ConfigCode.InvalidValue, Assert.Single(errors.Errors).Code);
    }

    [Fact]
    public void HostilePatternAndValue_StayLinear()
    {
        var regex = LinearRegex.Compile("(a+)+b|(a|aa)+c", whole: true, ignoreCase: false, new ConfigErrors(), null)!;
        byte[] value = Encoding.ASCII.GetBytes(new string('a', 60_000));
        var watch = Stopwatch.StartNew();
        Assert.False(regex.IsMatch(value));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"took {watch.Elapsed}"); // backtracking would not end at all
    }
}
