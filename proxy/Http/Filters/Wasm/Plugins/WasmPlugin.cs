using Managed.Proxy.Core;

namespace Managed.Proxy.Http.Filters.Wasm.Plugins;

/// <summary>
/// A plugin's configuration: a root context in the VM of each worker. Its own lease, since plugins come and go while their machine stays.
/// </summary>
internal sealed class WasmPlugin(WasmMachine machine, string name, string rootId, byte[] configuration, PluginConfig config)
    : SharedResource
{
    private bool _tried;
    private long _startMicros; // CPU time

    public WasmMachine Machine => machine;
    /// <summary>The name of its configuration; the module's when it has none.</summary>
    public string Name { get; } = name.Length > 0 ? name : machine.Name;
    /// <summary>As configured, for the guest.</summary>
    public string GivenName => name;
    public string RootId => rootId;
    public byte[] Configuration => configuration;
    public WasmFailurePolicy Policy { get; } = PolicyOf(config);
    public bool HeadersMayStop => config.AllowOnHeadersStopIteration;
    public long BackoffBase { get; } = (long)(config.ReloadConfig?.Backoff?.BaseInterval ?? TimeSpan.FromSeconds(1)).TotalMicroseconds;
    public long BackoffMost { get; } = (long)(config.ReloadConfig?.Backoff is { } b ? b.MaxInterval ?? b.BaseInterval * 10
        : TimeSpan.FromSeconds(10)).TotalMicroseconds;

    public static WasmFailurePolicy PolicyOf(PluginConfig config) =>
        config.FailOpen ? WasmFailurePolicy.FailOpen : config.FailurePolicy == WasmFailurePolicy.Unspecified ? WasmFailurePolicy.FailClosed
        : config.FailurePolicy;

    /// <summary>Starts it once in a VM of its own, which is then thrown away; null, or why the module refuses. Control thread.</summary>
    public string? Try()
    {
        if (_tried) return null;
        if (WasmInstance.Make(machine, [this], out string error) is not { } canary) return error;
        _startMicros = canary.Roots[this].StartMicros;
        canary.Vm.Dispose();
        _tried = true;
        return null;
    }

    /// <summary>The context for a new stream or connection; null when there is no VM at this moment.</summary>
    public PluginContext? On(WorkerContext worker) => machine.On(worker)?.RootOf(this);

    protected internal override string? Prepare(IReadOnlyList<WorkerContext> workers)
    {
        foreach (var worker in workers)
        {
            // A VM that runs belongs to its worker, who would have to wait for a plugin that takes long to start: such a one comes in a VM
            // made for it here.
            if (machine.PreparedFor(worker) is null && machine.On(worker) is { } live && _startMicros >= WasmReplica.QuickStartMicros
                && !live.Plugins.Contains(this)
                && machine.PrepareAnew(worker, live.Plugins) is { } reason) return reason;
            if (machine.PreparedFor(worker) is { } fresh && !fresh.Roots.ContainsKey(this) && !fresh.TryAdd(this, out string error))
                return $"plugin {Name}: {error}";
        }
        return null;
    }

    protected internal override void Install(WorkerContext worker) => machine.On(worker)?.Add(this);

    protected internal override void Release(IReadOnlyList<WorkerContext> workers)
    {
        _tried = false;
        foreach (var worker in workers)
            worker.Post(static s =>
            {
                var (replica, plugin) = ((WasmReplica?, WasmPlugin))s!;
                replica?.Remove(plugin);
            }, (machine.On(worker), this));
    }
}
