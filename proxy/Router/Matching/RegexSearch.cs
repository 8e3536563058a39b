using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Managed.Proxy.Router.Matching;

/// <summary>
/// Finds matches with their groups in one text, one behind the other: the ways through the program in their order, each step at each
/// place once (what failed there before fails again, whichever match it was tried for). So all matches of a text take no longer than
/// steps × length, and that is cut off at <see cref="MaxWork"/>.
/// </summary>
internal ref struct RegexSearch
{
    /// <summary>Steps taken in one text: at most a millisecond's.</summary>
    public const int MaxWork = 20_000;
    private const long MaxCells = 8 << 20; // steps × places that are kept account of: 1 MiB

    private readonly RegexProgram _program;
    private readonly RegexAlphabet _alphabet;
    private readonly ReadOnlySpan<byte> _text;
    private readonly Span<int> _slots;
    private ulong[] _failed = [];
    private readonly Vector128<ulong> _first, _later;
    private Entry[] _open = [];
    private int _openCount, _work;

    // Of the stack: a step at a place; or, where Step is below 0, a slot to be set back.
    private readonly record struct Entry(int Step, int At);

    /// <param name="slots">Two for each group, the whole match being the first: where it begins and ends, -1 where it took no part.</param>
    public RegexSearch(LinearRegex regex, ReadOnlySpan<byte> text, Span<int> slots)
    {
        var program = _program = regex.Tables.Program;
        _alphabet = regex.Tables.Alphabet;
        (_first, _later) = regex.Tables.Beginnings;
        _text = text;
        _slots = slots;
        long cells = program.Steps.Length * (text.Length + 1L);
        if (cells > MaxCells) { GaveUp = true; return; }
        _failed = ArrayPool<ulong>.Shared.Rent((int)(cells / 64) + 1);
        _failed.AsSpan(0, (int)(cells / 64) + 1).Clear();
        _open = ArrayPool<Entry>.Shared.Rent(64);
    }

    /// <summary>The text takes more work than it may: what has been found is not all.</summary>
    public bool GaveUp { get; private set; }

    public void Dispose()
    {
        if (_failed.Length == 0) return;
        ArrayPool<ulong>.Shared.Return(_failed);
        ArrayPool<Entry>.Shared.Return(_open);
        _failed = [];
    }

    /// <summary>The first match that begins at a place or behind it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool Find(int from)
    {
        for (int at = from; at <= _text.Length && !GaveUp; at++)
        {
            var may = at == 0 ? _first : _later;
            if (may == Vector128<ulong>.Zero) return false;
            if (!Has(may, _program.Chars.Length))
            {
                if (at == _text.Length) return false;
                if ((may & _alphabet.Next(_text, at, out _)) == Vector128<ulong>.Zero) continue;
            }
            if (Match(at)) return true;
        }
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool Match(int start)
    {
        _slots.Fill(-1);
        _slots[0] = start;
        _openCount = 0;
        Push(new Entry(_program.Start, start));
        while (_openCount > 0)
        {
            var entry = _open[--_openCount];
            if (entry.Step < 0)
            {
                _slots[~entry.Step] = entry.At;
                continue;
            }
            if (!Follow(entry.Step, entry.At)) { if (GaveUp) return false; continue; }
            Forget(_slots[1]);
            return true;
        }
        return false;
    }

    // On from a step until it matches or fails; what else could be tried is pushed.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool Follow(int step, int at)
    {
        while (true)
        {
            if (++_work > MaxWork) { GaveUp = true; return false; }
            long cell = Cell(step, at);
            if ((_failed[cell >> 6] >> (int)cell & 1) != 0) return false;
            _failed[cell >> 6] |= 1UL << (int)cell;
            var (op, next, argument) = _program.Steps[step];
            switch (op)
            {
                case RegexOp.Match:
                    _slots[1] = at;
                    return true;
                case RegexOp.Char:
                    if (at == _text.Length) return false;
                    var takers = _alphabet.Next(_text, at, out int length);
                    if (!Has(takers, argument)) return false;
                    at += length;
                    break;
                case RegexOp.Split:
                    Push(new Entry(argument, at));
                    break;
                case RegexOp.Save when argument < _slots.Length:
                    Push(new Entry(~argument, _slots[argument]));
                    _slots[argument] = at;
                    break;
                case RegexOp.Assert when !RegexProgram.Holds(argument, RegexAlphabet.Place(_text, at)): return false;
            }
            step = next;
        }
    }

    private readonly long Cell(int step, int at) => (long)at * _program.Steps.Length + step;

    // The next match may begin where this one ends, and what led here did not fail. Before it nobody comes again; behind it all did fail.
    private void Forget(int at)
    {
        _work += _program.Steps.Length + 10; // this, and what becomes of the match
        long last = Cell(0, at + 1);
        for (long cell = Cell(0, at); cell < last; cell++) _failed[cell >> 6] &= ~(1UL << (int)cell);
    }

    private static bool Has(Vector128<ulong> set, int bit) => ((bit < 64 ? set[0] >> bit : set[1] >> (bit - 64)) & 1) != 0;

    private void Push(Entry entry)
    {
        if (_openCount == _open.Length)
        {
            var larger = ArrayPool<Entry>.Shared.Rent(2 * _openCount);
            _open.AsSpan().CopyTo(larger);
            ArrayPool<Entry>.Shared.Return(_open);
            _open = larger;
        }
        _open[_openCount++] = entry;
    }
}
