namespace Managed.Proxy.Configuration.Parsing;

/// <summary>Turns growing byte offsets of one UTF-8 text into lines and columns, reading each byte once.</summary>
internal sealed class TextPosition
{
    private int _offset;
    private int _line = 1;
    private int _column = 1;

    /// <summary>Line and column of an offset that is not below the one before; both 1-based, columns in UTF-16 characters.</summary>
    public (int Line, int Column) Advance(ReadOnlySpan<byte> utf8, int offset)
    {
        for (; _offset < offset; _offset++)
        {
            var b = utf8[_offset];
            if (b == '\n')
                (_line, _column) = (_line + 1, 1);
            else if (b >= 0xF0)
                _column += 2; // a surrogate pair
            else if ((b & 0xC0) != 0x80)
                _column++;
        }
        return (_line, _column);
    }
}
