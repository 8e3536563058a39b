using System.Net;
using Managed.Proxy.Core.EventLoop;

namespace Managed.Proxy.Core.Transport;

/// <summary>
/// A byte stream to one peer, on one worker. Results are counts or, negative, errno values: no exception for what the network may do.
/// At most one read (or <see cref="ReadableAsync"/>) and one write at a time; each may be awaited while the other is under way.
/// </summary>
internal abstract class Transport
{
    /// <summary>Bytes read; 0 at the end of the stream; -errno.</summary>
    public abstract IoTask<int> ReadAsync(Memory<byte> buffer);

    /// <summary>
    /// Completes with 1 when a read would not wait (data, end or error), without holding a buffer meanwhile; -errno when cancelled.
    /// </summary>
    public abstract IoTask<int> ReadableAsync();

    /// <summary>Without waiting: bytes read, 0 at the end, -EAGAIN when there is nothing yet.</summary>
    public abstract int TryRead(Span<byte> buffer);

    /// <summary>Sends both pieces, in one system call where possible: 0 when the kernel has all of it, else -errno.</summary>
    public abstract IoTask<int> WriteAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second);

    public IoTask<int> WriteAsync(ReadOnlyMemory<byte> data) => WriteAsync(data, default);

    /// <summary>Ends the pending read, if any, with -<paramref name="errno"/>; the stream stays usable.</summary>
    public abstract void CancelRead(int errno);
    /// <summary>Ends the pending write, if any, with -<paramref name="errno"/>; what was not sent is lost, so close afterwards.</summary>
    public abstract void CancelWrite(int errno);

    /// <summary>No more bytes from us; the peer reads an end.</summary>
    public abstract void ShutdownWrite();

    /// <summary>
    /// Closes; pending operations end with -ECANCELED. With <paramref name="reset"/> the peer gets a reset instead of an end.
    /// </summary>
    public abstract void Close(bool reset = false);

    public abstract bool IsClosed { get; }

    /// <summary>Something may be readable now without waiting: data, an end or an error.</summary>
    public abstract bool MayRead { get; }

    /// <summary>Whether there are bytes or an end, known for certain; for who does not want either, as one of the bytes is lost.</summary>
    public bool HasUnread()
    {
        Span<byte> probe = stackalloc byte[1];
        AskAnew();
        return MayRead && TryRead(probe) != -Libc.EAgain;
    }

    /// <summary>The next read is tried whatever was read in this turn of the loop.</summary>
    public virtual void AskAnew() { }

    /// <summary>While set, unasked data also counts as the peer being gone: for idle upstream connections.</summary>
    public virtual void WatchIdle(bool on) { }

    /// <summary>
    /// Bytes that were read and are to be read again, before all else; once, when nothing else of them is left unread. The buffer is the
    /// loop's pool's and goes back to it when they have been read.
    /// </summary>
    public virtual void Unread(byte[] buffer, int start, int end) => throw new NotSupportedException();

    /// <summary>
    /// The peer has reset the connection, though what it sent before may still be read: no answer reaches it. Known without a read.
    /// </summary>
    public virtual bool IsBroken => false;

    /// <summary>
    /// Called when the peer is gone (reset or error) or, with true, has ended its side, while no read is pending. The owner may close. Not
    /// called for what came together with bytes that were read: see <see cref="IsBroken"/>.
    /// </summary>
    public Action<object?, bool>? PeerGone;
    public object? PeerGoneState;

    public abstract IPEndPoint? RemoteAddress { get; }
    public abstract IPEndPoint? LocalAddress { get; }
}
