namespace Managed.Proxy.Core.FaultInjection;

/// <summary>
/// Where tests let something fail that fails too seldom to wait for: no memory, a kernel that refuses, a bug of a filter. A point stands
/// where something is taken or handed over; what has been taken by then is to be given back.
/// <para>Off unless the process is started with the switch <c>Managed.Proxy.FaultPoints</c> (tests/Proxy.Tests is). The field is read-only,
/// so compiled code has no trace of a point that is off.</para>
/// </summary>
internal enum FaultPoint
{
    // On workers.
    Accept, Serve, ConnectionEnd, Socket, PollerAdd, Exchange, FilterCreate, FilterDestroy, NetworkFilterCreate, PoolAcquire, Connected,
    BufferRent, TimerArm, AccessLog, StartAccepting, Drain, Install,
    // On control threads.
    Build, Bind, UseNames, Prepare, Commit, Committed, DnsWatch, Post, Acknowledge, TakeBack, Remove, Sweep, Release,
}

/// <summary>See <see cref="FaultPoint"/>.</summary>
internal static class Faults
{
    private static readonly bool On = AppContext.TryGetSwitch("Managed.Proxy.FaultPoints", out bool on) && on;

    /// <summary>Told of each point as it is passed, on its thread; throws where it is to fail. One test at a time.</summary>
    public static Action<FaultPoint>? Handler { get; set; }

    /// <summary>Whether points are passed at all.</summary>
    public static bool AreOn => On;

    public static void Pass(FaultPoint point)
    {
        if (On) Handler?.Invoke(point);
    }
}
