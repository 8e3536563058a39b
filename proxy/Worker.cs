using Managed.Proxy.Core;
using Managed.Proxy.Core.Limits;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Http;
using Managed.Proxy.Upstream;

namespace Managed.Proxy;

/// <summary>
/// One thread that carries traffic: an event loop with its sockets, timers, pools and counters. A connection lives and dies on the
/// worker that accepted it. What code on the thread may use of it is in <see cref="WorkerContext"/>.
/// </summary>
public sealed class Worker : WorkerContext
{
    private long _step;

    internal Worker(int id, StatsRegistry stats, Overload overload, Reports reports, CurrentGeneration current,
        Action<StreamTrace>? traceStarted) : base(id, stats, overload, reports)
    {
        Connections = new WorkerConnections(this, current);
        current.Give(this);
        StreamTrace.GiveTo(this, traceStarted);
    }

    internal WorkerConnections Connections { get; }

    /// <summary>The last step of the publications that it has behind it. Any thread.</summary>
    internal long Step => Volatile.Read(ref _step);

    /// <summary>Nothing begins any more on the versions before the one that is taken.</summary>
    internal void PassStep(long step)
    {
        Connections.ForgetFormer();
        Volatile.Write(ref _step, step);
    }
}
