using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Managed.Proxy.Router.Matching;

/// <summary>
/// Whether a program matches all of a text: all its ways at once, as a bit for each character step that may come next (Glushkov's
/// automaton). What a character costs is known beforehand: one table look-up for four steps, whatever the pattern and the text. No
/// states are made while it runs, and nothing is allocated.
/// </summary>
internal sealed class RegexMatcher
{
    /// <summary>Character steps; with the end they have to fit into 128 bits.</summary>
    public const int MaxChars = 127;
    private const int PerCharacter = 4;
    private const RegexPlace Between = RegexPlace.TextEnd | RegexPlace.LineBegin | RegexPlace.LineEnd | RegexPlace.WordBoundary;

    private readonly RegexProgram _program;
    private readonly RegexAlphabet _alphabet;
    private readonly RegexPlace _asks;
    private readonly int _groups; // of four steps
    private readonly Vector128<ulong>[][] _follow = new Vector128<ulong>[16][]; // by place: for each group of four and each set of them, what may come next
    private readonly Vector128<ulong>[] _begin = new Vector128<ulong>[16];

    private readonly int _startLength;
    private readonly Vector128<ulong> _afterStart;

    /// <param name="start">Every text begins so, to the byte: <see cref="IsMatch"/> is asked of no other.</param>
    public RegexMatcher(RegexProgram program, RegexAlphabet alphabet, ReadOnlySpan<byte> start)
    {
        _program = program;
        _alphabet = alphabet;
        _asks = program.Asserts & Between;
        _groups = (program.Chars.Length + 7) / 8 * 2;
        for (int place = 0; place < 16; place++)
        {
            if (((RegexPlace)place & ~_asks) != 0) continue;
            _begin[place] = Reach(program.Start, a => RegexProgram.Holds(a, (RegexPlace)place | RegexPlace.TextBegin));
            _follow[place] = Follow((RegexPlace)place);
        }
        if (_asks != RegexPlace.None) return;
        _startLength = start.Length;
        _afterStart = After(start);
    }

    /// <param name="text">All of it; begins with the start.</param>
    /// <param name="steps">What it took, about a nanosecond each.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // compiled as it will stay: what a character costs must hold from the first request on
    public bool IsMatch(ReadOnlySpan<byte> text, out int steps)
    {
        steps = 0;
        bool one = _asks == RegexPlace.None;
        int start = one ? _startLength : 0;
        var now = one ? _afterStart : _begin[(int)(RegexAlphabet.Place(text, 0) & _asks)];
        var table = _follow[0];
        // Most texts stay in a state for many characters.
        Vector128<ulong> last = Vector128<ulong>.Zero, then = last;
        for (int at = start; at < text.Length;)
        {
            now &= _alphabet.Next(text, at, out int length);
            at += length;
            steps += PerCharacter;
            if (!one && _follow[(int)(RegexAlphabet.Place(text, at) & _asks)] is var other && !ReferenceEquals(other, table)) (table, last) = (other, Vector128<ulong>.Zero);
            if (now == last)
            {
                if (now == Vector128<ulong>.Zero) return false;
                now = then;
                continue;
            }
            last = now;
            steps += _groups;
            now = then = Step(ref MemoryMarshal.GetArrayDataReference(table), now.GetElement(0), now.GetElement(1), _groups * 16);
            if (now == Vector128<ulong>.Zero) return false;
        }
        int end = _program.Chars.Length;
        return ((end < 64 ? now[0] >> end : now[1] >> (end - 64)) & 1) != 0;
    }

    // Where the program stands behind a start that the caller has compared: nothing is left to be done for it.
    private Vector128<ulong> After(ReadOnlySpan<byte> start)
    {
        var now = _begin[0];
        for (int at = 0; at < start.Length;)
        {
            now &= _alphabet.Next(start, at, out int length);
            at += length;
            now = Step(ref MemoryMarshal.GetArrayDataReference(_follow[0]), now.GetElement(0), now.GetElement(1), _groups * 16);
        }
        return now;
    }

    // The tables of four steps stand behind each other; eight steps are looked up at a time. All of them, whether there are any or not:
    // the processor then knows the way.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Step(ref Vector128<ulong> table, ulong low, ulong high, nint rows)
    {
        Vector128<ulong> even = Vector128<ulong>.Zero, odd = even;
        nint row = 0, half = Math.Min(rows, 256);
        for (; row < half; row += 32, low >>= 8)
        {
            even |= Unsafe.Add(ref table, row + (nint)(low & 15));
            odd |= Unsafe.Add(ref table, row + 16 + (nint)(low >> 4 & 15));
        }
        for (; row < rows; row += 32, high >>= 8)
        {
            even |= Unsafe.Add(ref table, row + (nint)(high & 15));
            odd |= Unsafe.Add(ref table, row + 16 + (nint)(high >> 4 & 15));
        }
        return even | odd;
    }

    /// <summary>What a match may begin with: at the text's begin, and behind it; with the bit of the end where it may be empty.</summary>
    public (Vector128<ulong> First, Vector128<ulong> Later) Beginnings()
        => (Reach(_program.Start, static _ => true), Reach(_program.Start, static a => (RegexAssertion)a != RegexAssertion.TextBegin));

    private Vector128<ulong>[] Follow(RegexPlace place)
    {
        var one = new Vector128<ulong>[_groups * 4];
        foreach (var step in _program.Steps)
            if (step.Op == RegexOp.Char) one[step.Argument] = Reach(step.Next, a => RegexProgram.Holds(a, place));
        var table = new Vector128<ulong>[Math.Max(1, _groups * 16)];
        for (int i = 0; i < _groups * 16; i++)
            for (int bit = 0; bit < 4; bit++)
                if ((i >> bit & 1) != 0) table[i] |= one[i / 16 * 4 + bit];
        return table;
    }

    // The character steps, and the end, that a step leads to without a character.
    private Vector128<ulong> Reach(int from, Func<int, bool> holds)
    {
        var seen = new bool[_program.Steps.Length];
        var open = new Stack<int>([from]);
        var found = new ulong[2];
        while (open.TryPop(out int at))
        {
            if (seen[at]) continue;
            seen[at] = true;
            var step = _program.Steps[at];
            switch (step.Op)
            {
                case RegexOp.Char: found[step.Argument / 64] |= 1UL << (step.Argument % 64); break;
                case RegexOp.Match: found[_program.Chars.Length / 64] |= 1UL << (_program.Chars.Length % 64); break;
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
}
