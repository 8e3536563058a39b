using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>
/// The bytes of one stream's body that have come and are not taken, in buffers of the worker's pool. What is given out stays valid until
/// the
/// next is asked for; so <see cref="Length"/> counts it until then. Its window bounds it.
/// </summary>
internal sealed class BodyQueue(BufferPool pool)
{
    private struct Piece
    {
        public byte[] Bytes;
        public int Start, End;
    }

    private Piece[] _pieces = new Piece[4]; // a ring
    private int _first, _count, _given;

    /// <summary>What is not taken, what was given out last included.</summary>
    public int Length { get; private set; }
    public bool HasMore => Length > _given;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        Length += bytes.Length;
        if (_count > 0)
        {
            ref var last = ref At(_count - 1);
            int fits = Math.Min(bytes.Length, last.Bytes.Length - last.End);
            bytes[..fits].CopyTo(last.Bytes.AsSpan(last.End));
            last.End += fits;
            bytes = bytes[fits..];
        }
        while (bytes.Length > 0)
        {
            if (_count == _pieces.Length) Grow();
            // One buffer of about the size while it is all there is; what comes faster than it is taken gets whole ones.
            byte[] buffer = _count == 0 && bytes.Length < BufferPool.SmallSize ? pool.Rent(bytes.Length) : pool.Rent();
            int n = Math.Min(bytes.Length, buffer.Length);
            bytes[..n].CopyTo(buffer);
            _count++;
            At(_count - 1) = new Piece { Bytes = buffer, End = n };
            bytes = bytes[n..];
        }
    }

    /// <summary>Lets go of what was given out last, whose length it returns.</summary>
    public int Taken()
    {
        int taken = _given;
        if (taken == 0) return 0;
        _given = 0;
        Length -= taken;
        ref var first = ref At(0);
        first.Start += taken;
        if (first.Start == first.End) Drop();
        return taken;
    }

    /// <summary>The next run; empty when there is none. Call <see cref="Taken"/> before.</summary>
    public ReadOnlyMemory<byte> Give()
    {
        if (_count == 0) return default;
        ref var first = ref At(0);
        _given = first.End - first.Start;
        return first.Bytes.AsMemory(first.Start, _given);
    }

    /// <summary>Lets go of everything; returns how much it was.</summary>
    public int Clear()
    {
        int all = Length;
        while (_count > 0) Drop();
        Length = _given = 0;
        return all;
    }

    private ref Piece At(int index) => ref _pieces[(_first + index) & (_pieces.Length - 1)];

    private void Drop()
    {
        ref var first = ref At(0);
        pool.Return(first.Bytes);
        first = default;
        _first = (_first + 1) & (_pieces.Length - 1);
        _count--;
    }

    private void Grow()
    {
        var larger = new Piece[_pieces.Length * 2];
        for (int i = 0; i < _count; i++) larger[i] = At(i);
        _pieces = larger;
        _first = 0;
    }
}
