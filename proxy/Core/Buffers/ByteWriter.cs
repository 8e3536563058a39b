using System.Buffers.Text;
using System.Text;
using Managed.Filters;

namespace Managed.Proxy.Core.Buffers;

/// <summary>
/// A growable run of bytes that one worker writes into and then sends or copies. Meant to be kept and reused:
/// <see cref="Clear"/> keeps the storage, so steady state allocates nothing. One that holds a body has its storage from its worker's pool,
/// where it counts against the memory of the process, and gives it back by <see cref="Release"/>.
/// </summary>
public sealed class ByteWriter : FilterBuffer
{
    private readonly BufferPool? _pool;
    private byte[] _bytes;
    private int _length;

    public ByteWriter(int capacity = 1024) => _bytes = capacity == 0 ? [] : new byte[capacity];

    internal ByteWriter(BufferPool pool) => (_pool, _bytes) = (pool, []);

    public override int Length => _length;
    public override ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);
    public ReadOnlyMemory<byte> WrittenMemory => _bytes.AsMemory(0, _length);
    internal byte[] Storage => _bytes;

    public override void Clear() => _length = 0;

    /// <summary>Forgets everything, and the storage where it is the pool's or larger than <paramref name="keep"/> bytes.</summary>
    internal void Release(int keep = 0)
    {
        _length = 0;
        if (_bytes.Length == 0 || (_pool is null && _bytes.Length <= keep)) return;
        _pool?.Return(_bytes);
        _bytes = [];
    }

    /// <summary>Forgets everything after <paramref name="length"/> bytes.</summary>
    public override void Truncate(int length) => _length = Math.Min(_length, length);

    /// <summary>Forgets the first <paramref name="count"/> bytes.</summary>
    internal void RemoveFront(int count)
    {
        if (count == 0) return;
        _bytes.AsSpan(count, _length - count).CopyTo(_bytes);
        _length -= count;
    }

    /// <summary>Room for at least <paramref name="size"/> bytes; call <see cref="Advance"/> with what was used.</summary>
    public Span<byte> GetSpan(int size)
    {
        if (_bytes.Length - _length < size) Grow(size);
        return _bytes.AsSpan(_length);
    }

    public void Advance(int count) => _length += count;

    public override void Write(ReadOnlySpan<byte> value)
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

    private void Grow(int size)
    {
        if (_pool is null) { Array.Resize(ref _bytes, Math.Max(Math.Max(512, _bytes.Length * 2), _length + size)); return; }
        byte[] larger = _pool.Rent(_length + size);
        Written.CopyTo(larger);
        if (_bytes.Length > 0) _pool.Return(_bytes);
        _bytes = larger;
    }
}
