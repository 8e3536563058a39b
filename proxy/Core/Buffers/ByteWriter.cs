using System.Buffers.Text;
using System.Text;
using Managed.Filters;

namespace Managed.Proxy.Core.Buffers;

/// <summary>
/// A growable run of bytes that one worker writes into and then sends or copies. Meant to be kept and reused:
/// <see cref="Clear"/> keeps the storage, so steady state allocates nothing. One that holds a body has its storage from its worker's pool,
/// where it counts against the memory of the process, and gives it back by <see cref="Release"/>.
/// </summary>
public sealed unsafe class ByteWriter : FilterBuffer
{
    private readonly BufferPool? _pool;
    private byte[] _bytes; // none while there is a huge buffer
    private HugeBuffer? _huge;
    private int _length;

    public ByteWriter(int capacity = 1024) => _bytes = capacity == 0 ? [] : new byte[capacity];

    internal ByteWriter(BufferPool pool) => (_pool, _bytes) = (pool, []);

    public override int Length => _length;
    public override ReadOnlySpan<byte> Written => Storage[.._length];
    public ReadOnlyMemory<byte> WrittenMemory => _huge is null ? _bytes.AsMemory(0, _length) : _huge.Memory[.._length];
    /// <summary>All bytes that there is room for; those that were written come first.</summary>
    internal Span<byte> Storage => _huge is null ? _bytes : new Span<byte>(_huge.Start, _huge.Committed);

    public override void Clear() => _length = 0;

    /// <summary>Forgets everything, and the storage where it is the pool's or larger than <paramref name="keep"/> bytes.</summary>
    internal void Release(int keep = 0)
    {
        _length = 0;
        GiveBack(_huge);
        _huge = null;
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
        var all = Storage;
        all[count.._length].CopyTo(all);
        _length -= count;
    }

    /// <summary>Room for at least <paramref name="size"/> bytes; call <see cref="Advance"/> with what was used.</summary>
    public Span<byte> GetSpan(int size)
    {
        if (_bytes.Length - _length >= size) return _bytes.AsSpan(_length);
        GiveBack(Grow(size));
        return Storage[_length..];
    }

    public void Advance(int count) => _length += count;

    public override void Write(ReadOnlySpan<byte> value)
    {
        if (_bytes.Length - _length >= value.Length) value.CopyTo(_bytes.AsSpan(_length));
        else
        {
            var former = Grow(value.Length);
            value.CopyTo(Storage[_length..]); // which may be of the former storage
            GiveBack(former);
        }
        _length += value.Length;
    }

    public void Write(byte value)
    {
        byte[] bytes = _bytes;
        int at = _length;
        if ((uint)at < (uint)bytes.Length) bytes[at] = value;
        else GetSpan(1)[0] = value;
        _length = at + 1;
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

    // Asked each time where there is a huge buffer, since the array that there is not has no room. Returns the huge buffer that it left.
    private HugeBuffer? Grow(int size)
    {
        int wanted = checked(_length + size);
        if (_pool is null) Array.Resize(ref _bytes, Math.Max(Math.Max(512, _bytes.Length * 2), wanted));
        else if (_huge is not null && wanted <= _huge.Size) _pool.Commit(_huge, wanted);
        else if (wanted > BufferPool.LargeSize)
        {
            var former = _huge;
            var huge = _pool.RentHuge(wanted);
            Written.CopyTo(huge.GetSpan());
            if (_bytes.Length > 0) _pool.Return(_bytes);
            (_bytes, _huge) = ([], huge);
            return former;
        }
        else
        {
            byte[] larger = _pool.Rent(wanted);
            Written.CopyTo(larger);
            if (_bytes.Length > 0) _pool.Return(_bytes);
            _bytes = larger;
        }
        return null;
    }

    private void GiveBack(HugeBuffer? former)
    {
        if (former is not null) _pool!.Return(former);
    }
}
