namespace Managed.Proxy.Router.Matching;

/// <summary>
/// The longest of many keys that a text begins with: a radix tree laid flat, its keys in order, each knowing the longest other key that it
/// begins with. A look-up is one binary search that goes on where key and text were last found to differ, and a climb; both take the
/// logarithm of the number of keys, however deeply they lie in each other, and nothing is allocated.
/// </summary>
internal sealed class PrefixTree
{
    // Jump leads to an ancestor further up, so that a climb takes the logarithm of the depth.
    private readonly record struct Node(int Start, int Length, int Parent, int Jump, int Depth);

    private readonly byte[] _keys;
    private readonly Node[] _nodes;
    private readonly int _longest;

    /// <param name="keys">Sorted bytewise, each once. A key's node is its place in here.</param>
    public PrefixTree(IReadOnlyList<byte[]> keys)
    {
        _nodes = new Node[keys.Count];
        _keys = new byte[keys.Sum(k => k.Length)];
        int start = 0;
        for (int i = 0; i < _nodes.Length; i++)
        {
            var key = keys[i];
            key.CopyTo(_keys, start);
            int parent = i - 1;
            while (parent >= 0 && !key.AsSpan().StartsWith(keys[parent])) parent = _nodes[parent].Parent;
            int jump = Jump(parent), far = Jump(jump);
            bool even = Depth(parent) - Depth(jump) == Depth(jump) - Depth(far);
            _nodes[i] = new Node(start, key.Length, parent, even ? far : parent, Depth(parent) + 1);
            start += key.Length;
            _longest = Math.Max(_longest, key.Length);
        }
    }

    /// <summary>How many bytes of a text can count; of those behind a look-up looks at none.</summary>
    public int Longest => _longest;

    /// <summary>About how many bytes it takes.</summary>
    public long Bytes => _keys.Length + 20L * _nodes.Length;

    /// <summary>The node of the longest key that this one begins with; -1: there is none.</summary>
    public int Parent(int node) => _nodes[node].Parent;

    /// <summary>The node of the longest key that the text begins with; -1: it begins with none.</summary>
    public int Find(ReadOnlySpan<byte> text)
    {
        if (text.Length > _longest) text = text[.._longest];
        int low = -1, high = _nodes.Length, lowSame = 0, highSame = 0;
        while (high - low > 1)
        {
            int middle = (low + high) >>> 1;
            var key = _keys.AsSpan(_nodes[middle].Start, _nodes[middle].Length);
            // What both ends have in common with the text, everything between them has.
            int same = Math.Min(lowSame, highSame);
            same += key[same..].CommonPrefixLength(text[same..]);
            if (same == key.Length || (same < text.Length && key[same] < text[same])) (low, lowSame) = (middle, same);
            else (high, highSame) = (middle, same);
        }
        // The text's beginnings are those of the last key not behind it, as far as the two are the same.
        while (low >= 0 && _nodes[low].Length > lowSame)
        {
            int jump = _nodes[low].Jump;
            low = jump >= 0 && _nodes[jump].Length > lowSame ? jump : _nodes[low].Parent;
        }
        return low;
    }

    private int Depth(int node) => node < 0 ? 0 : _nodes[node].Depth;
    private int Jump(int node) => node < 0 ? -1 : _nodes[node].Jump;
}
