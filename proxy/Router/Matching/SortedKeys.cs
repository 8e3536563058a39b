namespace Managed.Proxy.Router.Matching;

/// <summary>Byte strings in order, behind each other in one array.</summary>
internal readonly struct SortedKeys
{
    private readonly byte[] _bytes;
    private readonly int[] _starts; // one more than keys

    /// <param name="keys">Sorted bytewise.</param>
    /// <param name="each">Every so many of them, from the first on.</param>
    public SortedKeys(IReadOnlyList<byte[]> keys, int each)
    {
        _starts = new int[(keys.Count + each - 1) / each + 1];
        for (int i = 1; i < _starts.Length; i++) _starts[i] = _starts[i - 1] + keys[(i - 1) * each].Length;
        _bytes = new byte[_starts[^1]];
        for (int i = 0; i < Count; i++) keys[i * each].CopyTo(_bytes, _starts[i]);
    }

    public int Count => _starts.Length - 1;

    public int Length(int key) => _starts[key + 1] - _starts[key];

    /// <summary>Narrows a range down to two neighbours: the last key that is not behind a text, and the first that is.</summary>
    public void Narrow(ReadOnlySpan<byte> text, ref Range range)
    {
        var (low, lowSame, high, highSame) = (range.Low, range.LowSame, range.High, range.HighSame);
        while (high - low > 1)
        {
            int middle = (low + high) >>> 1;
            var key = _bytes.AsSpan(_starts[middle], Length(middle));
            // What both ends have in common with the text, everything between them has.
            int same = Math.Min(lowSame, highSame);
            same += key[same..].CommonPrefixLength(text[same..]);
            if (same == key.Length || (same < text.Length && key[same] < text[same])) (low, lowSame) = (middle, same);
            else (high, highSame) = (middle, same);
        }
        range = new Range(low, lowSame, high, highSame);
    }

    /// <param name="Low">A key that is not behind the text; -1: perhaps there is none.</param>
    /// <param name="LowSame">How many bytes it begins with like the text.</param>
    /// <param name="High">A key that is behind the text, or their count.</param>
    /// <param name="HighSame">Likewise of that.</param>
    public readonly record struct Range(int Low, int LowSame, int High, int HighSame);
}
