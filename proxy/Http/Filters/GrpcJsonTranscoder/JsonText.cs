using System.Buffers;
using System.Globalization;
using System.Text;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

/// <summary>Reads JSON (RFC 8259) from the network piece by piece: what is none is an answer, not an exception.</summary>
internal ref struct JsonText(ReadOnlySpan<byte> text)
{
    private static readonly SearchValues<byte> Ends = SearchValues.Create([.. "\"\\"u8, .. Enumerable.Range(0, 32).Select(i => (byte)i)]);

    private readonly ReadOnlySpan<byte> _text = text;
    private int _at;

    /// <summary>The first byte of what comes next; 0 at the end.</summary>
    public byte Peek()
    {
        while (_at < _text.Length && _text[_at] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n') _at++;
        return _at < _text.Length ? _text[_at] : (byte)0;
    }

    public readonly int Position => _at;
    public readonly ReadOnlySpan<byte> Since(int from) => _text[from.._at];

    /// <summary>Takes a byte off, if that is what comes.</summary>
    public bool Take(byte expected)
    {
        if (Peek() != expected || _at == _text.Length) return false;
        _at++;
        return true;
    }

    public bool TryWord(ReadOnlySpan<byte> word)
    {
        Peek();
        if (!_text[_at..].StartsWith(word)) return false;
        _at += word.Length;
        return true;
    }

    /// <summary>The letters of a number.</summary>
    public bool TryNumber(out ReadOnlySpan<byte> number)
    {
        Peek();
        int from = _at;
        if (_at < _text.Length && _text[_at] == '-') _at++;
        int digits = Digits();
        bool ok = digits > 0 && (digits == 1 || _text[_at - digits] != '0');
        if (ok && _at < _text.Length && _text[_at] == '.')
        {
            _at++;
            ok = Digits() > 0;
        }
        if (ok && _at < _text.Length && _text[_at] is (byte)'e' or (byte)'E')
        {
            _at++;
            if (_at < _text.Length && _text[_at] is (byte)'+' or (byte)'-') _at++;
            ok = Digits() > 0;
        }
        number = _text[from.._at];
        return ok;
    }

    private int Digits()
    {
        int from = _at;
        while (_at < _text.Length && _text[_at] is >= (byte)'0' and <= (byte)'9') _at++;
        return _at - from;
    }

    /// <summary>Takes a string off and writes what it says, as UTF-8.</summary>
    public bool TryString(ByteWriter into)
    {
        if (!Take((byte)'"')) return false;
        while (true)
        {
            int n = _text[_at..].IndexOfAny(Ends);
            if (n < 0) return false;
            var plain = _text.Slice(_at, n);
            if (!System.Text.Unicode.Utf8.IsValid(plain)) return false;
            into.Write(plain);
            _at += n;
            byte end = _text[_at++];
            if (end == '"') return true;
            if (end != '\\' || !Escape(into)) return false;
        }
    }

    /// <summary>Passes over a value of any kind.</summary>
    public bool Skip(int depth, ByteWriter scratch)
    {
        if (depth == 0) return false;
        switch (Peek())
        {
            case (byte)'"':
                scratch.Clear();
                return TryString(scratch);
            case (byte)'t': return TryWord("true"u8);
            case (byte)'f': return TryWord("false"u8);
            case (byte)'n': return TryWord("null"u8);
            case (byte)'{' or (byte)'[':
                bool isObject = _text[_at++] == '{';
                byte close = isObject ? (byte)'}' : (byte)']';
                if (Take(close)) return true;
                do
                {
                    scratch.Clear();
                    if (isObject && (!TryString(scratch) || !Take((byte)':'))) return false;
                    if (!Skip(depth - 1, scratch)) return false;
                }
                while (Take((byte)','));
                return Take(close);
            default: return TryNumber(out _);
        }
    }

    private bool Escape(ByteWriter into)
    {
        if (_at == _text.Length) return false;
        byte kind = _text[_at++];
        int plain = "\"\\/bfnrt"u8.IndexOf(kind);
        if (plain >= 0)
        {
            into.Write("\"\\/\b\f\n\r\t"u8[plain]);
            return true;
        }
        if (kind != 'u' || !Unit(out int first)) return false;
        if (char.IsHighSurrogate((char)first))
        {
            if (_text.Length - _at < 2 || _text[_at] != '\\' || _text[_at + 1] != 'u') return false;
            _at += 2;
            if (!Unit(out int second) || !char.IsLowSurrogate((char)second)) return false;
            first = char.ConvertToUtf32((char)first, (char)second);
        }
        if (!Rune.TryCreate(first, out var rune)) return false;
        Span<byte> bytes = stackalloc byte[4];
        into.Write(bytes[..rune.EncodeToUtf8(bytes)]);
        return true;
    }

    private bool Unit(out int unit)
    {
        unit = 0;
        if (_text.Length - _at < 4
            || !int.TryParse(_text.Slice(_at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out unit)) return false;
        _at += 4;
        return true;
    }
}
