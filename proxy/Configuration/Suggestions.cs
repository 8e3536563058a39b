namespace Managed.Proxy.Configuration;

/// <summary>The "did you mean" of error messages.</summary>
public static class Suggestions
{
    // Letters compared: some thousand names of usual length.
    private const long MaxWork = 500_000;

    /// <summary>
    /// The candidate nearest to a name by edit distance, or null when none is near: at most a third of the length of what differs, at least
    /// one edit.
    /// </summary>
    public static string? Closest(string name, IEnumerable<string> candidates)
    {
        string? best = null;
        var (bestDistance, work) = (int.MaxValue, 0L);
        foreach (var candidate in candidates)
        {
            if (Math.Abs(candidate.Length - name.Length) > 8)
                continue;
            if ((work += (long)name.Length * candidate.Length) > MaxWork)
                break; // a hint is not worth more
            var (a, b) = Differing(name.ToLowerInvariant(), candidate.ToLowerInvariant());
            var distance = Distance(a, b);
            if (distance < bestDistance && distance <= Math.Max(1, Math.Max(a.Length, b.Length) / 3))
                (best, bestDistance) = (candidate, distance);
        }
        return best;
    }

    /// <summary>
    /// What is left of two names without the segments that begin and end both: <c>envoy.filters.http.</c> says nothing about which filter
    /// is meant.
    /// </summary>
    private static (string, string) Differing(string a, string b)
    {
        var (start, end, length) = (0, 0, Math.Min(a.Length, b.Length));
        for (var i = 0; i < length && a[i] == b[i]; i++)
            if (a[i] is '.' or '/')
                start = i + 1;
        for (var i = 1; i <= length - start && a[^i] == b[^i]; i++)
            if (a[^i] is '.' or '/')
                end = i;
        return (a[start..^end], b[start..^end]);
    }

    /// <summary><c>did you mean 'web'?</c>, or null.</summary>
    public static string? Hint(string name, IEnumerable<string> candidates) =>
        Closest(name, candidates) is { } near ? $"did you mean '{near}'?" : null;

    /// <summary>Optimal string alignment: insert, delete, replace, and swap of neighbours each count one.</summary>
    private static int Distance(string a, string b)
    {
        if (a.Length > 256 || b.Length > 256)
            return int.MaxValue; // no one mistypes that much, and the table is quadratic
        var table = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            table[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            table[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
            for (var j = 1; j <= b.Length; j++)
            {
                var cost = a[i - 1] == b[j - 1] ? 0 : 1;
                table[i, j] = Math.Min(Math.Min(table[i - 1, j] + 1, table[i, j - 1] + 1), table[i - 1, j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    table[i, j] = Math.Min(table[i, j], table[i - 2, j - 2] + 1);
            }
        return table[a.Length, b.Length];
    }
}
