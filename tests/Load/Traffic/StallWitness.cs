using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Managed.Load.Traffic;

/// <summary>
/// Tells how long the machine itself stood still: on each CPU a thread that goes before all others sleeps and looks how late it wakes up.
/// On a guest of a busy host that is tens of milliseconds a minute, which no process in it can be blamed for.
/// </summary>
internal sealed unsafe partial class StallWitness : IDisposable
{
    private const int Fifo = 1; // SCHED_FIFO
    private static readonly long Nap = Stopwatch.Frequency / 500, Usual = Stopwatch.Frequency / 250; // 2 ms; lateness of up to 4 is usual

    private readonly Thread[] _threads = new Thread[Environment.ProcessorCount];
    private long _late;
    private volatile bool _stop;

    public StallWitness()
    {
        for (var cpu = 0; cpu < _threads.Length; cpu++)
        {
            int mine = cpu;
            _threads[cpu] = new Thread(() => Run(mine)) { IsBackground = true, Name = "witness" };
            _threads[cpu].Start();
        }
    }

    /// <summary>Since it began, milliseconds, the mean of the CPUs; 0 where it may not have threads of that priority.</summary>
    public double StalledMs => Volatile.Read(ref _late) * 1000.0 / Stopwatch.Frequency / _threads.Length;

    public void Dispose()
    {
        _stop = true;
        foreach (var thread in _threads) thread.Join();
    }

    private void Run(int cpu)
    {
        ulong only = 1UL << cpu;
        int priority = 1;
        if (cpu > 63 || SetAffinity(0, sizeof(ulong), &only) != 0 || SetScheduler(0, Fifo, &priority) != 0) return;
        while (!_stop)
        {
            long began = Stopwatch.GetTimestamp();
            Readiness.Wait([], Nap);
            long late = Stopwatch.GetTimestamp() - began - Nap;
            if (late > Usual) Interlocked.Add(ref _late, late);
        }
    }

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int thread, nuint size, ulong* cpus);

    [LibraryImport("libc", EntryPoint = "sched_setscheduler")]
    private static partial int SetScheduler(int thread, int policy, int* priority);
}
