using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Documents;

/// <summary>
/// Two changes of one list whose items have no names, made into one. Each side is the original with parts replaced, found by the longest
/// common subsequence; parts of both sides that do not touch the same items are all taken.
/// </summary>
internal static class ListMerge
{
    // Comparisons of items of the middle parts of two lists; above it those parts count as replaced as wholes.
    private const int MaxCells = 1_000_000;

    /// <summary>
    /// Asked for a part that both sides changed: the items of the original, of theirs and of yours, and the place of the first in the
    /// result.
    /// </summary>
    public delegate IEnumerable<ConfigNode> Resolve(IReadOnlyList<ConfigNode> origin, IReadOnlyList<ConfigNode> theirs,
        IReadOnlyList<ConfigNode> yours, int at);

    /// <summary>Items [Start, End) of the original are [From, To) of the side.</summary>
    private readonly record struct Part(int Start, int End, int From, int To)
    {
        public bool IsInsertion => Start == End;

        public bool Touches(Part other) => (IsInsertion, other.IsInsertion) switch
        {
            (true, true) => Start == other.Start,
            (true, false) => other.Start < Start && Start < other.End,
            (false, true) => Start < other.Start && other.Start < End,
            _ => Start < other.End && other.Start < End,
        };
    }

    public static ConfigArray Of(ConfigArray origin, ConfigArray theirs, ConfigArray yours, Resolve resolve)
    {
        var merged = new ConfigArray(theirs.Origin);
        var (ours, others) = (new Queue<Part>(Parts(origin, yours)), new Queue<Part>(Parts(origin, theirs)));
        var at = 0;
        while (ours.Count + others.Count > 0)
        {
            var (mine, their) = (ours.Count > 0 ? ours.Peek() : (Part?)null, others.Count > 0 ? others.Peek() : (Part?)null);
            var touches = mine is { } m && their is { } t && m.Touches(t);
            if (!touches)
            {
                var mineFirst = their is null || (mine is not null
                    && (mine.Value.Start, mine.Value.End).CompareTo((their.Value.Start, their.Value.End)) <= 0);
                var (part, side) = mineFirst ? (ours.Dequeue(), yours) : (others.Dequeue(), theirs);
                Copy(origin, at, part.Start, merged);
                Copy(side, part.From, part.To, merged);
                at = part.End;
                continue;
            }
            var (a, b) = (new List<Part> { others.Dequeue() }, new List<Part> { ours.Dequeue() });
            // A part may reach into several of the other side.
            while (true)
            {
                if (others.TryPeek(out var next) && b.Exists(p => p.Touches(next)))
                    a.Add(others.Dequeue());
                else if (ours.TryPeek(out next) && a.Exists(p => p.Touches(next)))
                    b.Add(ours.Dequeue());
                else
                    break;
            }
            var (start, end) = (Math.Min(a[0].Start, b[0].Start), Math.Max(a[^1].End, b[^1].End));
            Copy(origin, at, start, merged);
            var (theirPart, yourPart) = (Slice(theirs, a, start, end), Slice(yours, b, start, end));
            foreach (var item in AllSame(theirPart, yourPart) ? theirPart
                : resolve([.. origin.Skip(start).Take(end - start)], theirPart, yourPart, merged.Count))
                merged.Add(item);
            at = end;
        }
        Copy(origin, at, origin.Count, merged);
        return merged;
    }

    private static List<ConfigNode> Slice(ConfigArray side, List<Part> parts, int start, int end)
    {
        var from = parts[0].From - (parts[0].Start - start);
        var to = parts[^1].To + (end - parts[^1].End);
        return [.. side.Skip(from).Take(to - from)];
    }

    private static void Copy(ConfigArray from, int start, int end, ConfigArray to)
    {
        for (var i = start; i < end; i++)
            to.Add(from[i]);
    }

    private static bool AllSame(List<ConfigNode> a, List<ConfigNode> b)
        => a.Count == b.Count && a.Zip(b).All(p => p.First.SameAs(p.Second));

    private static IEnumerable<Part> Parts(ConfigArray from, ConfigArray to)
    {
        int start = 0, tail = 0;
        while (start < from.Count && start < to.Count && from[start].SameAs(to[start]))
            start++;
        while (tail < from.Count - start && tail < to.Count - start && from[^(tail + 1)].SameAs(to[^(tail + 1)]))
            tail++;
        int rows = from.Count - start - tail, columns = to.Count - start - tail;
        if (rows == 0 && columns == 0)
            return [];
        if ((long)rows * columns > MaxCells)
            return [new(start, start + rows, start, start + columns)];
        var lengths = new int[rows + 1, columns + 1];
        for (var i = rows - 1; i >= 0; i--)
            for (var j = columns - 1; j >= 0; j--)
                lengths[i, j] = from[start + i].SameAs(to[start + j]) ? lengths[i + 1, j + 1] + 1
                    : Math.Max(lengths[i + 1, j], lengths[i, j + 1]);
        var parts = new List<Part>();
        for (int i = 0, j = 0; i < rows || j < columns;)
        {
            var (fromRow, fromColumn) = (i, j);
            while (i < rows || j < columns)
            {
                if (i < rows && j < columns && from[start + i].SameAs(to[start + j]))
                    break;
                if (j >= columns || (i < rows && lengths[i + 1, j] >= lengths[i, j + 1]))
                    i++;
                else
                    j++;
            }
            if (i > fromRow || j > fromColumn)
                parts.Add(new(start + fromRow, start + i, start + fromColumn, start + j));
            while (i < rows && j < columns && from[start + i].SameAs(to[start + j]))
                (i, j) = (i + 1, j + 1);
        }
        return parts;
    }
}
