using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;
using Xunit;

namespace Managed.Proxy.Tests.Configuration.Parsing;

public sealed class ConfigParserTests
{
    private readonly ConfigErrors _errors = new();

    [Theory]
    [InlineData("{\n  \"a\": [1,\n    {\"b\": \"x\"}]}", "#/a/1/b", 3, 11)]
    [InlineData("{\"ü😀\": 1, \"b\": true}", "#/b", 1, 17)]
    [InlineData("a:\n- 1\n- {b: x}\n", "#/a/1/b", 3, 7)]
    [InlineData("a:\n  - k: v\n    b: \"x\"\n", "#/a/0/b", 3, 8)]
    [InlineData("{ü😀: 1, b: x}\n", "#/b", 1, 13)]
    [InlineData("a~b/c: {d e: 1}\n", "#/a~0b~1c/d%20e", 1, 14)]
    public void Node_KnowsItsPlace(string text, string pointer, int line, int column)
    {
        var node = Parse(text)!.Find(pointer)!;
        Assert.Equal((pointer, line, column), (node.Pointer, node.Line, node.Column));
        Assert.Equal("test", node.Source.Name);
    }

    [Theory]
    [InlineData("{\"a\":1,}", ConfigFormat.Json, 1, 8)]
    [InlineData("{\"a\":\n tru}", ConfigFormat.Json, 2, 5)]
    [InlineData("{} x", ConfigFormat.Json, 1, 4)]
    [InlineData("{\"a\":1, // no\n}", ConfigFormat.Json, 1, 9)]
    [InlineData("{\"a\": \"\\ud800\"}", ConfigFormat.Json, 1, 7)]
    [InlineData("", ConfigFormat.Json, 1, 1)]
    [InlineData("a: 1\na: 2\n", ConfigFormat.Yaml, 2, 1)]
    [InlineData("a: 1\n--- \nb: 2\n", ConfigFormat.Yaml, 2, 1)]
    [InlineData("a: !!binary aGk=\n", ConfigFormat.Yaml, 1, 4)]
    [InlineData("a: !local x\n", ConfigFormat.Yaml, 1, 4)]
    [InlineData("a: .inf\n", ConfigFormat.Yaml, 1, 4)]
    [InlineData("a: *nowhere\n", ConfigFormat.Yaml, 1, 4)]
    [InlineData("a: &x [*x]\n", ConfigFormat.Yaml, 1, 8)]
    [InlineData("? [a, b]\n: c\n", ConfigFormat.Yaml, 1, 3)]
    [InlineData("a:\n\t- b\n", ConfigFormat.Yaml, 2, 1)]
    [InlineData("# nothing\n", ConfigFormat.Yaml, 2, 1)]
    [InlineData("<<: 5\n", ConfigFormat.Yaml, 1, 5)]
    public void MalformedText_IsOneErrorAtItsPlace(string text, ConfigFormat format, int line, int column)
    {
        Assert.Null(ConfigParser.Parse(text, format, "test", _errors));
        var error = Assert.Single(_errors.Errors);
        Assert.Equal(ConfigCode.MalformedBody, error.Code);
        Assert.Equal((line, column, error.Detail), (error.Line, error.Column, error.Detail));
        Assert.DoesNotContain("LineNumber", error.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("yes", ConfigScalarKind.String, "yes")]
    [InlineData("on", ConfigScalarKind.String, "on")]
    [InlineData("True", ConfigScalarKind.Boolean, "true")]
    [InlineData("~", ConfigScalarKind.Null, "null")]
    [InlineData("", ConfigScalarKind.Null, "null")]
    [InlineData("007", ConfigScalarKind.Number, "7")]
    [InlineData("0o17", ConfigScalarKind.Number, "15")]
    [InlineData("0xFf", ConfigScalarKind.Number, "255")]
    [InlineData("+.5", ConfigScalarKind.Number, "0.5")]
    [InlineData("-1.e3", ConfigScalarKind.Number, "-1.0e3")]
    [InlineData("12:30:45", ConfigScalarKind.String, "12:30:45")]
    [InlineData("1_000", ConfigScalarKind.String, "1_000")]
    [InlineData("2024-01-01", ConfigScalarKind.String, "2024-01-01")]
    [InlineData("'1'", ConfigScalarKind.String, "1")]
    [InlineData("\"true\"", ConfigScalarKind.String, "true")]
    [InlineData("! 5", ConfigScalarKind.String, "5")]
    [InlineData("!!str 5", ConfigScalarKind.String, "5")]
    [InlineData("!!int \"5\"", ConfigScalarKind.Number, "5")]
    public void YamlScalar_FollowsTheCoreSchema(string text, ConfigScalarKind kind, string value)
    {
        var scalar = (ConfigScalar)((ConfigObject)Parse("a: " + text + "\n")!)["a"]!;
        Assert.Equal((kind, value), (scalar.Kind, scalar.Text));
    }

    [Fact]
    public void MergeKey_FillsInWhatIsNotGiven()
    {
        var root = Parse("base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\nboth: {<<: [*b, *m], x: 0}\n")!;
        Assert.Equal("""{"x":0,"y":2,"z":4}""", Json(root.Find("#/both")!));
        var merged = root.Find("#/both/z")!;
        Assert.Equal(("#/both/z", 2), (merged.Pointer, merged.Line));
    }

    [Fact]
    public void FlowMapping_IsYamlWhenItIsNotJson() => Assert.Equal("""{"a":[1,"b"]}""", Json(Parse("{a: [1, b]}")!));

    [Fact]
    public void TextWithByteOrderMark_IsRead()
        => Assert.NotNull(ConfigParser.Parse([0xEF, 0xBB, 0xBF, (byte)'{', (byte)'}'], ConfigFormat.Json, "test", _errors));

    [Fact]
    public void InvalidUtf8_IsRefusedAtTheByte()
    {
        Assert.Null(ConfigParser.Parse([.. "a: 1\nb: "u8, 0xFF], ConfigFormat.Yaml, "test", _errors));
        var error = Assert.Single(_errors.Errors);
        Assert.Equal((ConfigCode.MalformedBody, 2, 4), (error.Code, error.Line, error.Column));
    }

    [Theory]
    [InlineData(ConfigFormat.Json)]
    [InlineData(ConfigFormat.Yaml)]
    public void DeepNesting_IsRefused(ConfigFormat format)
    {
        Assert.NotNull(ConfigParser.Parse(new string('[', 64) + new string(']', 64), format, "test", _errors));
        Assert.Null(ConfigParser.Parse(new string('[', 65) + new string(']', 65), format, "test", _errors));
        Assert.Null(ConfigParser.Parse(new string('[', 200_000), format, "test", _errors));
        Assert.All(_errors.Errors, e => Assert.Contains("64 levels", e.Detail, StringComparison.Ordinal));
    }

    [Fact]
    public void AliasBomb_IsRefused()
    {
        var text = new StringBuilder("l0: &l0 [x,x,x,x,x,x,x,x,x]\n");
        for (var i = 1; i < 30; i++)
            text.Append($"l{i}: &l{i} [{string.Join(",", Enumerable.Repeat($"*l{i - 1}", 9))}]\n");
        Assert.Null(Parse(text.ToString()));
        Assert.Contains("aliases expand", Assert.Single(_errors.Errors).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void ManyMembers_AreReadInLinearTime()
    {
        var text = "{" + string.Join(",", Enumerable.Range(0, 100_000).Select(i => $"\"k{i}\":{i}")) + "}";
        Assert.Equal(100_000, ((ConfigObject)ConfigParser.Parse(text, ConfigFormat.Json, "test", _errors)!).Count);
    }

    private ConfigNode? Parse(string text) => ConfigParser.Parse(text, ConfigFormat.Detect, "test", _errors);

    private static string Json(ConfigNode node) => Encoding.UTF8.GetString(node.ToJson());
}
