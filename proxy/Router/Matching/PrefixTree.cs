namespace Managed.Proxy.Router.Matching;

/// <summary>
/// The longest of many keys that a text begins with: a radix tree laid flat, its keys in order, each knowing the longest other key that it
/// begins with. A look-up is one binary search that goes on where key and text were last found to differ, and a climb; both take the
/// logarithm of the number of keys, however deeply they lie in each other, and nothing is allocated.
/// </summary>
internal sealed class PrefixTree
{
    // Every so many keys are searched first: as few as that stay in the processor's caches.
    private const int Block = 16;

    // Jump leads to an ancestor further up, so that a climb takes the logarithm of the depth.
    private readonly record struct Node(int Parent, int Jump, int Depth);

    private readonly SortedKeys _keys, _firstOfBlocks;
    private readonly Node[] _nodes;

    /// <param name="keys">Sorted bytewise, each once. A key's node is its place in here.</param>
    public PrefixTree(IReadOnlyList<byte[]> keys)
    {
        _nodes = new Node[keys.Count];
        _keys = new SortedKeys(keys, each: 1);
        _firstOfBlocks = new SortedKeys(keys, each: Block);
        for (int i = 0; i < _nodes.Length; i++)
        {
            var key = keys[i];
            int parent = i - 1;
            while (parent >= 0 && !key.AsSpan().StartsWith(keys[parent])) parent = _nodes[parent].Parent;
            int jump = Jump(parent), far = Jump(jump);
            bool even = Depth(parent) - Depth(jump) == Depth(jump) - Depth(far);
            _nodes[i] = new Node(parent, even ? far : parent, Depth(parent) + 1);
            Longest = Math.Max(Longest, key.Length);
        }
    }

    /// <summary>How many bytes of a text can count; of those behind a look-up looks at none.</summary>
    public int Longest { get; }

    /// <summary>The node of the longest key that this one begins with; -1: there is none.</summary>
    public int Parent(int node) => _nodes[node].Parent;

    /// <summary>The node of the longest key that the text begins with; -1: it begins with none.</summary>
    public int Find(ReadOnlySpan<byte> text)
    {
        if (text.Length > Longest) text = text[..Longest];
        var range = new SortedKeys.Range(-1, 0, _firstOfBlocks.Count, 0);
        _firstOfBlocks.Narrow(text, ref range);
        if (range.Low < 0) return -1; // all keys are behind the text
        range = range with { Low = range.Low * Block, High = Math.Min(range.High * Block, _nodes.Length) };
        _keys.Narrow(text, ref range);
        // The text's beginnings are those of the last key not behind it, as far as the two are the same.
        int node = range.Low;
        while (node >= 0 && _keys.Length(node) > range.LowSame)
        {
            int jump = _nodes[node].Jump;
            node = jump >= 0 && _keys.Length(jump) > range.LowSame ? jump : _nodes[node].Parent;
        }
        return node;
    }

    private int Depth(int node) => node < 0 ? 0 : _nodes[node].Depth;
    private int Jump(int node) => node < 0 ? -1 : _nodes[node].Jump;
}
