
namespace Managed.Proxy.Core.Buffers;

/// <summary>
/// What was read from a connection and not yet used, in one contiguous run. Holds a pooled buffer only while there is something to
/// hold. Protocol of use: read into <see cref="Space"/>, tell <see cref="Filled"/>, look at <see cref="Unread"/>, <see cref="Consume"/>.
/// A slice stays valid until the next <see cref="Space"/> or <see cref="Release"/>.
/// </summary>
internal sealed class InputBuffer(BufferPool pool)
{
    private byte[]? _bytes;
    private int _start, _end;

    public int Length => _end - _start;
    public Span<byte> Unread => _bytes.AsSpan(_start, _end - _start);
    public ReadOnlyMemory<byte> Slice(int offset, int length) => _bytes.AsMemory(_start + offset, length);

    public void Consume(int count)
    {
        _start += count;
        if (_start == _end) _start = _end = 0;
    }

    /// <summary>Free room behind the unread bytes; grows when they fill the buffer. A large body is worth a large buffer.</summary>
    public Memory<byte> Space(bool large = false)
    {
        if (_bytes is null)
        {
            _bytes = large ? pool.RentLarge() : pool.Rent();
            _start = _end = 0;
        }
        else if (_start == _end)
        {
            _start = _end = 0;
            if (large && _bytes.Length < BufferPool.LargeSize) Move(pool.RentLarge());
        }
        else if (_end == _bytes.Length)
        {
            if (_start > 0) Compact();
            else Move(_bytes.Length < BufferPool.LargeSize ? pool.RentLarge() : new byte[_bytes.Length * 2]);
        }
        return _bytes.AsMemory(_end);
    }

    public void Filled(int count) => _end += count;

    /// <summary>Gives the buffer back when nothing is in it.</summary>
    public void ReleaseIfEmpty()
    {
        if (_start == _end) Release();
    }

    public void Release()
    {
        if (_bytes is not null) pool.Return(_bytes);
        _bytes = null;
        _start = _end = 0;
    }

    private void Compact()
    {
        Unread.CopyTo(_bytes);
        _end -= _start;
        _start = 0;
    }

    private void Move(byte[] larger)
    {
        Unread.CopyTo(larger);
        pool.Return(_bytes!);
        _end -= _start;
        _start = 0;
        _bytes = larger;
    }
}
