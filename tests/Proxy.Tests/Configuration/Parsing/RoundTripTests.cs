using CsCheck;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;
using Xunit;

namespace Managed.Proxy.Tests.Configuration.Parsing;

public sealed class RoundTripTests
{
    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.String,
        Gen.String["abc \n\t:-#'\"{}[]&*!|>%@`,?~\\\r"],
        Consts("", "yes", "null", "true", "1.5", "0x1F", "~", "...", "---", "- a", "a: b", "a #b", "<<", " lead", "trail ", "a\nb",
            "a\nb\n", "\n", "a\n\n", "\u2028", "é😀", "\u0085", "=", "0o7", ".inf", "@type", "|",
                "local x = 1\n  if x then\n\n    y()\nend\n"))
        .Select(s => new string([.. s.Where(c => !char.IsSurrogate(c))]));

    private static readonly Gen<ConfigNode> Scalar = Gen.OneOf(
        Text.Select(t => (ConfigNode)ConfigScalar.String(t)),
        Gen.Long.Select(n => (ConfigNode)ConfigScalar.Number(n)),
        Gen.Bool.Select(b => (ConfigNode)ConfigScalar.Boolean(b)),
        Gen.Const((ConfigNode)ConfigScalar.Null()));

    private static readonly Gen<ConfigNode> Node = Gen.Recursive<ConfigNode>((depth, self) => depth >= 4 ? Scalar : Gen.Frequency(
        (2, Scalar),
        (2, self.Array[0, 4].Select(Array)),
        (2, Gen.Select(Text, self).Array[0, 4].Select(Object))));

    [Fact]
    public void Yaml_ReadsBackTheSame() => Node.Sample(node => Same(node, node.ToYaml(), ConfigFormat.Yaml), iter: 5000, threads: 1);

    [Fact]
    public void Json_ReadsBackTheSame() => Node.Sample(node =>
        Same(node, System.Text.Encoding.UTF8.GetString(node.ToJson()), ConfigFormat.Json)
        && Same(node, System.Text.Encoding.UTF8.GetString(node.ToJson(indented: true)), ConfigFormat.Json), iter: 2000, threads: 1);

    [Fact]
    public void AnyText_NeverEscapesAsAnException() => Text.Array[0, 8].Sample(parts =>
    {
        var errors = new ConfigErrors();
        var node = ConfigParser.Parse(string.Concat(parts), ConfigFormat.Yaml, "test", errors);
        return node is null == errors.HasErrors;
    }, iter: 5000, threads: 1);

    [Fact]
    public void Script_StaysReadable()
    {
        var node = new ConfigObject().Set("inline_code", ConfigScalar.String("function f()\n  return 1\nend\n"));
        Assert.Equal("inline_code: |\n  function f()\n    return 1\n  end\n", node.ToYaml());
    }

    private static Gen<string> Consts(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static bool Same(ConfigNode node, string text, ConfigFormat format)
    {
        var errors = new ConfigErrors();
        var back = ConfigParser.Parse(text, format, "test", errors);
        if (errors.HasErrors || back is null || !back.SameAs(node))
            throw new InvalidOperationException($"{string.Join('\n', errors.Errors)}\n{text}");
        return true;
    }

    private static ConfigNode Array(ConfigNode[] items)
    {
        var array = new ConfigArray();
        foreach (var item in items)
            array.Add(item);
        return array;
    }

    private static ConfigNode Object((string Name, ConfigNode Value)[] members)
    {
        var o = new ConfigObject();
        foreach (var (name, value) in members)
            o.TryAdd(new(name, value, 0, 0));
        return o;
    }
}
