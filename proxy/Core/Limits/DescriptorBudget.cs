using Managed.Proxy.Core.EventLoop;

namespace Managed.Proxy.Core.Limits;

/// <summary>
/// Who may have the process's descriptors (RLIMIT_NOFILE). Clients get them up to a bound, connections to upstreams some more, and the
/// rest is kept for what must go on when the former are used up: admin port, history, logs, listeners.
/// <para>Nobody counts: the kernel gives the lowest number that is free, so the number of a new descriptor says how many there are at
/// least. Whoever gets one beyond its bound closes it again, which takes no lock and cannot drift.</para>
/// </summary>
public sealed class DescriptorBudget
{
    // The reserve covers an admin port at its limit and as much again: history and log files, names being resolved, code being loaded.
    private const int MinReserve = 64, MaxReserve = 1024, MinUpstream = 16, MaxUpstream = 4096, Share = 8;

    // 512 KiB of the kernel's memory; who has more connections than that stands for a moment at each doubling.
    private const int MostAtOnce = 65_536;

    private readonly int _downstream, _upstream;

    /// <param name="limit">How many descriptors the process may have.</param>
    public DescriptorBudget(int limit)
    {
        Limit = limit;
        Reserve = Math.Clamp(limit / Share, MinReserve, MaxReserve);
        _upstream = limit - Reserve;
        _downstream = _upstream - Math.Clamp(limit / Share, MinUpstream, MaxUpstream);
    }

    /// <summary>This process's; its soft limit is raised to the hard one.</summary>
    public static DescriptorBudget Process { get; } = new(Libc.MaxDescriptors());

    public int Limit { get; }
    public int Reserve { get; }
    /// <summary>Connections that the admin port may have at once.</summary>
    public int AdminConnections => Reserve / 2;

    /// <summary>
    /// Has the kernel make the table of descriptors large now, 8 bytes for each. As it doubles later, each time a new connection is the one
    /// too many, every worker that accepts stands still for 8 to 16 ms: the kernel waits until no processor looks at the former table.
    /// </summary>
    public void MakeTable()
    {
        int last = Libc.fcntl(0, Libc.DupFdCloExec, Math.Min(Limit, MostAtOnce) - 1);
        if (last >= 0) Libc.close(last);
    }

    /// <summary>Whether a client's connection may keep this descriptor.</summary>
    public bool LeavesRoomBeyondDownstream(int fd) => fd < _downstream;

    /// <summary>Whether a connection to an upstream may keep it.</summary>
    public bool LeavesRoomBeyondUpstream(int fd) => fd < _upstream;
}
