using System.Runtime.Intrinsics;

namespace Managed.Proxy.Router.Matching;

internal enum RegexOp : byte { Char, Split, Save, Assert, Match }

/// <param name="Op">What it does.</param>
/// <param name="Next">Where it goes on; of a split what is tried first.</param>
/// <param name="Argument">Char: its place among the characters. Split: what is tried second. Save: the slot. Assert: the
/// <see cref="RegexAssertion"/>.</param>
internal readonly record struct RegexStep(RegexOp Op, int Next, int Argument);

/// <summary>
/// An expression as a program: each step leads to the next, a character being consumed by <see cref="RegexOp.Char"/> alone.
/// </summary>
internal sealed class RegexProgram
{
    private readonly List<RegexStep> _steps = [];
    private readonly List<CharSet> _chars = [];

    public RegexProgram(RegexNode node)
    {
        int match = Add(RegexOp.Match, 0, 0);
        Start = Emit(node, match);
        Steps = [.. _steps];
        Chars = [.. _chars];
        for (int i = 0; i < Steps.Length; i++) if (Steps[i].Op == RegexOp.Assert) Asserts |= Holding((RegexAssertion)Steps[i].Argument);
    }

    public RegexStep[] Steps { get; }
    /// <summary>What each of the character steps takes.</summary>
    public CharSet[] Chars { get; }
    public int Start { get; }
    /// <summary>Of which places it asks.</summary>
    public RegexPlace Asserts { get; }

    private static RegexPlace Holding(RegexAssertion assertion) => assertion switch
    {
        RegexAssertion.TextBegin => RegexPlace.TextBegin, RegexAssertion.TextEnd => RegexPlace.TextEnd,
        RegexAssertion.LineBegin => RegexPlace.LineBegin,
        RegexAssertion.LineEnd => RegexPlace.LineEnd, _ => RegexPlace.WordBoundary,
    };

    public static bool Holds(int assertion, RegexPlace place)
        => (RegexAssertion)assertion == RegexAssertion.NotWordBoundary ? (place & RegexPlace.WordBoundary) == 0
        : (place & Holding((RegexAssertion)assertion)) != 0;

    /// <summary>What a match may begin with: at the text's begin, and behind it; with the bit of the end where it may be empty.</summary>
    public (Vector128<ulong> First, Vector128<ulong> Later) Beginnings()
        => (Reach(Start, static _ => true), Reach(Start, static a => (RegexAssertion)a != RegexAssertion.TextBegin));

    /// <summary>The character steps, and the end (the bit behind them), that a step leads to without a character.</summary>
    public Vector128<ulong> Reach(int from, Func<int, bool> holds)
    {
        var seen = new bool[Steps.Length];
        var open = new Stack<int>([from]);
        var found = new ulong[2];
        while (open.TryPop(out int at))
        {
            if (seen[at]) continue;
            seen[at] = true;
            var step = Steps[at];
            switch (step.Op)
            {
                case RegexOp.Char: found[step.Argument / 64] |= 1UL << (step.Argument % 64); break;
                case RegexOp.Match: found[Chars.Length / 64] |= 1UL << (Chars.Length % 64); break;
                case RegexOp.Assert when !holds(step.Argument): break;
                case RegexOp.Split:
                    open.Push(step.Argument);
                    open.Push(step.Next);
                    break;
                default: open.Push(step.Next); break;
            }
        }
        return Vector128.Create(found[0], found[1]);
    }

    private int Add(RegexOp op, int next, int argument)
    {
        _steps.Add(new RegexStep(op, next, argument));
        return _steps.Count - 1;
    }

    // From behind: where a part leads is known before the part itself.
    private int Emit(RegexNode node, int next)
    {
        switch (node)
        {
            case RegexNode.Chars chars:
                _chars.Add(chars.Set);
                return Add(RegexOp.Char, next, _chars.Count - 1);
            case RegexNode.Assert assert: return Add(RegexOp.Assert, next, (int)assert.Assertion);
            case RegexNode.Group group: return Add(RegexOp.Save, Emit(group.Inner, Add(RegexOp.Save, next, 2 * group.Number + 1)),
                2 * group.Number);
            case RegexNode.Sequence sequence:
                for (int i = sequence.Parts.Length - 1; i >= 0; i--) next = Emit(sequence.Parts[i], next);
                return next;
            case RegexNode.Choice choice:
                int last = Emit(choice.Parts[^1], next);
                for (int i = choice.Parts.Length - 2; i >= 0; i--) last = Add(RegexOp.Split, Emit(choice.Parts[i], next), last);
                return last;
            default: return Emit((RegexNode.Repeat)node, next);
        }
    }

    private int Emit(RegexNode.Repeat repeat, int next)
    {
        if (repeat.Inner.Size == 0) return next;
        int entry = next, copies = repeat.Least;
        if (repeat.Most < 0)
        {
            int loop = Add(RegexOp.Split, 0, 0), body = Emit(repeat.Inner, loop);
            _steps[loop] = Either(body, next);
            entry = copies == 0 ? loop : body;
            copies = Math.Max(0, copies - 1);
        }
        else
            for (int i = repeat.Least; i < repeat.Most; i++)
            {
                var step = Either(Emit(repeat.Inner, entry), next);
                entry = Add(step.Op, step.Next, step.Argument);
            }
        for (; copies > 0; copies--) entry = Emit(repeat.Inner, entry);
        return entry;

        RegexStep Either(int inner, int rest) => repeat.Greedy ? new RegexStep(RegexOp.Split, inner, rest)
            : new RegexStep(RegexOp.Split, rest, inner);
    }
}

/// <summary>What holds at a place of the text.</summary>
[Flags]
internal enum RegexPlace : byte { None = 0, TextEnd = 1, LineBegin = 2, LineEnd = 4, WordBoundary = 8, TextBegin = 16 }
