using System.Text;

namespace Managed.Proxy.Router.Matching;

/// <summary>What everything that an expression matches begins with, its literal start, and what is left of it behind that.</summary>
internal sealed class RegexStart
{
    private static readonly RegexNode Nothing = new RegexNode.Sequence([]);

    private readonly List<byte> _bytes = [];
    private bool _casedLetter;

    public RegexStart(RegexNode node)
    {
        var rest = Take(node) ?? Nothing;
        // Compared in lower case throughout, a start says less than the expression where case counts for one of its letters.
        IsExact = !Folded || !_casedLetter;
        Rest = IsExact ? rest : node;
        Bytes = [.. _bytes];
        if (Folded) AsciiCase.Lower(Bytes);
    }

    /// <summary>UTF-8, empty when it may begin with anything; in lower case when <see cref="Folded"/>.</summary>
    public byte[] Bytes { get; }
    /// <summary>Case does not count for a letter of it.</summary>
    public bool Folded { get; private set; }
    /// <summary>To begin so is all that the expression asks of that part. If not, <see cref="Rest"/> is the whole expression.</summary>
    public bool IsExact { get; }
    /// <summary>Without captures of what was cut through.</summary>
    public RegexNode Rest { get; }

    // What is left of it; null: it is a literal throughout, so that what follows belongs to the start as well.
    private RegexNode? Take(RegexNode node)
    {
        switch (node)
        {
            case RegexNode.Chars { Set: var set }: return Take(set.Ranges) ? null : node;
            case RegexNode.Assert { Assertion: RegexAssertion.TextBegin } when _bytes.Count == 0: return null;
            case RegexNode.Group group: return Take(group.Inner);
            case RegexNode.Sequence sequence:
                for (int i = 0; i < sequence.Parts.Length; i++)
                    if (Take(sequence.Parts[i]) is { } rest) return new RegexNode.Sequence([rest, .. sequence.Parts[(i + 1)..]]);
                return null;
            case RegexNode.Repeat { Inner.Size: > 0 } repeat:
                for (int i = 0; i < repeat.Least; i++)
                    if (Take(repeat.Inner) is { } rest) return new RegexNode.Sequence([rest, Less(repeat, i + 1)]);
                return repeat.Most == repeat.Least ? null : Less(repeat, repeat.Least);
            default: return node;
        }
    }

    private static RegexNode.Repeat Less(RegexNode.Repeat repeat, int taken)
        => repeat with { Least = repeat.Least - taken, Most = repeat.Most < 0 ? -1 : repeat.Most - taken };

    private bool Take(ReadOnlySpan<(int From, int To)> ranges)
    {
        // U+FFFD also stands for bytes that are no UTF-8. K and S fold with letters beyond ASCII, and so have more than two ranges.
        bool pair = ranges is [(var a, var toA), (var b, var toB)] && a == toA && b == toB && a is >= 'A' and <= 'Z' && b == (a | 0x20);
        bool single = ranges is [(var from, var to)] && from == to && from != Rune.ReplacementChar.Value && Rune.IsValid(from);
        if (!pair && !single) return false;
        var rune = new Rune(ranges[^1].From);
        Span<byte> utf8 = stackalloc byte[4];
        _bytes.AddRange(utf8[..rune.EncodeToUtf8(utf8)]);
        Folded |= pair;
        _casedLetter |= !pair && rune.IsAscii && char.IsAsciiLetter((char)rune.Value);
        return true;
    }
}
