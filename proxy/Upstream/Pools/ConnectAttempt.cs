using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Upstream.Pools;

/// <summary>The way to give up a connection that is being made: by its time-out or by its stream.</summary>
internal sealed class ConnectAttempt
{
    private readonly WheelTimer _timer;
    private Transport? _transport;

    public ConnectAttempt() => _timer = new WheelTimer(static a => ((ConnectAttempt)a!).Cancel(Libc.ETimedOut), this);

    /// <summary>Why the last attempt failed, where the error number says too little.</summary>
    public string? Reason { get; set; }
    /// <summary>What the last attempt was given up for; 0 when it was not.</summary>
    public int Errno { get; private set; }

    public void Begin(WorkerContext worker, Transport transport, long timeoutMicros)
    {
        _transport = transport;
        Errno = 0;
        worker.Timers.Arm(_timer, timeoutMicros);
    }

    public void End(WorkerContext worker)
    {
        _transport = null;
        worker.Timers.Remove(_timer);
    }

    public void Cancel() => Cancel(Libc.ECanceled);

    // Connecting waits as a write does; the handshake of a transport socket reads and writes.
    private void Cancel(int errno)
    {
        if (_transport is not { } transport) return;
        Errno = errno;
        transport.CancelWrite(errno);
        transport.CancelRead(errno);
    }
}
