using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;
using Managed.Proxy.Tests.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Managed.Proxy.Tests.Configuration;

/// <summary>Texts that are made to harm the reader: each is refused with a place, and the process goes on.</summary>
public sealed class DocumentLimitsTests
{
    private const int Deep = 100_000;

    public static TheoryData<string, ConfigFormat> DeepTexts() => new()
    {
        { new string('[', Deep) + new string(']', Deep), ConfigFormat.Json },
        { string.Concat(Enumerable.Repeat("{\"a\":", Deep)) + "1" + new string('}', Deep), ConfigFormat.Json },
        { new string('[', Deep) + new string(']', Deep), ConfigFormat.Yaml },
        { string.Concat(Enumerable.Repeat("{a: ", Deep)) + "1" + new string('}', Deep), ConfigFormat.Yaml },
        { string.Concat(Enumerable.Repeat("- ", Deep)) + "1", ConfigFormat.Yaml },
        { string.Concat(Enumerable.Repeat("? ", Deep)) + "1", ConfigFormat.Yaml },
        { "a: &x0 [1]\n" + string.Concat(Enumerable.Range(1, 1000).Select(i => $"b{i}: &x{i} [*x{i - 1}]\n")), ConfigFormat.Yaml },
        { "a0: &x0 {k: 1}\n" + string.Concat(Enumerable.Range(1, 1000).Select(i => $"a{i}: &x{i} {{<<: *x{i - 1}, n{i}: *x{i - 1}}}\n")),
            ConfigFormat.Yaml },
        { new string('[', 16 << 20), ConfigFormat.Json },
        { new string('[', 16 << 20), ConfigFormat.Yaml },
        { new string('{', 16 << 20), ConfigFormat.Yaml },
    };

    [Theory]
    [MemberData(nameof(DeepTexts))]
    public void DeepText_IsRefusedWithItsPlace(string text, ConfigFormat format)
    {
        var errors = new ConfigErrors();
        Assert.Null(ConfigParser.Parse(text, format, "test", errors));
        Assert.Equal(ConfigCode.MalformedBody, errors.Errors[0].Code);
        Assert.InRange(errors.Errors[0].Line, 1, int.MaxValue);
    }

    public static TheoryData<string, ConfigFormat> WideTexts() => new()
    {
        { "[" + string.Join(',', Enumerable.Repeat("0", DocumentLimits.MaxNodes + 1)) + "]", ConfigFormat.Json },
        { "{" + string.Join(',', Enumerable.Range(0, DocumentLimits.MaxNodes + 1).Select(i => $"\"k{i}\":1")) + "}", ConfigFormat.Json },
        { string.Concat(Enumerable.Repeat("- 0\n", DocumentLimits.MaxNodes + 1)), ConfigFormat.Yaml },
        { $"a: &a {new string('x', 1 << 20)}\nb: [{string.Join(',', Enumerable.Repeat("*a", 1000))}]", ConfigFormat.Yaml },
        { $"a: &a {{\"{new string('x', 900)}\": 1}}\nb: [{string.Join(',', Enumerable.Repeat("*a", 40_000))}]", ConfigFormat.Yaml },
    };

    [Theory]
    [MemberData(nameof(WideTexts))]
    public void WideText_IsRefused(string text, ConfigFormat format)
    {
        var errors = new ConfigErrors();
        Assert.Null(ConfigParser.Parse(text, format, "test", errors));
        Assert.Equal(ConfigCode.MalformedBody, errors.Errors[0].Code);
    }

    [Theory]
    [InlineData("1e999999999")]
    [InlineData("-1e999999999")]
    [InlineData("1e-999999999")]
    [InlineData("99999999999999999999999999999999999999")]
    [InlineData("0.1")]
    [InlineData("-0")]
    [InlineData("\"1e999999999s\"")]
    [InlineData("\"99999999999999999999999s\"")]
    [InlineData("\"0.0000000000000000000000000001s\"")]
    [InlineData("\"NaN\"")]
    [InlineData("\"\"")]
    public async Task OddNumbers_AreErrorsOrValues_EverywhereThatNumbersAreTaken(string value)
    {
        await using var server = new ProxyServer(new ProxyOptions { Workers = 1, LoggerFactory = NullLoggerFactory.Instance });
        foreach (string field in (ReadOnlySpan<string>)["connect_timeout", "dns_refresh_rate", "circuit_breakers.thresholds", "lb_policy",
            "type"])
        {
            var document =
                Requests.Node($"{{clusters: [{{name: a, endpoints: [{{address: '127.0.0.1:1', weight: 1}}], {field}: {value}}}]}}");
            using var built = server.Build(document, 1).Snapshot;
        }
        var weights = Requests.Node($"{{clusters: [{{name: a, endpoints: [{{address: '127.0.0.1:1', weight: {value}}}]}}]}}");
        using var weighted = server.Build(weights, 1).Snapshot;
    }

    [Fact]
    public async Task LongNumber_IsRefusedWhereItIsUsed()
    {
        string number = new('9', 1 << 20);
        var errors = new ConfigErrors();
        var document =
            ConfigParser.Parse(Encoding.UTF8.GetBytes(
                $$"""{"clusters":[{"name":"a","connect_timeout":{{number}},"endpoints":[{"address":"127.0.0.1:1","weight":{{number}}"""
                    + $$"""}]}]}"""), ConfigFormat.Json, "test", errors);
        await using var server = new ProxyServer(new ProxyOptions { Workers = 1, LoggerFactory = NullLoggerFactory.Instance });
        Assert.NotEmpty(server.Build((ConfigObject)document!, 1).Errors);
    }

    [Fact]
    public async Task DeepestDocumentThatIsRead_GoesAllTheWay()
    {
        const int Levels = DocumentLimits.MaxDepth - 1;
        var text = $$"""{"extension_configs":{{string.Concat(Enumerable.Repeat("{\"a\":", Levels - 1))}}1"""
            + $$"""{{new string('}', Levels - 1)}}}""";
        var document = (ConfigObject)ConfigParser.Parse(text, ConfigFormat.Json, "test", new ConfigErrors())!;
        Assert.Equal(DocumentLimits.MaxDepth, DocumentLimits.Measure(document).Depth);
        Assert.Null(DocumentLimits.TooDeep(document));
        await using var server = new ProxyServer(new ProxyOptions { Workers = 1, LoggerFactory = NullLoggerFactory.Instance });
        Assert.NotEmpty(server.Build(document, 1).Errors);
        Assert.True(document.Clone().SameAs(document));
        Assert.NotNull(ConfigParser.Parse(document.ToYaml(), ConfigFormat.Yaml, "again", new ConfigErrors()));
        var deeper = new ConfigObject().Set("b", document);
        Assert.EndsWith("/a", DocumentLimits.TooDeep(deeper), StringComparison.Ordinal);
    }
}
