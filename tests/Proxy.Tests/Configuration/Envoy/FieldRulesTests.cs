using System.Runtime.CompilerServices;
using Managed.Proxy.Configuration.Envoy;
using Managed.Proxy.Configuration.Validation;
using Xunit;

namespace Managed.Proxy.Tests.Configuration.Envoy;

public sealed class FieldRulesTests
{
    private const string Header = "| Message | Field | Becomes | What stands for it here |\n|---|---|---|---|\n";

    [Fact]
    public void TableOfTheDocumentation_IsThatOfTheCode()
    {
        var path = Path.Combine(Path.GetDirectoryName(Here())!, "../../../../docs/envoy.md");
        var text = File.ReadAllText(path);
        var start = text.IndexOf(Header, StringComparison.Ordinal) + Header.Length;
        Assert.True(start > Header.Length);
        var rows = string.Concat(FieldRules.All.Select(r => r + "\n"));
        if (Environment.GetEnvironmentVariable("MANAGED_UPDATE_GOLDEN") == "1")
            File.WriteAllText(path, text[..start] + rows);
        Assert.Equal(rows, File.ReadAllText(path)[start..]);
    }

    /// <summary>A rule for a field that a record has, or of a message that there is not, would never be asked.</summary>
    [Fact]
    public void EveryRule_IsOfAMessageThatDoesNotServeTheField()
    {
        var shapes = typeof(RecordShape).Assembly.GetTypes().Where(t => RecordShape.IsRecord(t) && !t.IsAbstract).Select(RecordShape.Of)
            .ToLookup(s => s.Title);
        var parts = FieldRules.All.Where(r => r.Treatment == FieldTreatment.Parts).Select(r => r.Value).ToHashSet();
        foreach (var rule in FieldRules.All)
        {
            Assert.True(shapes[rule.Message].Any() || parts.Contains(rule.Message), $"there is no message {rule.Message}");
            Assert.DoesNotContain(shapes[rule.Message], s => s.ByName.ContainsKey(rule.Field));
        }
        foreach (var part in parts)
            Assert.Contains(FieldRules.All, r => r.Message == part);
    }

    private static string Here([CallerFilePath] string here = "") => here;
}
