using Managed.AdminApi.Documents;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;

namespace Managed.AdminApi.Tests.Documents;

/// <summary>Differences that would take the square of the documents.</summary>
public sealed class LargeDiffTests
{
    [Fact]
    public void ReversedListOfManyNames_IsReplacedAsAWhole()
    {
        var operations = StructuralDiff.Between(Names(Enumerable.Range(0, 60_000)), Names(Enumerable.Range(0, 60_000).Reverse()));
        Assert.Equal("#/clusters", Assert.Single(operations).Pointer);
        Assert.Equal("replace", operations[0].Op);
    }

    [Fact]
    public void OtherListOfManyNames_IsReplacedAsAWhole()
    {
        var operations = StructuralDiff.Between(Names(Enumerable.Range(0, 60_000)), Names(Enumerable.Range(60_000, 60_000)));
        Assert.Equal("#/clusters", Assert.Single(operations).Pointer);
    }

    [Fact]
    public void OneChangeAmongMany_IsStillOneOperation()
    {
        var to = Names(Enumerable.Range(0, 60_000));
        ((ConfigObject)to.Array("clusters")![59_999]).Set("type", ConfigScalar.String("STATIC"));
        Assert.Equal("#/clusters/59999/type", Assert.Single(StructuralDiff.Between(Names(Enumerable.Range(0, 60_000)), to)).Pointer);
    }

    [Fact]
    public void UnifiedDiffOfTextsThatHaveNothingInCommon_IsRemovedAndAdded()
    {
        string from = string.Concat(Enumerable.Range(0, 50_000).Select(i => $"a{i}\n")),
            to = string.Concat(Enumerable.Range(0, 50_000).Select(i => $"b{i}\n"));
        var lines = UnifiedDiff.Between("same\n" + from, "same\n" + to, "x", "y").Split('\n');
        Assert.Equal("@@ -1,50001 +1,50001 @@", lines[2]);
        Assert.Equal([" same", "-a0"], lines[3..5]);
        Assert.Equal(50_000, lines.Count(l => l.StartsWith("+b", StringComparison.Ordinal)));
    }

    private static ConfigObject Names(IEnumerable<int> numbers) =>
        (ConfigObject)ConfigParser.Parse("""{"clusters":[""" + string.Join(',', numbers.Select(n => $$"""{"name":"c{{n}}"}""")) + "]}",
            ConfigFormat.Json, "test", new ConfigErrors())!;
}
