using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Core.Compression;

/// <summary>A context that compresses or decompresses messages, one after the other, each in pieces; one worker's own.</summary>
internal abstract class Codec : IDisposable
{
    /// <summary>Room that is asked for at a time.</summary>
    protected const int Step = 16 * 1024;

    /// <summary>Forgets a message that was begun, ended or not; before each.</summary>
    public abstract void Reset();

    /// <summary>About how much memory it has of its own at present, in bytes.</summary>
    public abstract long MemoryBytes { get; }

    public abstract void Dispose();
}

/// <summary>Compresses.</summary>
internal abstract class Encoder : Codec
{

    /// <summary>
    /// Compresses a piece, all of which the peer can read afterwards. <paramref name="end"/>: the message ends with it.
    /// </summary>
    public abstract void Write(ReadOnlySpan<byte> piece, ByteWriter to, bool end);
}

/// <summary>Decompresses.</summary>
internal abstract class Decoder : Codec
{
    /// <summary>
    /// Decompresses a piece, all of it or until more than <paramref name="most"/> bytes have come of it. False: the bytes are no such
    /// message.
    /// </summary>
    public abstract bool TryWrite(ReadOnlySpan<byte> piece, ByteWriter to, long most);

    /// <summary>The message may end here.</summary>
    public abstract bool IsWhole { get; }
}
