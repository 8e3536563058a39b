namespace Managed.Proxy.Router.Matching;

/// <summary>What must hold between two characters.</summary>
internal enum RegexAssertion : byte { TextBegin, TextEnd, LineBegin, LineEnd, WordBoundary, NotWordBoundary }

/// <summary>A parsed expression.</summary>
internal abstract record RegexNode
{
    /// <summary>How many steps the program has for it: repetitions are written out, as in RE2. Never less than 0.</summary>
    public abstract long Size { get; }

    public sealed record Chars(CharSet Set) : RegexNode
    {
        public override long Size => 1;
    }

    public sealed record Assert(RegexAssertion Assertion) : RegexNode
    {
        public override long Size => 1;
    }

    /// <summary>One behind the other; none: the empty expression.</summary>
    public sealed record Sequence(RegexNode[] Parts) : RegexNode
    {
        public override long Size { get; } = Sum(Parts);
    }

    /// <summary>The first that fits.</summary>
    public sealed record Choice(RegexNode[] Parts) : RegexNode
    {
        public override long Size { get; } = Sum(Parts) + Parts.Length - 1;
    }

    /// <summary>A group that is captured.</summary>
    public sealed record Group(RegexNode Inner, int Number) : RegexNode
    {
        public override long Size { get; } = Inner.Size + 1;
    }

    /// <param name="Most">-1: as often as it goes.</param>
    public sealed record Repeat(RegexNode Inner, int Least, int Most, bool Greedy) : RegexNode
    {
        // Saturates: repetitions of repetitions are soon more than a number holds.
        public override long Size { get; } = Math.Min(int.MaxValue, Most < 0
            ? Math.Max(1, Least) * Inner.Size + 1
            : Least * Inner.Size + (long)(Most - Least) * (Inner.Size + 1));
    }

    private static long Sum(RegexNode[] parts)
    {
        long sum = 0;
        foreach (var part in parts) sum += part.Size;
        return Math.Min(int.MaxValue, sum);
    }
}
