using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Xunit;

namespace Managed.Proxy.Tests;

/// <summary>
/// Holds proxy/ against the table "Who may use whom" in its README: what the compiled assembly uses, and what every <c>using</c> line
/// says. Nothing is exempt.
/// </summary>
public sealed partial class LayeringTests
{
    private static readonly string Root = ProxyFolder();
    private static readonly Dictionary<string, string[]> Table = ReadTable();
    private static readonly FolderGraph Compiled = new(typeof(ProxyServer).Assembly.Location, "Managed.Proxy");

    [Fact]
    public void WhatAFolderUses_IsAllowedByTheTable()
    {
        var wrong = new List<string>();
        foreach (var ((from, to), pairs) in Compiled.Edges)
            if (!IsAllowed(from, to))
                wrong.Add($"{from} uses {to} ({string.Join(", ", pairs.Take(5))}); {RowFor(from)} may use "
                    + $"{string.Join(' ', Table[RowFor(from)])}");
        foreach (var file in Sources())
            foreach (var used in UsedFolders(file))
                if (!IsAllowed(FolderOf(file), used))
                    wrong.Add($"{Path.GetRelativePath(Root, file)} uses {used}; {RowFor(FolderOf(file))} may use "
                        + $"{string.Join(' ', Table[RowFor(FolderOf(file))])}");
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    [Fact]
    public void EveryRow_NamesAFolderAndIsNeeded()
    {
        var wrong = new List<string>();
        var needed = Compiled.Edges.Keys.Concat(Sources().SelectMany(f => UsedFolders(f).Select(u => (From: FolderOf(f), To: u))))
            .Select(e => (Row: RowFor(e.From), e.To)).ToHashSet();
        foreach (var (row, allowed) in Table)
        {
            if (!Directory.Exists(Path.Combine(Root, row))) wrong.Add($"row {row} is no folder");
            foreach (var entry in allowed.Where(e => e != "*"))
            {
                if (!Directory.Exists(Path.Combine(Root, entry.Replace("/*", "", StringComparison.Ordinal))))
                    wrong.Add($"{row}: {entry} is no folder");
                else if (!needed.Any(n => n.Row == row && Covers(entry, n.To))) wrong.Add($"{row}: nothing uses {entry} any more");
            }
        }
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    [Fact]
    public void TheTable_IsAGraphWithoutCycles()
    {
        var folders = Sources().Select(FolderOf).Distinct().ToList();
        var edges = folders.SelectMany(f => folders.Where(to => to != f && RowFor(to) != RowFor(f)
            && Table[RowFor(f)].Any(e => Covers(e, to))).Select(to => (f, to)));
        Assert.Empty(FolderGraph.Knots(edges).Select(k => string.Join(' ', k)));
    }

    [Fact]
    public void NoFolders_UseEachOther() => Assert.Empty(Compiled.Knots().Select(k => string.Join(' ', k)));

    /// <summary>In comments neither: who reads a lower room need not know the upper ones.</summary>
    [Fact]
    public void NothingBelowTheRoot_NamesWhatIsInIt()
    {
        var wrong = Sources().Where(f => FolderOf(f) != ".")
            .SelectMany(f => File.ReadLines(f).Where(l => TypeOfTheRoot().IsMatch(l))
                .Select(l => $"{Path.GetRelativePath(Root, f)}: {l.Trim()}"));
        Assert.Empty(wrong);
    }

    [Fact]
    public void Nothing_UsesTheHostsFrameworks()
    {
        string[] banned = ["Microsoft.AspNetCore", "Microsoft.EntityFrameworkCore", "Microsoft.Extensions.DependencyInjection",
            "Microsoft.Extensions.Hosting", "Managed.AdminApi", "Managed.Migrations", "Managed.Dashboard"];
        Assert.Empty(Sources().Where(f => banned.Any(b => File.ReadAllText(f).Contains(b, StringComparison.Ordinal)))
            .Select(f => Path.GetRelativePath(Root, f)));
    }

    [Fact]
    public void EveryNamespace_IsItsFolder()
    {
        var wrong = new List<string>();
        foreach (var file in Sources())
        {
            var folder = FolderOf(file);
            var expected = folder == "." ? "Managed.Proxy" : "Managed.Proxy." + folder.Replace('/', '.');
            if (Namespace().Match(File.ReadAllText(file)) is { Success: true } found && found.Groups[1].Value != expected)
                wrong.Add($"{Path.GetRelativePath(Root, file)}: {found.Groups[1].Value}");
        }
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    [Fact]
    public void EveryStageOfTheReadme_IsMarkedInTheCode()
    {
        var readme = File.ReadAllText(Path.Combine(Root, "README.md"));
        var comments = Sources().SelectMany(File.ReadLines).Where(l => l.Contains("//", StringComparison.Ordinal)).ToList();
        for (int stage = 1; stage <= 7; stage++)
        {
            Assert.Contains($"[{stage}]", readme, StringComparison.Ordinal);
            Assert.Contains(comments, l => l[l.IndexOf("//", StringComparison.Ordinal)..].Contains($"[{stage}]", StringComparison.Ordinal));
        }
        for (int stage = 1; stage <= 7; stage++)
            for (int step = 1; step <= 2; step++)
                Assert.Contains(comments, l => l[l.IndexOf("//", StringComparison.Ordinal)..]
                    .Contains($"[{stage}.{step}]", StringComparison.Ordinal));
        foreach (Match file in FileName().Matches(readme.Split("## Threads")[0]))
            Assert.True(File.Exists(Path.Combine(Root, file.Groups[1].Value)),
                $"{file.Groups[1].Value} is named in the README and is not there");
    }

    // Usings, and names qualified from the root namespace on, such as Core.Telemetry.StatsRegistry.
    private static IEnumerable<string> UsedFolders(string file)
    {
        var text = File.ReadAllText(file);
        foreach (Match use in Using().Matches(text)) yield return ToFolder(use.Groups[1].Value);
        foreach (var line in text.Split('\n').Where(l => !l.StartsWith("using ", StringComparison.Ordinal)
            && !l.StartsWith("namespace ", StringComparison.Ordinal)))
        {
            int comment = line.IndexOf("//", StringComparison.Ordinal);
            foreach (Match name in Qualified().Matches(Literal().Replace(comment >= 0 ? line[..comment] : line, "\"\"")))
                if (LongestFolder(name.Value.Replace('.', '/')) is { } folder) yield return folder;
        }
    }

    private static string ToFolder(string name) => name.Length == 0 ? "." : name[1..].Replace('.', '/');

    // Not Root.Folder, but a member of something called so.
    private static string? LongestFolder(string path)
    {
        for (var at = path; at.Contains('/'); at = at[..at.LastIndexOf('/')])
            if (Directory.Exists(Path.Combine(Root, at))) return at;
        return null;
    }

    private static bool IsAllowed(string from, string to)
        => to == from || (to != "." && RowFor(to) == RowFor(from)) || Table[RowFor(from)].Any(e => Covers(e, to));

    private static bool Covers(string entry, string used) =>
        entry == "*" || entry == used || (entry.EndsWith("/*", StringComparison.Ordinal)
            && (used == entry[..^2] || used.StartsWith(entry[..^1], StringComparison.Ordinal)));

    private static string RowFor(string folder)
    {
        for (var at = folder; at != "."; at = at.Contains('/') ? at[..at.LastIndexOf('/')] : ".")
            if (Table.ContainsKey(at)) return at;
        return folder == "." ? "." : throw new InvalidOperationException($"proxy/README.md has no row for {folder}");
    }

    private static IEnumerable<string> Sources() => Directory.EnumerateFiles(Root, "*.cs", SearchOption.AllDirectories)
        .Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal)
            && !f.Contains("/Managed.Filters/", StringComparison.Ordinal)); // what plug-ins are compiled against uses nothing of the proxy

    private static string FolderOf(string file) => Path.GetRelativePath(Root, Path.GetDirectoryName(file)!);

    private static Dictionary<string, string[]> ReadTable()
    {
        var section = File.ReadAllText(Path.Combine(Root, "README.md")).Split("## Who may use whom")[1];
        return Row().Matches(section).ToDictionary(m => m.Groups[1].Value,
            m => Entry().Matches(m.Groups[2].Value).Select(e => e.Groups[1].Value).ToArray());
    }

    private static string ProxyFolder([CallerFilePath] string here = "")
        => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../proxy"));

    [GeneratedRegex(@"^\| `([^`]+)` \| (.*) \|$", RegexOptions.Multiline)] private static partial Regex Row();
    [GeneratedRegex("`([^`]+)`")] private static partial Regex Entry();
    [GeneratedRegex(@"^using Managed\.Proxy((?:\.\w+)*);", RegexOptions.Multiline)] private static partial Regex Using();
    [GeneratedRegex(@"(?<![\w.""])(?:Bindings|Configuration|Core|Downstream|Http|Router|Streams|Upstream)(?:\.[A-Z]\w*)+")]
    private static partial Regex Qualified();
    [GeneratedRegex(@"""(?:[^""\\]|\\.)*""")] private static partial Regex Literal();
    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)] private static partial Regex Namespace();
    [GeneratedRegex(@"\b(ProxyServer|SnapshotBuilder|ExtensionCatalog)\b(?!\.cs)|cref=""(Worker|Snapshot)\b")]
    private static partial Regex TypeOfTheRoot();
    [GeneratedRegex(@"`([A-Z][\w./]*\.cs)`")] private static partial Regex FileName();
}
