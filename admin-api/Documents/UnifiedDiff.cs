using System.Text;
using DiffPlex;
using DiffPlex.Model;

namespace Managed.AdminApi.Documents;

/// <summary>Writes the difference of two texts in the unified format of <c>diff -u</c>.</summary>
internal static class UnifiedDiff
{
    private const int Context = 3; // diff's default

    /// <summary>Lines between the first and the last difference, of both texts together.</summary>
    public const int MaxLines = 10_000;

    public static string Between(string fromText, string toText, string fromName, string toName)
    {
        var diff = Diff(fromText, toText);
        if (diff.DiffBlocks.Count == 0)
            return "";
        var text = new StringBuilder().Append("--- ").Append(fromName).Append('\n').Append("+++ ").Append(toName).Append('\n');
        for (var i = 0; i < diff.DiffBlocks.Count;)
        {
            var last = i;
            while (last + 1 < diff.DiffBlocks.Count && diff.DiffBlocks[last + 1].DeleteStartA - EndA(diff.DiffBlocks[last]) <= 2 * Context)
                last++;
            Hunk(text, diff, i, last);
            i = last + 1;
        }
        return text.ToString();
    }

    // The differ takes the product of the lines and their differences. Where too much may differ, what is not common at both ends is
    // shown as removed and added.
    private static DiffResult Diff(string fromText, string toText)
    {
        string[] a = fromText.Split('\n'), b = toText.Split('\n');
        int start = 0, tail = 0, shorter = Math.Min(a.Length, b.Length);
        while (start < shorter && a[start] == b[start])
            start++;
        while (tail < shorter - start && a[^(tail + 1)] == b[^(tail + 1)])
            tail++;
        int gone = a.Length - start - tail, come = b.Length - start - tail;
        return gone + come <= MaxLines ? Differ.Instance.CreateLineDiffs(fromText, toText, ignoreWhitespace: false)
            : new DiffResult(a, b, [new DiffBlock(start, gone, start, come)]);
    }

    private static void Hunk(StringBuilder text, DiffResult diff, int first, int last)
    {
        var start = diff.DiffBlocks[first];
        var end = diff.DiffBlocks[last];
        int fromA = Math.Max(0, start.DeleteStartA - Context), fromB = Math.Max(0, start.InsertStartB - Context);
        int toA = Math.Min(LineCount(diff.PiecesOld), EndA(end) + Context),
            toB = Math.Min(LineCount(diff.PiecesNew), end.InsertStartB + end.InsertCountB + Context);
        text.Append("@@ -").Append(Range(fromA, toA)).Append(" +").Append(Range(fromB, toB)).Append(" @@\n");
        var at = fromA;
        for (var i = first; i <= last; i++)
        {
            var block = diff.DiffBlocks[i];
            for (; at < block.DeleteStartA; at++)
                text.Append(' ').Append(diff.PiecesOld[at]).Append('\n');
            for (; at < EndA(block); at++)
                text.Append('-').Append(diff.PiecesOld[at]).Append('\n');
            for (var b = 0; b < block.InsertCountB; b++)
                text.Append('+').Append(diff.PiecesNew[block.InsertStartB + b]).Append('\n');
        }
        for (; at < toA; at++)
            text.Append(' ').Append(diff.PiecesOld[at]).Append('\n');
    }

    /// <summary>The last piece is empty when the text ends in a line break, as ours always does.</summary>
    private static int LineCount(IReadOnlyList<string> pieces)
        => pieces.Count > 0 && pieces[^1].Length == 0 ? pieces.Count - 1 : pieces.Count;

    private static int EndA(DiffBlock block) => block.DeleteStartA + block.DeleteCountA;

    private static string Range(int from, int to) => to - from == 1 ? $"{from + 1}" : $"{(to > from ? from + 1 : from)},{to - from}";
}
