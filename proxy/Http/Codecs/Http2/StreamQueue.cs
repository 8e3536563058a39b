namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>Streams in the order in which they came; each is in one of them at most, and out of it at once.</summary>
internal sealed class StreamQueue
{
    private Http2Stream? _first, _last;

    public int Count { get; private set; }

    public void Add(Http2Stream stream)
    {
        stream.Queue?.Remove(stream);
        stream.Queue = this;
        stream.Previous = _last;
        stream.Next = null;
        if (_last is null) _first = stream; else _last.Next = stream;
        _last = stream;
        Count++;
    }

    public Http2Stream? Take()
    {
        var stream = _first;
        if (stream is not null) Remove(stream);
        return stream;
    }

    public void Remove(Http2Stream stream)
    {
        if (stream.Queue != this) return;
        if (stream.Previous is null) _first = stream.Next; else stream.Previous.Next = stream.Next;
        if (stream.Next is null) _last = stream.Previous; else stream.Next.Previous = stream.Previous;
        stream.Next = stream.Previous = null;
        stream.Queue = null;
        Count--;
    }
}
