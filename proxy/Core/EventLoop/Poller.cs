using System.Runtime.InteropServices;
using Managed.Proxy.Core.FaultInjection;

namespace Managed.Proxy.Core.EventLoop;

/// <summary>Gets what happened to a descriptor, on the loop's thread.</summary>
internal interface IPollable
{
    /// <param name="events">EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR.</param>
    void OnEvents(uint events);

    /// <summary>It threw, so nobody knows what state it is in: what it stands for is to be given up.</summary>
    void Abandon() { }
}

/// <summary>
/// The seam under the loop: readiness of descriptors by epoll. Another backend (io_uring) replaces this class and
/// <see cref="Transport.SocketTransport"/> and nothing else.
/// <para>An event carries descriptor and generation: when a descriptor is closed and its number reused within one batch of events, the
/// stale event's generation no longer matches and it is dropped.</para>
/// </summary>
internal sealed unsafe class Poller : IDisposable
{
    private struct Slot
    {
        public IPollable? Target;
        public uint Generation;
    }

    private const int BatchSize = 512;
    // epoll_event is packed on x86-64 and padded elsewhere.
    private static readonly int EventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int DataOffset = EventSize - 8;

    private readonly int _epoll;
    private readonly byte* _events;
    private Slot[] _slots = new Slot[1024];

    public Poller()
    {
        _epoll = Libc.epoll_create1(Libc.EpollCloExec);
        if (_epoll < 0) throw new InvalidOperationException("epoll_create1: " + Libc.Describe(Libc.Errno));
        _events = (byte*)NativeMemory.AllocZeroed((nuint)(BatchSize * EventSize));
    }

    /// <returns>0 or -errno.</returns>
    public int Add(int fd, IPollable target, uint events)
    {
        Faults.Pass(FaultPoint.PollerAdd);
        if (fd >= _slots.Length) Array.Resize(ref _slots, Math.Max(fd + 1, _slots.Length * 2));
        ref var slot = ref _slots[fd];
        slot.Target = target;
        slot.Generation++;
        return Control(Libc.EpollCtlAdd, fd, events, slot.Generation);
    }

    public int Modify(int fd, uint events) => Control(Libc.EpollCtlMod, fd, events, _slots[fd].Generation);

    /// <summary>Before closing the descriptor; closing itself takes it out of the kernel's set.</summary>
    public void Forget(int fd)
    {
        ref var slot = ref _slots[fd];
        slot.Target = null;
        slot.Generation++;
    }

    /// <summary>As <see cref="Forget"/>, for a descriptor that stays open.</summary>
    public void Remove(int fd)
    {
        Control(Libc.EpollCtlDel, fd, 0, 0);
        Forget(fd);
    }

    /// <summary>Waits and keeps the batch for <see cref="Take"/>.</summary>
    public int Wait(int timeoutMs) => Libc.epoll_wait(_epoll, _events, BatchSize, timeoutMs);

    /// <summary>The batch's event <paramref name="i"/>, and whom it is for; null: for nobody any more.</summary>
    public IPollable? Take(int i, out uint events)
    {
        byte* e = _events + i * EventSize;
        ulong data = *(ulong*)(e + DataOffset);
        ref var slot = ref _slots[(int)(uint)data];
        events = *(uint*)e;
        return slot.Generation == (uint)(data >> 32) ? slot.Target : null;
    }

    public void Dispose()
    {
        Libc.close(_epoll);
        NativeMemory.Free(_events);
    }

    private int Control(int op, int fd, uint events, uint generation)
    {
        byte* e = stackalloc byte[16];
        *(uint*)e = events;
        *(ulong*)(e + DataOffset) = ((ulong)generation << 32) | (uint)fd;
        return Libc.epoll_ctl(_epoll, op, fd, e) < 0 ? -Libc.Errno : 0;
    }
}
