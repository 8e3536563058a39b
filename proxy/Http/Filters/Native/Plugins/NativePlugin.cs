using Managed.Filters;
using Managed.Proxy.Bindings;
using Managed.Proxy.Bindings.Native;
using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;

namespace Managed.Proxy.Http.Filters.Native.Plugins;

/// <summary>
/// A plug-in with one configuration, and what is known of how it behaves. What it throws never leaves here as an exception: whoever kept
/// one would keep the plug-in's assembly.
/// </summary>
internal sealed class NativePlugin(NativeAssembly assembly, FilterPlugin plugin, int hooks, NativeContext context, NativeConfig config)
    : SharedResource
{
    private const int Kept = 1024;
    private const long Suspicion = 10_000_000; // microseconds

    private readonly long[] _suspectUntil = new long[WorkerContext.MaxWorkers];
    private readonly long _cpuPerCall = (long)config.Limits.CpuPerCall.TotalMicroseconds;
    private readonly long _bytesPerCall = config.Limits.AllocationPerCall;
    // What leads to the plug-in's own objects; gone with its last version, whoever still has this.
    private FilterPlugin? _plugin = plugin;
    private Stack<NativeHost>?[]? _free = new Stack<NativeHost>?[WorkerContext.MaxWorkers];
    private Quarantine? _quarantine;

    public FilterPlugin Instance => _plugin ?? throw new ObjectDisposedException(nameof(NativePlugin));
    /// <summary>What its filters override, in the terms of their kind.</summary>
    public int Hooks => hooks;
    public string Name => context.Name;
    public NativeStats Stats => context.Stats;
    public bool FailsOpen { get; } = config.FailurePolicy == NativeFailurePolicy.FailOpen;
    public override string Title => $"native {Name}";

    /// <summary>Whether a new stream or connection is to do without it; counted.</summary>
    public bool IsLeftOut(WorkerContext worker)
    {
        if (_quarantine?.Holds(worker.NowMicros) != true) return false;
        worker.Stats.Increment(Stats.Quarantined);
        return true;
    }

    /// <summary>A filter that has served another stream on this worker and is fresh again; null when there is none.</summary>
    public NativeHost? TakeFree(WorkerContext worker) => _free?[worker.Id] is { } free && free.TryPop(out var host) ? host : null;

    public void KeepFree(NativeHost host)
    {
        if (_free is not { } all) return;
        var free = all[host.Worker.Id] ??= new();
        if (free.Count < Kept) free.Push(host);
    }

    /// <summary>A call of it took long on this worker lately.</summary>
    public bool IsSuspect(WorkerContext worker) => worker.NowMicros < _suspectUntil[worker.Id];

    /// <summary>
    /// What a call took; over a limit it counts as a failure, though its stream goes on. By the clock alone nothing is held against it: the
    /// processor may have been somebody else's, or the compiler's. It only makes that the next calls are looked at closely.
    /// </summary>
    public void OnCalled(WorkerContext worker, in NativeTiming call)
    {
        long bytes = GC.GetAllocatedBytesForCurrentThread() - call.Bytes, took = NativeTiming.NowMicros - call.Micros;
        worker.Stats.Increment(Stats.Calls);
        worker.Stats.Add(Stats.Allocated, bytes);
        worker.Stats.Record(Stats.Time, took);
        if (bytes > _bytesPerCall) OnBreach(worker, $"one call allocated {bytes} bytes", 0);
        if (took <= _cpuPerCall) return;
        long cpu = call.Cpu < 0 ? 0 : Libc.ThreadCpuMicros() - call.Cpu;
        _suspectUntil[worker.Id] = worker.NowMicros + took + Suspicion;
        if (cpu > _cpuPerCall) OnBreach(worker, $"one call took {cpu / 1000} ms of processor time", cpu);
    }

    /// <summary>It threw.</summary>
    public void OnFailure(WorkerContext worker, Exception exception)
    {
        worker.Stats.Increment(Stats.Exceptions);
        string text = Text(exception);
        if (context.MayLog(text.Length))
            Chores.Add(() => Log.Failed(context.Logger, Name, worker.Id, text));
        Punish(worker, 0);
    }

    public override void Describe(IReadOnlyList<WorkerContext> workers, ICollection<GuestVmStatus> into)
    {
        foreach (var worker in workers)
        {
            long wait = (_quarantine?.Until ?? 0) - NativeTiming.NowMicros, calls = worker.Stats.Read(Stats.Calls.Index);
            string state = wait > 0 ? "quarantined" : calls > 0 ? "active" : "ready";
            into.Add(new GuestVmStatus("native", Name, assembly.Digest, worker.Id, state, calls,
                worker.Stats.Read(Stats.Exceptions.Index), worker.Stats.Read(Stats.Breaches.Index), 0, 0,
                worker.Stats.Read(Stats.Allocated.Index), wait > 0 ? wait / 1e6 : null));
        }
    }

    protected internal override string? Prepare(IReadOnlyList<WorkerContext> workers)
    {
        _quarantine ??= new Quarantine(workers.Count);
        context.Names.Use();
        return null;
    }

    protected internal override void Release(IReadOnlyList<WorkerContext> workers)
    {
        if (_plugin is not { } ending) return;
        (_plugin, _free) = (null, null);
        _quarantine = null;
        context.Names.Return();
        NativeStart.Stop(ending, Name, context.Logger);
    }

    /// <summary>An exception as words.</summary>
    public static string Text(Exception exception)
    {
        try
        {
            string text = exception.ToString();
            return text.Length <= 2000 ? text : text[..2000] + "…";
        }
        catch (Exception)
        {
            return exception.GetType().FullName ?? "an exception"; // its own code, which may throw too
        }
    }

    private void OnBreach(WorkerContext worker, string what, long held)
    {
        worker.Stats.Increment(Stats.Breaches);
        if (context.MayLog(what.Length)) Chores.Add(() => Log.OverLimit(context.Logger, Name, worker.Id, what));
        Punish(worker, held);
    }

    private void Punish(WorkerContext worker, long held)
    {
        // A single long call may be the compiler's, or a busy machine's.
        if (_quarantine?.Add(worker.NowMicros, held, accident: Math.Max(500_000, 4 * _cpuPerCall)) != true) return;
        worker.Stats.Increment(Stats.Quarantines);
        Chores.Add(() =>
        {
            Log.Quarantined(context.Logger, Name, worker.Id);
            worker.Reports.Raise("vm.quarantined", ("kind", "native"), ("name", Name), ("digest", assembly.Digest), ("worker", worker.Id));
        });
    }
}
