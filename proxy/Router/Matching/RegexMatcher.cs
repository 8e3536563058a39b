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

    private readonly int _end; // the bit of the end
    private readonly RegexAlphabet _alphabet;
    private readonly RegexPlace _asks;
    private readonly int _groups; // of four steps
    private readonly Vector128<ulong>[][] _follow; // by place: for each group of four and each set of them, what may come next
    private readonly Vector128<ulong>[] _begin;

    /// <param name="program">Of a whole text, or of what is behind a start.</param>
    /// <param name="behindStart">The latter: it never stands at the text's begin.</param>
    public RegexMatcher(RegexProgram program, bool behindStart)
    {
        _end = program.Chars.Length;
        _alphabet = new RegexAlphabet(program.Chars);
        _asks = program.Asserts & Between;
        _groups = (program.Chars.Length + 7) / 8 * 2;
        int places = _asks == RegexPlace.None ? 1 : 16;
        _follow = new Vector128<ulong>[places][];
        _begin = new Vector128<ulong>[places];
        for (int place = 0; place < places; place++)
        {
            if (((RegexPlace)place & ~_asks) != 0) continue;
            var begin = (RegexPlace)place | (behindStart ? RegexPlace.None : RegexPlace.TextBegin);
            _begin[place] = program.Reach(program.Start, a => RegexProgram.Holds(a, begin));
            _follow[place] = Follow(program, (RegexPlace)place);
        }
    }

    /// <param name="text">All of it.</param>
    /// <param name="at">Where the program begins: 0, or behind the start.</param>
    /// <param name="steps">What it took, about a nanosecond each.</param>
    // Compiled as it will stay: what a character costs must hold from the first request on.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool IsMatch(ReadOnlySpan<byte> text, int at, out int steps)
    {
        steps = 0;
        bool one = _asks == RegexPlace.None;
        var now = _begin[one ? 0 : (int)(RegexAlphabet.Place(text, at) & _asks)];
        var table = _follow[0];
        // Most texts stay in a state for many characters.
        Vector128<ulong> last = Vector128<ulong>.Zero, then = last;
        while (at < text.Length)
        {
            now &= _alphabet.Next(text, at, out int length);
            at += length;
            steps += PerCharacter;
            if (!one && _follow[(int)(RegexAlphabet.Place(text, at) & _asks)] is var other && !ReferenceEquals(other, table))
                (table, last) = (other, Vector128<ulong>.Zero);
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
        return ((_end < 64 ? now[0] >> _end : now[1] >> (_end - 64)) & 1) != 0;
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

    private Vector128<ulong>[] Follow(RegexProgram program, RegexPlace place)
    {
        var one = new Vector128<ulong>[_groups * 4];
        foreach (var step in program.Steps)
            if (step.Op == RegexOp.Char) one[step.Argument] = program.Reach(step.Next, a => RegexProgram.Holds(a, place));
        var table = new Vector128<ulong>[Math.Max(1, _groups * 16)];
        for (int i = 0; i < _groups * 16; i++)
            for (int bit = 0; bit < 4; bit++)
                if ((i >> bit & 1) != 0) table[i] |= one[i / 16 * 4 + bit];
        return table;
    }
}
