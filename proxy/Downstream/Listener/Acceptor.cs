using Managed.Proxy.Core.FaultInjection;
using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Limits;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>[1] One worker's socket of one address. A new connection gets the version that is current when it is accepted.</summary>
internal sealed unsafe class Acceptor : IPollable
{
    // Out of descriptors though there is a reserve, or the machine is: accepting would fail again at once, and the level-triggered event
    // would spin.
    private const long PauseMicros = 100_000;

    /// <summary>
    /// Connections that are accepted in one turn of the loop where the listener does not say: some 0.3 ms of work. The rest is taken in the
    /// next, so that a crowd at the door does not keep those who are inside from being served.
    /// </summary>
    public const int AcceptsPerTurn = 16;

    private readonly WorkerConnections _connections;
    private readonly WorkerContext _worker;
    private readonly string _key;
    private readonly WheelTimer _resume;
    private int _fd;
    private Generation? _seen; // the version that was current
    private ListenerGeneration? _generation; // the one that the listener is of
    private Listener? _listener;

    public Acceptor(WorkerConnections connections, string key, int fd)
    {
        _connections = connections;
        _worker = connections.Worker;
        _key = key;
        _fd = fd;
        _resume = new WheelTimer(static a => ((Acceptor)a!).Resume(), this);
    }

    public override string ToString() => $"accepting on {_key}";

    /// <summary>Where the kernel refuses, it is asked again: connections that nobody accepts would hang.</summary>
    public void Start()
    {
        if (_worker.Loop.Poller.Add(_fd, this, Libc.EpollIn | Libc.EpollExclusive) < 0) _worker.Timers.Arm(_resume, PauseMicros);
    }

    /// <summary>
    /// What waits in the kernel's queue is taken first, so that nobody who was let in is reset, and nobody waits for whom it was this
    /// worker that the kernel woke. Where another process has the socket too, closing it would not end its events here.
    /// </summary>
    public void Stop()
    {
        if (_fd < 0) return;
        try
        {
            _worker.Loop.Poller.Remove(_fd);
            AcceptMany(int.MaxValue);
        }
        finally
        {
            _worker.Timers.Remove(_resume);
            Libc.close(_fd);
            _fd = -1;
        }
    }

    public void OnEvents(uint events)
    {
        var listener = Current();
        AcceptMany(listener?.Config.MaxConnectionsToAcceptPerSocketEvent ?? AcceptsPerTurn);
    }

    private Listener? Current()
    {
        var current = _connections.Current;
        if (current is not null && ReferenceEquals(current, _seen)) return _listener;
        // A listener that was just removed still serves what had connected before, on the last version that had it.
        _generation = current is null ? null : Has((ListenerGeneration)current) ?? Has(_connections.Taken) ?? Has(_connections.Former);
        _listener = _generation?.FindListener(_key);
        _seen = current;
        return _listener;

        ListenerGeneration? Has(ListenerGeneration? version) => version?.FindListener(_key) is null ? null : version;
    }

    private void AcceptMany(int most)
    {
        byte* raw = stackalloc byte[128];
        while (most-- > 0)
        {
            int length = 128;
            // [1.1] Take it.
            int fd = Libc.accept4(_fd, raw, &length, Libc.SockNonBlock | Libc.SockCloExec);
            if (fd < 0)
            {
                int errno = Libc.Errno;
                if (errno == Libc.EAgain) return;
                if (errno is Libc.EConnAborted or Libc.EProto or Libc.EIntr) continue; // that one is gone, the next may be there
                Pause(); // no descriptor, no memory, or what does not pass by itself
                return;
            }
            var listener = Current();
            if (listener is null) { Libc.close(fd); continue; }
            if (!DescriptorBudget.Process.LeavesRoomBeyondDownstream(fd))
            {
                // Told at once, rather than left to wait in a queue that nobody empties.
                Libc.close(fd);
                _worker.Stats.Increment(listener.Stats.GlobalCxOverflow);
                continue;
            }
            // [1.2] Is there room for it?
            if (!_connections.Admits(listener)) { Libc.close(fd); continue; }
            var from = new ReadOnlySpan<byte>(raw, Math.Min(length, 128));
            // [1.3] Hand it over.
            if (listener.Balance is { } balance && balance.Enter(_worker.Id) is var worker && worker != _worker.Id)
                Pass(fd, from.ToArray(), listener, worker, balance);
            else Serve(fd, from, listener, _generation!, ReferenceEquals(_generation, _seen));
        }
    }

    private void Serve(int fd, ReadOnlySpan<byte> from, Listener listener, ListenerGeneration generation, bool isCurrent)
        => _connections.Serve(Take(fd, from, listener), listener, generation, isCurrent, _key);

    /// <summary>The acceptors of the same address on the other workers, by their number.</summary>
    public Acceptor?[] Others { get; init; } = [];

    // To a worker with fewer connections, which has it from then on.
    private void Pass(int fd, byte[] from, Listener listener, int worker, ExactBalance balance)
    {
        bool passed = false;
        try
        {
            var (generation, isCurrent) = (_generation!, ReferenceEquals(_generation, _seen));
            if (Others[worker] is not { } other)
            {
                // It has not begun to accept yet.
                passed = true;
                balance.Leave(worker);
                balance.EnterAt(_worker.Id);
                Serve(fd, from, listener, generation, isCurrent);
                return;
            }
            other._worker.Post(static s =>
            {
                var (to, fd, from, listener, generation, isCurrent) =
                    ((Acceptor, int, byte[], Listener, ListenerGeneration, bool))s!;
                to.Serve(fd, from, listener, generation, isCurrent);
            }, (other, fd, from, listener, generation, isCurrent));
            passed = true;
        }
        finally
        {
            if (!passed)
            {
                Libc.close(fd);
                balance.Leave(worker);
                _connections.LeaveUncounted(listener);
            }
        }
    }

    // It is admitted already.
    private SocketTransport Take(int fd, ReadOnlySpan<byte> from, Listener listener)
    {
        SocketTransport? transport = null;
        try
        {
            Faults.Pass(FaultPoint.Accept);
            transport = SocketTransport.Accepted(_worker.Loop, fd, from);
            transport.Owner = listener.Name;
            return transport;
        }
        finally
        {
            if (transport is null)
            {
                Libc.close(fd);
                _connections.Leave(listener, !listener.Config.IgnoreGlobalConnLimit);
            }
        }
    }

    private void Pause()
    {
        if (_resume.IsArmed) return;
        _worker.Loop.Poller.Remove(_fd);
        _worker.Timers.Arm(_resume, PauseMicros);
    }

    private void Resume()
    {
        if (_fd >= 0) Start();
    }
}
