using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Router.Matching;

/// <summary>The exact paths and the prefixes of routes of one kind: as written, or in lower case.</summary>
internal sealed class PathPlaces
{
    private readonly record struct Entry(byte[] Key, int Route, bool IsSure);

    private readonly Dictionary<byte[], RoutePlace> _exact = new(ByteKeys.Comparer);
    private readonly int _longestExact = -1;
    private readonly PrefixTree _tree;
    private readonly RoutePlace[] _prefixes;

    public PathPlaces((PathMatch Path, bool IsSure)[] routes, bool folded, List<int> asked)
    {
        var exact = new List<Entry>();
        var prefixes = new List<Entry>();
        for (int i = 0; i < routes.Length; i++)
        {
            var path = routes[i].Path;
            if (path.StartFolded != folded) continue;
            byte[] key = path.Start.ToArray();
            if (folded) AsciiCase.Lower(key);
            bool sure = routes[i].IsSure;
            if (path.Test is PathTest.Path or PathTest.SeparatedPrefix) exact.Add(new Entry(key, i, sure));
            if (path.Test == PathTest.SeparatedPrefix) prefixes.Add(new Entry([.. key, (byte)'/'], i, sure));
            if (path.Test is PathTest.Prefix or PathTest.Regex) prefixes.Add(new Entry(key, i, sure));
        }
        var (keys, places) = Group(exact, asked);
        _exact.EnsureCapacity(keys.Count);
        for (int i = 0; i < places.Length; i++)
        {
            _exact.Add(keys[i], Under(RoutePlace.None, -1, places[i], asked));
            _longestExact = Math.Max(_longestExact, keys[i].Length);
        }
        (keys, _prefixes) = Group(prefixes, asked);
        _tree = new PrefixTree(keys);
        for (int i = 0; i < _prefixes.Length; i++)
        {
            int above = _tree.Parent(i);
            _prefixes[i] = Under(above < 0 ? RoutePlace.None : _prefixes[above], above, _prefixes[i], asked);
        }
        Longest = Math.Max(_longestExact, _prefixes.Length == 0 ? -1 : _tree.Longest);
    }

    /// <summary>Of the longest path or prefix; -1: there is none.</summary>
    public int Longest { get; }

    public RoutePlace Exact(ReadOnlySpan<byte> path)
        => path.Length <= _longestExact && _exact.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(path, out var place)
            ? place : RoutePlace.None;

    public RoutePlace Prefix(ReadOnlySpan<byte> path) => _tree.Find(path) is >= 0 and var node ? _prefixes[node] : RoutePlace.None;

    public RoutePlace Above(in RoutePlace place) => _prefixes[place.Up];

    // Each key with those of its routes that can be reached: behind the first sure one there are none.
    private static (List<byte[]> Keys, RoutePlace[] Places) Group(List<Entry> entries, List<int> asked)
    {
        entries.Sort(static (a, b) => a.Key.AsSpan().SequenceCompareTo(b.Key) is not 0 and var order ? order : a.Route.CompareTo(b.Route));
        var keys = new List<byte[]>();
        var places = new List<RoutePlace>();
        for (int i = 0; i < entries.Count;)
        {
            byte[] key = entries[i].Key;
            int sure = int.MaxValue, first = asked.Count;
            for (; i < entries.Count && entries[i].Key.AsSpan().SequenceEqual(key); i++)
            {
                if (sure < int.MaxValue) continue;
                if (entries[i].IsSure) sure = entries[i].Route;
                else asked.Add(entries[i].Route);
            }
            keys.Add(key);
            places.Add(RoutePlace.None with { Sure = sure, First = first, Count = asked.Count - first });
        }
        return (keys, [.. places]);
    }

    private static RoutePlace Under(in RoutePlace above, int aboveNode, in RoutePlace place, List<int> asked)
    {
        int sure = Math.Min(above.Sure, place.Sure), count = place.Count;
        while (count > 0 && asked[place.First + count - 1] > sure) count--;
        int up = above.Count > 0 ? aboveNode : above.Up;
        return new RoutePlace(sure, place.First, count, up, above.Lists + (count > 0 ? 1 : 0), above.Asked + count);
    }
}
