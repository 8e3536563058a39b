using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Core.Transport;

/// <summary>
/// What was read from a connection and not yet used, in one contiguous run. Protocol of use: <see cref="Fill"/> reads what is there, look
/// at
/// <see cref="Unread"/>, <see cref="Consume"/>; before waiting <see cref="Settle"/>. A slice stays valid until the next of these but
/// Consume.
/// </summary>
internal sealed class InputBuffer(BufferPool pool)
{
    private byte[]? _bytes;
    private int _start, _end;

    public int Length => _end - _start;
    public Span<byte> Unread => _bytes.AsSpan(_start, _end - _start);
    public ReadOnlyMemory<byte> Slice(int offset, int length) => _bytes.AsMemory(_start + offset, length);

    public void Consume(int count) => _start += count;

    /// <summary>Takes back what was consumed since the last filling, to be read once more.</summary>
    public void Rewind(int count) => _start -= count;

    /// <summary>
    /// Reads what is there without waiting: bytes, 0 at the end, -EAGAIN when there is nothing, else -errno. A large body is worth a large
    /// buffer; what comes to little that has settled is added to it in a buffer of its size.
    /// </summary>
    public int Fill(Transport from, bool large = false)
    {
        if (_bytes is { Length: < BufferPool.SmallSize } && _start < _end) return FillSettled(from);
        int n = from.TryRead(Space(large).Span);
        if (n > 0) _end += n;
        return n;
    }

    /// <summary>Before waiting: no buffer when nothing is kept, one of about its size when little is.</summary>
    public void Settle()
    {
        if (_bytes is null) return;
        if (_start == _end) { Release(); return; }
        if (_bytes.Length > BufferPool.SmallSize / 4 && Length <= BufferPool.SmallSize / 4) Move(pool.Rent(Length));
    }

    /// <summary>
    /// Free room behind the unread bytes; grows when they fill the buffer. <see cref="Filled"/> tells how much of it was used.
    /// </summary>
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
            int wanted = large ? BufferPool.LargeSize : BufferPool.SmallSize;
            if (_bytes.Length < wanted) Move(pool.Rent(wanted));
        }
        else if (_end == _bytes.Length)
        {
            if (_start > 0) Compact(); else Move(pool.Rent(_bytes.Length + 1));
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

    /// <summary>What is unread goes back to where it came from, to be read there again. It keeps nothing.</summary>
    public void GiveBack(Transport to)
    {
        if (_bytes is null) return;
        if (_start == _end || to.IsClosed) Release(); else to.Unread(_bytes, _start, _end);
        _bytes = null;
        _start = _end = 0;
    }

    private int FillSettled(Transport from)
    {
        byte[] scratch = pool.Rent();
        int n = from.TryRead(scratch);
        if (n > 0)
        {
            if (_bytes!.Length - _end < n)
            {
                if (Length + n <= _bytes.Length) Compact(); else Move(pool.Rent(Length + n));
            }
            scratch.AsSpan(0, n).CopyTo(_bytes.AsSpan(_end));
            _end += n;
        }
        pool.Return(scratch);
        return n;
    }

    private void Compact()
    {
        Unread.CopyTo(_bytes);
        _end -= _start;
        _start = 0;
    }

    private void Move(byte[] other)
    {
        Unread.CopyTo(other);
        pool.Return(_bytes!);
        _end -= _start;
        _start = 0;
        _bytes = other;
    }
}
