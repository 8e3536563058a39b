using System.Text;

namespace Managed.Proxy.Router.Matching;

/// <summary>What everything that an expression matches begins with: its literal start.</summary>
internal readonly struct RegexStart
{
    private readonly List<byte> _bytes = [];

    private RegexStart(RegexNode node, out bool folded)
    {
        folded = false;
        Take(node, ref folded);
    }

    /// <summary>UTF-8, empty when it may begin with anything; in lower case when case does not count for one of its letters (<paramref name="folded"/>).</summary>
    public static byte[] Of(RegexNode node, out bool folded)
    {
        byte[] start = [.. new RegexStart(node, out folded)._bytes];
        if (folded) AsciiCase.Lower(start);
        return start;
    }

    // Whether it is a literal throughout, so that what follows it belongs to the start as well.
    private bool Take(RegexNode node, ref bool folded)
    {
        switch (node)
        {
            case RegexNode.Chars { Set: var set }: return Take(set.Ranges, ref folded);
            case RegexNode.Assert: return true; // takes no character, so that those behind it come next all the same
            case RegexNode.Group group: return Take(group.Inner, ref folded);
            case RegexNode.Sequence sequence:
                foreach (var part in sequence.Parts)
                    if (!Take(part, ref folded)) return false;
                return true;
            case RegexNode.Repeat { Inner.Size: > 0 } repeat:
                for (int i = 0; i < repeat.Least; i++)
                    if (!Take(repeat.Inner, ref folded)) return false;
                return repeat.Most == repeat.Least;
            default: return false;
        }
    }

    private bool Take(ReadOnlySpan<(int From, int To)> ranges, ref bool folded)
    {
        // U+FFFD also stands for bytes that are no UTF-8. K and S fold with letters beyond ASCII, and so have more than two ranges.
        bool pair = ranges is [(var a, var toA), (var b, var toB)] && a == toA && b == toB && a is >= 'A' and <= 'Z' && b == (a | 0x20);
        if (!pair && (ranges is not [(var from, var to)] || from != to || from == Rune.ReplacementChar.Value || !Rune.IsValid(from))) return false;
        Span<byte> utf8 = stackalloc byte[4];
        foreach (byte b8 in utf8[..new Rune(ranges[^1].From).EncodeToUtf8(utf8)]) _bytes.Add(b8);
        folded |= pair;
        return true;
    }
}
