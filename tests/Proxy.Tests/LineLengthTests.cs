using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Xunit;

namespace Managed.Proxy.Tests;

/// <summary>
/// Lines of code have 140 characters at most. The content of texts over several lines is not counted: where its lines end is part of it.
/// </summary>
public sealed partial class LineLengthTests
{
    private const int Most = 140;

    // By file: how many texts on one line have no place to break.
    private static readonly Dictionary<string, int> Allowed = new()
    {
        ["admin-api/Endpoints/FilterTestEndpoints.cs"] = 1,
        ["admin-api/Endpoints/MatchEndpoints.cs"] = 1,
        ["tests/Dashboard.Tests/FakeNode/FakeModules.cs"] = 1,
        ["tests/Load/Runs/InvalidRun.cs"] = 1,
        ["tests/Load/Runs/WasmHostileRun.cs"] = 1,
        ["tests/Proxy.Tests/Bindings/Lua/LanguageCostTests.cs"] = 1,
        ["tests/Proxy.Tests/Http/Codecs/Http2/Hpack/HpackExamplesTests.cs"] = 3,
        ["tests/Proxy.Tests/Http/Filters/Wasm/Conformance/ConformanceTests.cs"] = 1,
        ["tests/Proxy.Tests/Http/Filters/Wasm/Conformance/FuzzTests.cs"] = 1,
        ["tests/TestKit/Http2Peer.cs"] = 1,
        ["tests/TestKit/OpenApi/ApiFuzzer.cs"] = 2,
    };

    [Fact]
    public void NoLine_IsLongerThan140Characters()
    {
        var wrong = new List<string>();
        foreach (string folder in new[] { "proxy", "admin-api", "dashboard", "migrations", "tests" })
            foreach (string file in Directory.EnumerateFiles(Path.Combine(Root(), folder), "*.cs", SearchOption.AllDirectories))
            {
                string name = Path.GetRelativePath(Root(), file);
                if (name.Contains("/obj/", StringComparison.Ordinal) || name.Contains("/bin/", StringComparison.Ordinal)) continue;
                if (name.StartsWith("migrations/Migrations/", StringComparison.Ordinal)) continue; // generated
                var found = LongLines(file);
                if (found.Count > Allowed.GetValueOrDefault(name)) wrong.Add($"{name}: {string.Join(", ", found)}");
            }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private static List<int> LongLines(string file)
    {
        var found = new List<int>();
        bool inText = false;
        int number = 0;
        foreach (string line in File.ReadLines(file))
        {
            number++;
            bool began = inText;
            inText ^= Quotes().Count(line) % 2 == 1;
            if (line.Length > Most && !began) found.Add(number);
        }
        return found;
    }

    // The folder that has them all.
    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../.."));

    [GeneratedRegex("\"{3,}")]
    private static partial Regex Quotes();
}
