using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;

namespace Managed.Proxy.Http.Filters.Native.Plugins;

/// <summary>What one call of a plug-in takes, from here to <see cref="Done"/>.</summary>
internal readonly struct NativeTiming(NativePlugin plugin, WorkerContext worker)
{
    /// <summary>Microseconds when it began.</summary>
    public long Micros { get; } = NowMicros;
    /// <summary>Bytes that the thread had allocated.</summary>
    public long Bytes { get; } = GC.GetAllocatedBytesForCurrentThread();
    /// <summary>The thread's processor time, which costs a system call: only of a plug-in that took long before; else -1.</summary>
    public long Cpu { get; } = plugin.IsSuspect(worker) ? Libc.ThreadCpuMicros() : -1;

    public static long NowMicros
        => System.Diagnostics.Stopwatch.GetTimestamp() / (System.Diagnostics.Stopwatch.Frequency / 1_000_000);

    public void Done() => plugin.OnCalled(worker, this);
}
