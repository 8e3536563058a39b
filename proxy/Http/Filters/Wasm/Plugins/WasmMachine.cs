using Managed.Proxy.Bindings;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Microsoft.Extensions.Logging;

namespace Managed.Proxy.Http.Filters.Wasm.Plugins;

/// <summary>
/// One VM for each worker, shared by all plugins whose configurations agree on what makes a VM (vm_id, code, configuration, environment,
/// capabilities, limits). As long as a version uses it the VMs stay, whatever else is published.
/// </summary>
internal sealed class WasmMachine(WasmProgram program, string name, WasmStats stats, ILogger logger) : SharedResource
{
    private WasmReplica?[] _replicas = new WasmReplica?[WorkerContext.MaxWorkers];
    private WasmInstance?[] _prepared = new WasmInstance?[WorkerContext.MaxWorkers];
    private Quarantine? _quarantine; // of all replicas: what one worker has learnt none of the others need pay for
    private int _leaving;
    private long _startMicros = long.MaxValue;

    public WasmProgram Program => program;
    /// <summary>For logs and views.</summary>
    public string Name => name;
    public override string Title => $"wasm {name}";
    public WasmStats Stats => stats;
    public ILogger Logger => logger;

    /// <summary>
    /// The least CPU time, in microseconds, that a VM's start and its plugins' configuration took; the first ones pay for the compiler.
    /// </summary>
    public long StartMicros => Volatile.Read(ref _startMicros);

    public void OnStarted(long micros)
    {
        if (micros < StartMicros) Volatile.Write(ref _startMicros, micros);
    }

    public WasmReplica? On(WorkerContext worker) => _replicas[worker.Id];

    // What is said before there is a worker, or off it.
    private readonly LogBudget _startLog = new();

    public LogBudget LogBudget(WorkerContext? worker) => worker is not null && On(worker) is { } replica ? replica.LogBudget : _startLog;

    /// <summary>What is being made for this worker by the publication under way; null when its VM is there already.</summary>
    public WasmInstance? PreparedFor(WorkerContext worker) => _prepared[worker.Id];

    protected internal override string? Prepare(IReadOnlyList<WorkerContext> workers)
    {
        _quarantine ??= new Quarantine(workers.Count);
        program.Metrics.Use();
        foreach (var worker in workers)
        {
            if (_replicas[worker.Id] is not null)
            {
                // Of a publication that failed before it was taken.
                _prepared[worker.Id]?.Vm.Dispose();
                _prepared[worker.Id] = null;
            }
            else if (_prepared[worker.Id] is null && PrepareAnew(worker, []) is { } reason) return reason;
        }
        return null;
    }

    /// <summary>Makes a VM that will take the place of the worker's. Null, or why it cannot be.</summary>
    public string? PrepareAnew(WorkerContext worker, IEnumerable<WasmPlugin> plugins)
    {
        if (WasmInstance.Make(this, plugins, out string error) is not { } made) return $"module {name}: {error}";
        _prepared[worker.Id] = made;
        return null;
    }

    protected internal override void Install(WorkerContext worker)
    {
        if (_prepared[worker.Id] is not { } made) return;
        _prepared[worker.Id] = null;
        if (_replicas[worker.Id] is { } live) live.Replace(made);
        else Volatile.Write(ref _replicas[worker.Id], new WasmReplica(this, worker, _quarantine!, made));
    }

    protected internal override void Release(IReadOnlyList<WorkerContext> workers)
    {
        var (replicas, prepared) = (_replicas, _prepared);
        _replicas = new WasmReplica?[WorkerContext.MaxWorkers];
        _prepared = new WasmInstance?[WorkerContext.MaxWorkers];
        _quarantine = null;
        _leaving = replicas.Count(r => r is not null);
        bool unreplicated = _leaving == 0;
        foreach (var worker in workers)
            worker.Post(static s =>
            {
                var (replica, unused) = ((WasmReplica?, WasmInstance?))s!;
                replica?.End();
                unused?.Vm.Dispose();
            }, (replicas[worker.Id], prepared[worker.Id]));
        if (unreplicated) program.Metrics.Return();
    }

    /// <summary>
    /// A replica has ended, and so has the last of its VMs: with the last replica go the names of the machine's statistics. On its worker.
    /// </summary>
    public void OnGone()
    {
        if (Interlocked.Decrement(ref _leaving) == 0) program.Metrics.Return();
    }

    public override void Describe(IReadOnlyList<WorkerContext> workers, ICollection<GuestVmStatus> into)
    {
        foreach (var worker in workers)
            into.Add(Volatile.Read(ref _replicas[worker.Id])?.Describe()
                ?? new GuestVmStatus("wasm", name, program.Module.Digest, worker.Id, "ready", 0, 0, 0, 0, 0, 0, null));
    }
}

/// <summary>A VM with the plugins that live in it.</summary>
internal sealed class WasmInstance(WasmMachine machine, WasmVm vm)
{
    public WasmVm Vm => vm;
    public Dictionary<WasmPlugin, PluginContext> Roots { get; } = [];
    /// <summary>Null with the reason when the module, or one of the plugins, does not start.</summary>
    /// <param name="machine">What to make one of.</param>
    /// <param name="plugins">Who lives in it.</param>
    /// <param name="error">Why it does not start.</param>
    /// <param name="budget">CPU time of each of its first calls; null: that of a start.</param>
    public static WasmInstance? Make(WasmMachine machine, IEnumerable<WasmPlugin> plugins, out string error, TimeSpan? budget = null)
    {
        long began = Libc.ThreadCpuMicros();
        var start = new StartContext(machine);
        if (WasmVm.Create(machine.Program, start, out error, budget) is not { } vm)
        {
            error += start.Words.Said();
            return null;
        }
        var instance = new WasmInstance(machine, vm);
        foreach (var plugin in plugins)
            if (!instance.TryAdd(plugin, out error))
            {
                vm.Dispose();
                return null;
            }
        machine.OnStarted(Libc.ThreadCpuMicros() - began);
        return instance;
    }

    /// <summary>Creates and configures a plugin's context. False with the reason: the guest refused, or failed.</summary>
    public bool TryAdd(WasmPlugin plugin, out string error)
    {
        var root = new PluginContext(plugin, machine, vm);
        if (root.TryStart(out error))
        {
            Roots.Add(plugin, root);
            return true;
        }
        // The VM may live on with other plugins: nothing of this one may run in it.
        root.Abandon();
        if (vm.Worker is not null && !vm.HasFailed) vm.Call(root, vm.Exports.Delete);
        vm.Remove(root);
        return false;
    }

    /// <summary>Before the plugins have a say: the guest's own output while it starts.</summary>
    private sealed class StartContext(WasmMachine machine) : WasmContext
    {
        public GuestWords Words { get; } = new();
        public override WasmContext Root => this;

        public override void Log(WasmLogLevel level, ReadOnlySpan<byte> text)
        {
            Words.Hear(level, text);
            PluginContext.Say(machine, null, machine.Name, level, text, "", 0);
        }
    }
}
