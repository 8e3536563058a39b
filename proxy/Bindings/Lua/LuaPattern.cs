namespace Managed.Proxy.Bindings.Lua;

/// <summary>
/// Lua's patterns (Lua 5.4 manual, section 6.4.1) over bytes, with a count of steps: a pattern that backtracks too long is an error
/// instead of a worker that stands still.
/// </summary>
internal ref struct LuaPattern(ReadOnlySpan<byte> subject, ReadOnlySpan<byte> pattern, long steps)
{
    /// <summary>Bytes of a pattern.</summary>
    public const int MaxLength = 4 << 10;
    private const int MaxCaptures = 32, MaxDepth = 200; // Lua's own limits
    private const int Position = -2, Unclosed = -1;

    private readonly ReadOnlySpan<byte> _s = subject, _p = pattern;
    private CaptureList _captures;
    private int _depth;

    [System.Runtime.CompilerServices.InlineArray(MaxCaptures)]
    private struct CaptureList { private (int Start, int Length) _first; }

    public int Captures { get; private set; }
    public string? Error { get; private set; }
    /// <summary>What is left of the allowance.</summary>
    public long Steps { get; private set; } = steps;

    /// <summary>Start and length of a capture; length -2: a position capture.</summary>
    public readonly (int Start, int Length) Capture(int index) => _captures[index];
    public static bool IsPosition(int length) => length == Position;

    /// <summary>First match at or behind an offset. False: none, or <see cref="Error"/>.</summary>
    public bool Find(int from, out int start, out int end)
    {
        bool anchored = _p.Length > 0 && _p[0] == '^';
        int p = anchored ? 1 : 0;
        for (start = from; start <= _s.Length; start++)
        {
            Captures = 0;
            _depth = 0;
            end = Match(start, p);
            if (Error is not null) return false;
            if (end >= 0)
            {
                for (int i = 0; i < Captures; i++)
                    if (_captures[i].Length == Unclosed) { Error = "unfinished capture"; return false; }
                return true;
            }
            if (anchored) break;
        }
        end = -1;
        return false;
    }

    private int Fail(string message)
    {
        Error ??= message;
        return -1;
    }

    // The end of the match of the pattern from p on at s; -1: none.
    private int Match(int s, int p)
    {
        if (++_depth > MaxDepth) return Fail("pattern too complex");
        try
        {
            while (true)
            {
                if (--Steps < 0) return Fail("pattern takes too many steps");
                if (p == _p.Length) return s;
                switch (_p[p])
                {
                    case (byte)'(':
                        bool position = p + 1 < _p.Length && _p[p + 1] == ')';
                        return StartCapture(s, p + (position ? 2 : 1), position ? Position : Unclosed);
                    case (byte)')':
                        return EndCapture(s, p + 1);
                    case (byte)'$' when p + 1 == _p.Length:
                        return s == _s.Length ? s : -1;
                    case (byte)'%' when p + 1 < _p.Length && _p[p + 1] == 'b':
                        s = MatchBalance(s, p + 2);
                        if (s < 0) return -1;
                        p += 4;
                        continue;
                    case (byte)'%' when p + 1 < _p.Length && _p[p + 1] == 'f':
                        p += 2;
                        if (p >= _p.Length || _p[p] != '[') return Fail("missing '[' after '%f' in pattern");
                        int close = ClassEnd(p);
                        if (close < 0) return -1;
                        byte before = s == 0 ? (byte)0 : _s[s - 1], here = s < _s.Length ? _s[s] : (byte)0;
                        if (InSet(before, p, close - 1) || !InSet(here, p, close - 1)) return -1;
                        p = close;
                        continue;
                    case (byte)'%' when p + 1 < _p.Length && _p[p + 1] is >= (byte)'0' and <= (byte)'9':
                        s = MatchBack(s, _p[p + 1]);
                        if (s < 0) return -1;
                        p += 2;
                        continue;
                }
                int end = ClassEnd(p);
                if (end < 0) return -1;
                byte repeat = end < _p.Length ? _p[end] : (byte)0;
                switch (repeat)
                {
                    case (byte)'?':
                        if (One(s, p, end))
                        {
                            int rest = Match(s + 1, end + 1);
                            if (rest >= 0 || Error is not null) return rest;
                        }
                        p = end + 1;
                        continue;
                    case (byte)'+':
                        return One(s, p, end) ? Longest(s + 1, p, end) : -1;
                    case (byte)'*':
                        return Longest(s, p, end);
                    case (byte)'-':
                        while (true)
                        {
                            int rest = Match(s, end + 1);
                            if (rest >= 0 || Error is not null) return rest;
                            if (!One(s, p, end)) return -1;
                            s++;
                        }
                }
                if (!One(s, p, end)) return -1;
                s++;
                p = end;
            }
        }
        finally
        {
            _depth--;
        }
    }

    private int Longest(int s, int p, int end)
    {
        int n = 0;
        while (Steps >= 0 && One(s + n, p, end)) n++;
        Steps -= n >> 3;
        if (Steps < 0) return Fail("pattern takes too many steps");
        for (; n >= 0; n--)
        {
            int rest = Match(s + n, end + 1);
            if (rest >= 0 || Error is not null) return rest;
        }
        return -1;
    }

    private int StartCapture(int s, int p, int what)
    {
        if (Captures >= MaxCaptures) return Fail("too many captures");
        _captures[Captures++] = (s, what);
        int end = Match(s, p);
        if (end < 0) Captures--;
        return end;
    }

    private int EndCapture(int s, int p)
    {
        int open = Captures - 1;
        while (open >= 0 && _captures[open].Length != Unclosed) open--;
        if (open < 0) return Fail("invalid pattern capture");
        _captures[open].Length = s - _captures[open].Start;
        int end = Match(s, p);
        if (end < 0) _captures[open].Length = Unclosed;
        return end;
    }

    private int MatchBalance(int s, int p)
    {
        if (p + 1 >= _p.Length) return Fail("malformed pattern (missing arguments to '%b')");
        if (s >= _s.Length || _s[s] != _p[p]) return -1;
        int depth = 1;
        for (int i = s + 1; i < _s.Length; i++)
        {
            if (_s[i] == _p[p + 1])
            {
                if (--depth == 0) { Steps -= (i - s) >> 3; return i + 1; }
            }
            else if (_s[i] == _p[p]) depth++;
        }
        Steps -= (_s.Length - s) >> 3;
        return -1;
    }

    private int MatchBack(int s, byte digit)
    {
        int index = digit - '1';
        if (index < 0 || index >= Captures || _captures[index].Length < 0) return Fail($"invalid capture index %{(char)digit}");
        var (start, length) = _captures[index];
        Steps -= length >> 3;
        return _s.Length - s >= length && _s.Slice(start, length).SequenceEqual(_s.Slice(s, length)) ? s + length : -1;
    }

    // The place behind the single-character class that begins at p.
    private int ClassEnd(int p)
    {
        byte c = _p[p++];
        if (c == '%') return p < _p.Length ? p + 1 : Fail("malformed pattern (ends with '%')");
        if (c != '[') return p;
        if (p < _p.Length && _p[p] == '^') p++;
        do
        {
            if (p >= _p.Length) return Fail("malformed pattern (missing ']')");
            if (_p[p++] == '%') p++;
        }
        while (p >= _p.Length || _p[p] != ']');
        return p + 1;
    }

    private bool One(int s, int p, int end)
    {
        if (s >= _s.Length) return false;
        byte c = _s[s];
        return _p[p] switch
        {
            (byte)'.' => true,
            (byte)'%' => InClass(c, _p[p + 1]),
            (byte)'[' => InSet(c, p, end - 1),
            var literal => literal == c,
        };
    }

    // Set from '[' at p to ']' at close.
    private bool InSet(byte c, int p, int close)
    {
        bool found = true;
        Steps -= (close - p) >> 4; // long ones are work
        p++;
        if (_p[p] == '^') { found = false; p++; }
        for (; p < close; p++)
        {
            if (_p[p] == '%' && p + 1 < close) { if (InClass(c, _p[++p])) return found; }
            else if (p + 2 < close && _p[p + 1] == '-')
            {
                if (_p[p] <= c && c <= _p[p + 2]) return found;
                p += 2;
            }
            else if (_p[p] == c) return found;
        }
        return !found;
    }

    private static bool InClass(byte c, byte letter)
    {
        bool inside;
        switch (letter | 0x20)
        {
            case 'a': inside = char.IsAsciiLetter((char)c); break;
            case 'd': inside = char.IsAsciiDigit((char)c); break;
            case 'l': inside = char.IsAsciiLetterLower((char)c); break;
            case 's': inside = c is 32 or (>= 9 and <= 13); break;
            case 'u': inside = char.IsAsciiLetterUpper((char)c); break;
            case 'w': inside = char.IsAsciiLetterOrDigit((char)c); break;
            case 'x': inside = char.IsAsciiHexDigit((char)c); break;
            case 'p': inside = c < 128 && c > 32 && c != 127 && !char.IsAsciiLetterOrDigit((char)c); break;
            case 'c': inside = c is < 32 or 127; break;
            case 'g': inside = c is > 32 and < 127; break;
            default: return letter == c;
        }
        return char.IsAsciiLetterUpper((char)letter) ? !inside : inside;
    }
}
