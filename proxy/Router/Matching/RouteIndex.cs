namespace Managed.Proxy.Router.Matching;

/// <summary>
/// Many routes' paths, compiled: for a path the routes that it may lead to, in their order. Exact paths are hashed; prefixes, and the
/// literal starts of expressions, are a <see cref="PrefixTree"/>; each once as written and once where case does not count. A route that
/// asks for nothing but its path is sure: of those only the first counts, and it ends the candidates.
/// </summary>
internal sealed class RouteIndex
{
    private readonly int[] _asked; // the candidates of all places behind each other
    private readonly PathPlaces _asWritten, _folded;

    /// <param name="routes">In their order: the path of each, and whether it asks for nothing else.</param>
    public RouteIndex((PathMatch Path, bool IsSure)[] routes)
    {
        var asked = new List<int>();
        _asWritten = new PathPlaces(routes, folded: false, asked);
        _folded = new PathPlaces(routes, folded: true, asked);
        _asked = [.. asked];
    }

    /// <summary>Where the candidates of a path are.</summary>
    /// <param name="lower">Room for <see cref="Folded"/> bytes.</param>
    public RouteCandidates Find(ReadOnlySpan<byte> path, Span<byte> lower)
    {
        var found = new RouteCandidates { Exact = _asWritten.Exact(path), Prefix = _asWritten.Prefix(path) };
        if (_folded.Longest < 0) return found;
        // One byte more than counts: whether a path is longer has to show.
        lower = lower[..Math.Min(path.Length, Folded)];
        path[..lower.Length].CopyTo(lower);
        AsciiCase.Lower(lower);
        found.FoldedExact = _folded.Exact(lower);
        found.FoldedPrefix = _folded.Prefix(lower);
        return found;
    }

    /// <summary>How many bytes of a path are needed in lower case.</summary>
    public int Folded => _folded.Longest + 1;

    /// <summary>Begins to go through the candidates, from the route of a number on.</summary>
    /// <param name="room">For one cursor for each of <see cref="RouteCandidates.Lists"/>.</param>
    public RouteMerge Merge(in RouteCandidates found, int from, Span<RouteMerge.Cursor> room)
    {
        var merge = new RouteMerge(_asked, room);
        merge.Add(found.Exact, from);
        merge.Add(found.FoldedExact, from);
        for (var place = found.Prefix; ; place = _asWritten.Above(place))
        {
            merge.Add(place, from);
            if (place.Up < 0) break;
        }
        for (var place = found.FoldedPrefix; ; place = _folded.Above(place))
        {
            merge.Add(place, from);
            if (place.Up < 0) break;
        }
        merge.Start();
        return merge;
    }
}

/// <summary>The candidates of one path, not yet in order.</summary>
internal struct RouteCandidates
{
    public RoutePlace Exact, Prefix, FoldedExact, FoldedPrefix;

    public RouteCandidates() => Exact = Prefix = FoldedExact = FoldedPrefix = RoutePlace.None;

    /// <summary>The first route that matches in any case; int.MaxValue: there is none.</summary>
    public readonly int Sure => Math.Min(Math.Min(Exact.Sure, Prefix.Sure), Math.Min(FoldedExact.Sure, FoldedPrefix.Sure));
    public readonly int Asked => Exact.Asked + Prefix.Asked + FoldedExact.Asked + FoldedPrefix.Asked;
    public readonly int Lists => Exact.Lists + Prefix.Lists + FoldedExact.Lists + FoldedPrefix.Lists;
}
