namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>
/// Draws an index by weight with one look into a table, however many there are (Walker's alias method as Vose builds it): each place is
/// one index up to a bound, and another one beyond it. Exact to 2^-32 of a place. Immutable.
/// </summary>
internal sealed class AliasTable
{
    private readonly (uint UpTo, int Other)[] _places;

    /// <param name="weights">Each 0 at least.</param>
    /// <param name="sum">Theirs, more than 0.</param>
    public AliasTable(int[] weights, long sum)
    {
        int count = weights.Length;
        _places = new (uint, int)[count];
        // In parts of a place, of which each has `sum`: those with less are filled up by those with more.
        var left = new long[count];
        var (poor, rich) = (new Stack<int>(), new Stack<int>());
        for (int i = 0; i < count; i++)
        {
            left[i] = (long)weights[i] * count;
            (left[i] < sum ? poor : rich).Push(i);
        }
        while (poor.TryPop(out int few))
        {
            int many = rich.Peek(); // the sums are exact: there is one as long as one is poor
            _places[few] = ((uint)((double)left[few] / sum * uint.MaxValue), many);
            left[many] -= sum - left[few];
            if (left[many] >= sum) continue;
            rich.Pop();
            poor.Push(many);
        }
        while (rich.TryPop(out int whole)) _places[whole] = (uint.MaxValue, whole);
    }

    /// <param name="random">All of its bits count: the place by the upper ones, the bound by the lower.</param>
    public int Draw(ulong random)
    {
        int at = (int)((random >> 32) * (ulong)_places.Length >> 32);
        var (upTo, other) = _places[at];
        return (uint)random < upTo ? at : other;
    }
}
