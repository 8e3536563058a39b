using System.Buffers.Text;
using System.Text;

namespace Managed.Proxy.Core.Buffers;

/// <summary>
/// A growable run of bytes that one worker writes into and then sends or copies. Meant to be kept and reused:
/// <see cref="Clear"/> keeps the storage, so steady state allocates nothing.
/// </summary>
public sealed class ByteWriter
{
    private byte[] _bytes;
    private int _length;

    public ByteWriter(int capacity = 1024) => _bytes = new byte[capacity];

    public int Length => _length;
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);
    public ReadOnlyMemory<byte> WrittenMemory => _bytes.AsMemory(0, _length);
    internal byte[] Storage => _bytes;

    public void Clear() => _length = 0;

    /// <summary>Forgets everything after <paramref name="length"/> bytes.</summary>
    public void Truncate(int length) => _length = Math.Min(_length, length);

    /// <summary>Room for at least <paramref name="size"/> bytes; call <see cref="Advance"/> with what was used.</summary>
    public Span<byte> GetSpan(int size)
    {
        if (_bytes.Length - _length < size) Grow(size);
        return _bytes.AsSpan(_length);
    }

    public void Advance(int count) => _length += count;

    public void Write(ReadOnlySpan<byte> value)
    {
        if (_bytes.Length - _length < value.Length) Grow(value.Length);
        value.CopyTo(_bytes.AsSpan(_length));
        _length += value.Length;
    }

    public void Write(byte value)
    {
        if (_bytes.Length == _length) Grow(1);
        _bytes[_length++] = value;
    }

    /// <summary>Decimal digits.</summary>
    public void Write(long value)
    {
        Utf8Formatter.TryFormat(value, GetSpan(20), out int n);
        _length += n;
    }

    /// <summary>Lower-case hexadecimal digits without leading zeros.</summary>
    public void WriteHex(long value)
    {
        Utf8Formatter.TryFormat(value, GetSpan(16), out int n, 'x');
        _length += n;
    }

    /// <summary>UTF-8.</summary>
    public void Write(string value)
    {
        var span = GetSpan(Encoding.UTF8.GetMaxByteCount(value.Length));
        _length += Encoding.UTF8.GetBytes(value, span);
    }

    private void Grow(int size) => Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + size));
}
