using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Upstream.Pools;

/// <summary>The way to give up a connection that is being made: by its time-out or by its stream.</summary>
internal sealed class ConnectAttempt
{
    private readonly WheelTimer _timer;
    private SocketTransport? _transport;

    public ConnectAttempt() => _timer = new WheelTimer(static a => ((ConnectAttempt)a!)._transport?.CancelWrite(Libc.ETimedOut), this);

    public void Begin(WorkerContext worker, SocketTransport transport, long timeoutMicros)
    {
        _transport = transport;
        worker.Timers.Arm(_timer, timeoutMicros);
    }

    public void End(WorkerContext worker)
    {
        _transport = null;
        worker.Timers.Remove(_timer);
    }

    public void Cancel() => _transport?.CancelWrite(Libc.ECanceled);
}
