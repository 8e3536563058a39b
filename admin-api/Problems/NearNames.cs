using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Problems;

internal static class NearNames
{
    /// <summary>The name nearest by edit distance, then those that contain it or that it contains; at most five.</summary>
    public static IReadOnlyList<string> Of(string name, IEnumerable<string> candidates)
    {
        var all = candidates.Where(c => c.Length > 0).Distinct().ToList();
        var closest = Suggestions.Closest(name, all);
        var related = all.Where(c => c.Contains(name, StringComparison.OrdinalIgnoreCase)
            || (c.Length > 2 && name.Contains(c, StringComparison.OrdinalIgnoreCase)));
        return [.. (closest is null ? related : related.Prepend(closest)).Distinct().Take(5)];
    }
}
