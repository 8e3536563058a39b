using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text;

namespace Managed.Proxy.Router.Matching;

/// <summary>
/// For each character the set of a program's character steps that take it, as a bit each; and what kind of place a character makes.
/// </summary>
internal sealed class RegexAlphabet
{
    // Of ASCII: for each character the place of its set among the different ones.
    private readonly byte[] _classes = new byte[128];
    private readonly Vector128<ulong>[] _ascii;
    // Beyond ASCII: the characters from which on another set holds.
    private readonly int[] _from;
    private readonly Vector128<ulong>[] _wide;
    private readonly Vector128<ulong> _replacement;

    public RegexAlphabet(CharSet[] sets)
    {
        var ascii = new Vector128<ulong>[128];
        for (int i = 0; i < sets.Length; i++)
            foreach (var (first, last) in sets[i].Ranges)
                for (int c = first; c <= Math.Min(last, 127); c++) ascii[c] |= Bit(i);
        var different = new List<Vector128<ulong>>();
        for (int c = 0; c < 128; c++)
        {
            int known = c > 0 && ascii[c] == ascii[c - 1] ? _classes[c - 1] : different.IndexOf(ascii[c]);
            if (known < 0) different.Add(ascii[c]);
            _classes[c] = (byte)(known < 0 ? different.Count - 1 : known);
        }
        _ascii = [.. different];
        var from = new SortedSet<int> { 128 };
        foreach (var set in sets)
            foreach (var (first, last) in set.Ranges)
            {
                if (first > 128) from.Add(first);
                if (last >= 128) from.Add(last + 1);
            }
        _from = [.. from];
        _wide = [.. _from.Select(Takers)];
        _replacement = Takers(Rune.ReplacementChar.Value);

        Vector128<ulong> Takers(int c)
        {
            var takers = Vector128<ulong>.Zero;
            for (int i = 0; i < sets.Length; i++)
                if (sets[i].Contains(c)) takers |= Bit(i);
            return takers;
        }

        static Vector128<ulong> Bit(int i) => i < 64 ? Vector128.Create(1UL << i, 0UL) : Vector128.Create(0UL, 1UL << (i - 64));
    }

    /// <summary>The takers of the character that the text begins with, and its length. What is no UTF-8 counts as U+FFFD.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector128<ulong> Next(ReadOnlySpan<byte> text, int at, out int length)
    {
        byte first = text[at];
        if (first >= 128) return Wide(text[at..], out length);
        length = 1;
        return Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_ascii),
            Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_classes), first));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private Vector128<ulong> Wide(ReadOnlySpan<byte> text, out int length)
    {
        if (Rune.DecodeFromUtf8(text, out var rune, out length) != System.Buffers.OperationStatus.Done) return _replacement;
        int at = _from.AsSpan().BinarySearch(rune.Value);
        return _wide[at >= 0 ? at : ~at - 1];
    }

    /// <summary>The place between two bytes of a text; a letter is one of ASCII, as in RE2.</summary>
    public static RegexPlace Place(ReadOnlySpan<byte> text, int at)
        => at == 0 ? RegexPlace.TextBegin | Between(Edge, text.Length == 0 ? Edge : Kinds[text[0]])
        : Between(Kinds[text[at - 1]], at == text.Length ? Edge : Kinds[text[at]]);

    // What a byte is to a place beside it: a letter, a line's end, neither of them; or there is none.
    private const int Letter = 1, Newline = 2, Edge = 3;
    private static readonly byte[] Kinds = [.. Enumerable.Range(0, 256)
        .Select(c => (byte)(c == '\n' ? Newline : char.IsAsciiLetterOrDigit((char)c) || c == '_' ? Letter : 0))];
    private static readonly RegexPlace[] Places = [.. Enumerable.Range(0, 16).Select(i => PlaceOf(i / 4, i % 4))];

    private static RegexPlace Between(int before, int after) => Places[before * 4 + after];

    private static RegexPlace PlaceOf(int before, int after)
        => (before == Letter != (after == Letter) ? RegexPlace.WordBoundary : 0) | (before is Newline or Edge ? RegexPlace.LineBegin : 0)
            | (after is Newline or Edge ? RegexPlace.LineEnd : 0) | (after == Edge ? RegexPlace.TextEnd : 0);
}
