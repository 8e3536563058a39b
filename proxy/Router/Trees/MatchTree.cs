using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Router.Trees;

/// <summary>What a test leads to: an action, more tests, or (neither) nothing.</summary>
internal readonly record struct MatchBranch<T>(T? Action, MatchTree<T>? Tree) where T : class
{
    public MatchVerdict Find(StreamInfo info, ref MatchWork work, out T? found)
    {
        found = Action;
        if (Action is not null) return MatchVerdict.Yes;
        return Tree is null ? MatchVerdict.No : Tree.Find(info, ref work, out found);
    }
}

/// <summary>
/// A compiled xds.type.matcher.v3.Matcher (Envoy's unified matchers): finds an action for a stream. Immutable, shared by all workers. A
/// list is asked in its order, or one value is looked up; where that finds nothing, <c>on_no_match</c> counts. Depth and size are bounded
/// by <see cref="MatchTreeBuilder{T}"/>.
/// </summary>
internal sealed class MatchTree<T> where T : class
{
    public (MatchPredicate Test, MatchBranch<T> Then)[] List { get; init; } = [];
    public MatchInput? Input { get; init; }
    public MatchLookup<T>? Lookup { get; init; }
    public MatchBranch<T> Otherwise { get; init; }

    /// <summary>
    /// Yes: the action is found. Unknown: a value is not there yet, ask again when it is. When the work is given up, an expression could
    /// not be asked and nothing is to be concluded.
    /// </summary>
    public MatchVerdict Find(StreamInfo info, ref MatchWork work, out T? found)
    {
        MatchVerdict verdict;
        foreach (var (test, then) in List)
        {
            verdict = test.Holds(info, ref work);
            if (work.GaveUp) verdict = MatchVerdict.Unknown;
            if (verdict == MatchVerdict.Yes) verdict = then.Find(info, ref work, out found); else found = null;
            if (verdict != MatchVerdict.No) return verdict;
        }
        if (Input is not null)
        {
            verdict = LookUp(info, ref work, out found);
            if (verdict != MatchVerdict.No) return verdict;
        }
        return Otherwise.Find(info, ref work, out found);
    }

    private MatchVerdict LookUp(StreamInfo info, ref MatchWork work, out T? found)
    {
        found = null;
        var value = new MatchValue(stackalloc byte[MatchValue.Room]);
        var verdict = Input!.Read(info, ref value);
        if (verdict == MatchVerdict.Yes) verdict = Lookup!.Find(ref value, info, ref work, out found);
        value.Release();
        return verdict;
    }
}
