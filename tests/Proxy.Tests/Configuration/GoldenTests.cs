using System.Runtime.CompilerServices;
using System.Text;
using Managed.Proxy.Configuration;
using Xunit;

namespace Managed.Proxy.Tests.Configuration;

/// <summary>Every <c>Golden/*.yaml</c> (or .json) is a case. Beside it stands what it expands to (<c>.expanded.json</c>) or its errors
/// (<c>.errors.txt</c>). A new case is a file; MANAGED_UPDATE_GOLDEN=1 writes what is expected, to be read before it is
/// committed.</summary>
public sealed class GoldenTests
{
    public static TheoryData<string> Cases()
    {
        var data = new TheoryData<string>();
        foreach (var file in Directory.GetFiles(Folder()).Order())
            if (file.EndsWith(".yaml", StringComparison.Ordinal)
                || (file.EndsWith(".json", StringComparison.Ordinal) && !file.EndsWith(".expanded.json", StringComparison.Ordinal)))
                data.Add(Path.GetFileName(file));
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Case_ExpandsOrFailsAsRecorded(string name)
    {
        var path = Path.Combine(Folder(), name);
        var read = Documents.Read(File.ReadAllBytes(path), name);

        Expect(Path.ChangeExtension(path, ".errors.txt"), read.Errors.HasErrors ? Text(read.Errors) : null);
        Expect(Path.ChangeExtension(path, ".expanded.json"),
            read.Errors.HasErrors ? null : Encoding.UTF8.GetString(read.Expanded!.ToJson(indented: true)) + "\n");
        if (read.Errors.HasErrors)
            return;

        var again = Documents.Read(read.Expanded!.ToJson(), name);
        Assert.Empty(again.Errors.Errors);
        Assert.True(again.Expanded!.SameAs(read.Expanded), "expanding the long form changes nothing");
    }

    private static string Text(ConfigErrors errors) =>
        string.Concat(
            errors.Errors.Select(e => $"{e.Line}:{e.Column} {e.Pointer} {e.Code} {e.Detail}{(e.Hint is null ? "" : $" [{e.Hint}]")}\n"));

    private static void Expect(string file, string? actual)
    {
        if (Environment.GetEnvironmentVariable("MANAGED_UPDATE_GOLDEN") == "1")
        {
            if (actual is null)
                File.Delete(file);
            else
                File.WriteAllText(file, actual);
        }
        Assert.Equal(File.Exists(file) ? File.ReadAllText(file) : null, actual);
    }

    private static string Folder([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "Golden");
}
