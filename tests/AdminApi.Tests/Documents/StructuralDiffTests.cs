using Managed.AdminApi.Documents;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;

namespace Managed.AdminApi.Tests.Documents;

public sealed class StructuralDiffTests
{
    [Theory]
    [InlineData("{a: 1}", "{a: 1}")]
    [InlineData("{a: 1, b: [1, 2, 3]}", "{b: [1, 3], c: {d: 1}}")]
    [InlineData("[{name: a}, {name: b}, {name: c}]", "[{name: c, x: 1}, {name: a}, {name: d}]")]
    [InlineData("[{name: a}, {name: b}]", "[{name: b}, {name: a}]")]
    [InlineData("{l: [{name: a}, {}]}", "{l: [{}, {name: b}, {name: a}]}")]
    [InlineData("[1, 2, 3, 4]", "[0, 1, 2, 3, 4, 5]")]
    [InlineData("{\"a/b\": {\"~\": 1}}", "{\"a/b\": {\"~\": 2}}")]
    public void Operations_AppliedInOrder_LeadFromOneToTheOther(string from, string to)
    {
        var patch = new ConfigArray();
        foreach (var operation in StructuralDiff.Between(Read(from), Read(to)))
        {
            var step = new ConfigObject().Set("op", ConfigScalar.String(operation.Op))
                .Set("path", ConfigScalar.String(operation.Pointer[1..]));
            if (operation.Op == "move")
                step.Set("from", ConfigScalar.String(((ConfigScalar)operation.From!).Text[1..]));
            else if (operation.To is { } value)
                step.Set("value", value);
            patch.Add(step);
        }
        Assert.True(JsonPatch.Apply(Read(from), patch).SameAs(Read(to)), string.Join('\n', StructuralDiff.Between(Read(from), Read(to))));
    }

    [Fact]
    public void Unified_IsWhatDiffPrints()
    {
        var from = string.Join('\n', Enumerable.Range(1, 30)) + "\n";
        var to = from.Replace("\n5\n", "\nfive\n").Replace("\n25\n", "\n25\nmore\n");
        const string expected = """
            --- a
            +++ b
            @@ -2,7 +2,7 @@
             2
             3
             4
            -5
            +five
             6
             7
             8
            @@ -23,6 +23,7 @@
             23
             24
             25
            +more
             26
             27
             28

            """;
        Assert.Equal(expected, UnifiedDiff.Between(from, to, "a", "b"));
    }

    private static ConfigNode Read(string yaml) => ConfigParser.Parse(yaml, ConfigFormat.Yaml, "test", new ConfigErrors())!;
}
