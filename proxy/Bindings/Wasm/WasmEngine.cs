using System.Runtime;
using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Wasmtime;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>
/// The process's one Wasmtime engine, and the clock that lets it interrupt guests: a thread moves the engine's epoch on while there are
/// VMs. (The road not taken: fuel costs half as much again in tight loops, and counts instructions where operators think in time.)
/// </summary>
internal static class WasmEngine
{
    /// <summary>Between two looks at a running guest.</summary>
    public const int TickMs = 2;
    private const long MaxUnmapped = 1 << 20; // bytes

    private static readonly Lock Gate = new();
    private static readonly AutoResetEvent Wanted = new(false);
    private static long s_live, s_created;
    private static bool s_ticking;

    public static Engine Shared { get; } = new(new Config()
        .WithEpochInterruption(true)
        .WithWasmThreads(false).WithMemory64(false).WithMultiMemory(false)
        // Workers run beside the compiler; it gets one core, not all.
        .WithParallelCompilation(false));

    /// <summary>VMs there are in the process, and how many there ever were.</summary>
    public static long Live => Volatile.Read(ref s_live);
    public static long Created => Volatile.Read(ref s_created);

    /// <summary>
    /// CPU time of the present thread, in microseconds, without what the runtime compiled on it: that a host function is called for the
    /// first time is not the guest's fault.
    /// </summary>
    internal static long ThreadMicros()
        => Libc.ThreadCpuMicros() - JitInfo.GetCompilationTime(currentThread: true).Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>
    /// Microseconds of all collections, where they run on the thread that happens to need memory and may be in <see cref="ThreadMicros"/>
    /// (so on a machine with one processor); 0 where the collector has threads of its own.
    /// </summary>
    internal static long CollectedMicros() => GCSettings.IsServerGC ? 0 : GC.GetTotalPauseDuration().Ticks / TimeSpan.TicksPerMicrosecond;

    internal static void Enter()
    {
        Interlocked.Increment(ref s_created);
        Interlocked.Increment(ref s_live);
        lock (Gate)
        {
            if (!s_ticking)
            {
                s_ticking = true;
                new Thread(Tick) { Name = "wasm-epoch", IsBackground = true }.Start();
            }
        }
        Wanted.Set();
    }

    /// <summary>The VM is gone. Giving much memory back to the system takes its time, and workers have none.</summary>
    internal static void Leave(Store store, long memory)
    {
        Interlocked.Decrement(ref s_live);
        if (memory > MaxUnmapped) Chores.Add(store.Dispose); else store.Dispose();
    }

    private static void Tick()
    {
        // Where the process may: on a busy machine each look that comes late is time that a guest takes from everybody.
        _ = Libc.setpriority(0, 0, -10);
        using var pause = new ManualResetEvent(false);
        while (true)
        {
            pause.WaitOne(TickMs);
            Shared.IncrementEpoch();
            if (Live == 0) Wanted.WaitOne();
        }
    }
}
