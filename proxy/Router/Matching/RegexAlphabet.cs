using System.Runtime.Intrinsics;
using System.Text;

namespace Managed.Proxy.Router.Matching;

/// <summary>For each character the set of a program's character steps that take it, as a bit each; and what kind of place a character makes.</summary>
internal sealed class RegexAlphabet
{
    private readonly Vector128<ulong>[] _ascii = new Vector128<ulong>[128];
    // Beyond ASCII: the characters from which on another set holds.
    private readonly int[] _from;
    private readonly Vector128<ulong>[] _wide;
    private readonly Vector128<ulong> _replacement;

    public RegexAlphabet(CharSet[] sets)
    {
        for (int c = 0; c < 128; c++) _ascii[c] = Takers(c);
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
            ulong low = 0, high = 0;
            for (int i = 0; i < sets.Length; i++)
                if (sets[i].Contains(c)) { if (i < 64) low |= 1UL << i; else high |= 1UL << (i - 64); }
            return Vector128.Create(low, high);
        }
    }

    /// <summary>The takers of the character that the text begins with, and its length. What is no UTF-8 counts as U+FFFD.</summary>
    public Vector128<ulong> Next(ReadOnlySpan<byte> text, out int length)
    {
        byte first = text[0];
        if (first < 128)
        {
            length = 1;
            return _ascii[first];
        }
        if (Rune.DecodeFromUtf8(text, out var rune, out length) != System.Buffers.OperationStatus.Done) return _replacement;
        int at = Array.BinarySearch(_from, rune.Value);
        return _wide[at >= 0 ? at : ~at - 1];
    }

    /// <summary>The place between two bytes of a text; a letter is one of ASCII, as in RE2.</summary>
    public static RegexPlace Place(ReadOnlySpan<byte> text, int at)
    {
        byte before = at == 0 ? (byte)0 : text[at - 1], after = at == text.Length ? (byte)0 : text[at];
        var place = IsWord(before) == IsWord(after) ? RegexPlace.None : RegexPlace.WordBoundary;
        if (at == 0) place |= RegexPlace.TextBegin | RegexPlace.LineBegin;
        if (at == text.Length) place |= RegexPlace.TextEnd | RegexPlace.LineEnd;
        if (before == '\n') place |= RegexPlace.LineBegin;
        if (after == '\n' && at < text.Length) place |= RegexPlace.LineEnd;
        return place;
    }

    private static bool IsWord(byte c) => char.IsAsciiLetterOrDigit((char)c) || c == '_';
}
