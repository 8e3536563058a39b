using System.Diagnostics;
using Managed.Proxy.Bindings;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core;

namespace Managed.Proxy.Http.Filters.Wasm.Plugins;

/// <summary>
/// A machine on one worker. A VM in which a call failed serves the streams it has to their end and no new one; the next stream gets a
/// new VM, unless the back-off of FAIL_RELOAD or the quarantine says to wait.
/// </summary>
internal sealed class WasmReplica
{
    /// <summary>
    /// What starts in less CPU time than this may start on the worker itself: a new VM in place of one that failed, a new plugin in a VM
    /// that runs. About what a worker may stand still for.
    /// </summary>
    public const long QuickStartMicros = 2000;
    // What a start may take on the worker when it is not as quick as it was: then the next is made elsewhere.
    private static readonly TimeSpan QuickBudget = TimeSpan.FromMilliseconds(10);
    // VMs that failed and only finish their streams, each with the memory it has.
    private const int MostFailed = 4;
    private const long FirstStartPause = 1_000_000, LongestStartPause = 60_000_000;

    private readonly WasmMachine _machine;
    private readonly WorkerContext _worker;
    private readonly Quarantine _quarantine;
    private readonly long _accident; // microseconds: a breach that was stopped in time; on a busy machine the engine looks late
    private WasmInstance? _current;
    private readonly List<WasmInstance> _failed = []; // with streams
    private WasmPlugin[] _plugins;
    private bool _slow;
    private long _loadedAt, _backoff, _notBefore, _startPause = FirstStartPause;
    private bool _loading, _ended, _left;
    private readonly GuestCallTimes _times;
    // Read by other threads.
    private long _traps, _overBudget, _created, _reloads;
    private int _active;
    private string _lastError = "";

    public WasmReplica(WasmMachine machine, WorkerContext worker, Quarantine quarantine, WasmInstance first)
    {
        _machine = machine;
        _worker = worker;
        _quarantine = quarantine;
        _accident = Math.Max(100_000, 2 * (long)machine.Program.Limits.CpuPerCall.TotalMicroseconds);
        _times = new GuestCallTimes(worker.Stats, machine.Stats.Calls, machine.Stats.Time);
        _plugins = [.. first.Roots.Keys];
        Count();
        Take(first);
    }

    public LogBudget LogBudget { get; } = new();
    /// <summary>What lives in its VM. On any thread.</summary>
    public IReadOnlyList<WasmPlugin> Plugins => Volatile.Read(ref _plugins);
    public bool HoldsQuarantine => _quarantine.Holds(_worker.NowMicros);

    /// <summary>The plugin's context for a new stream; null when there is no VM at this moment.</summary>
    public PluginContext? RootOf(WasmPlugin plugin)
    {
        if (HoldsQuarantine)
        {
            _worker.Stats.Increment(_machine.Stats.Quarantined);
            return null;
        }
        if (_current is null)
        {
            Reload();
            if (_current is null) return null;
        }
        return _current.Roots.GetValueOrDefault(plugin);
    }

    /// <summary>A plugin of a new version comes: to the VM that runs, or to the next when there is none at this moment.</summary>
    public void Add(WasmPlugin plugin)
    {
        if (!_plugins.Contains(plugin)) _plugins = [.. _plugins, plugin];
        if (_current is not { } instance || instance.Roots.ContainsKey(plugin)) return;
        if (instance.TryAdd(plugin, out string error))
        {
            instance.Roots[plugin].Bind(_worker);
            return;
        }
        // It did start elsewhere. Its own streams are failed; the others' plugins, and the next VM, do without it.
        _plugins = [.. _plugins.Where(p => !ReferenceEquals(p, plugin))];
        Log.StartFailed(_machine.Logger, plugin.Name, _worker.Id, error);
        if (instance.Vm.HasFailed) OnFailure(instance.Vm, plugin, "");
    }

    public void Remove(WasmPlugin plugin)
    {
        _plugins = [.. _plugins.Where(p => !ReferenceEquals(p, plugin))];
        if (_current is not { } instance || !instance.Roots.Remove(plugin, out var root)) return;
        // A guest that asks for time at its end keeps its VM as a stream does.
        instance.Vm.Hold();
        root.End(instance.Vm.LetGo);
        if (instance.Vm.HasFailed) OnFailure(instance.Vm, plugin, "");
    }

    /// <summary>A call has failed: its VM is done for, as far as new streams are concerned.</summary>
    public void OnFailure(WasmVm vm, WasmPlugin plugin, string requestId)
    {
        _traps++;
        _lastError = vm.Failure;
        var stats = _machine.Stats;
        _worker.Stats.Increment(stats.Traps);
        if (vm.OverBudget)
        {
            _overBudget++;
            _worker.Stats.Increment(stats.OverBudget);
        }
        string failure = vm.Failure, vmId = vm.VmId;
        Chores.Add(() => Log.Trapped(_machine.Logger, plugin.Name, _worker.Id, failure, vmId, requestId));
        _worker.Reports.ModuleSaid(_worker, Microsoft.Extensions.Logging.LogLevel.Error, plugin.Name, vm.VmId, vm.Failure, requestId, 0);
        bool served = GiveUp(vm);
        bool begun = _quarantine.Add(_worker.NowMicros, vm.HeldMicros, _accident);
        // Streams under way would call it too, each as long as the limit lets it.
        while (HoldsQuarantine && _failed.Count > 0) EndStreams(_failed[0]);
        if (begun)
        {
            _worker.Stats.Increment(stats.Quarantines);
            Chores.Add(() =>
            {
                Log.Quarantined(_machine.Logger, plugin.Name, _worker.Id);
                _worker.Reports.Raise("vm.quarantined", ("kind", "wasm"), ("name", plugin.Name), ("digest", _machine.Program.Module.Digest),
                    ("worker", _worker.Id));
            });
        }
        if (!served) return;
        if (plugin.Policy != WasmFailurePolicy.FailReload)
        {
            if (!StartsQuickly && !HoldsQuarantine) Reload();
            return;
        }
        long now = _worker.NowMicros;
        // As in Envoy: at once when the last VM lived longer than the back-off.
        if (now - _loadedAt > plugin.BackoffMost) _backoff = 0;
        _notBefore = _loadedAt + (_backoff = Math.Clamp(_backoff * 2, plugin.BackoffBase, plugin.BackoffMost));
    }

    // No new stream from now on. False: so it was already.
    private bool GiveUp(WasmVm vm)
    {
        if (_current is not { } failed || !ReferenceEquals(failed.Vm, vm)) return false;
        _current = null;
        foreach (var root in failed.Roots.Values) root.Quiet();
        _failed.Add(failed);
        vm.Retire(() => { _failed.Remove(failed); Forget(failed); });
        while (_failed.Count > MostFailed) EndStreams(_failed[0]);
        return true;
    }

    // They fail as the policy says; with the last the VM goes.
    private void EndStreams(WasmInstance instance)
    {
        _failed.Remove(instance);
        foreach (var context in instance.Vm.Contexts.Values.ToArray())
        {
            if (context is not StreamContext stream) continue;
            stream.Fail();
            stream.Leave();
        }
    }

    /// <summary>A VM that was made for a new version takes over; the one before serves its streams to their end.</summary>
    public void Replace(WasmInstance made)
    {
        var before = _current;
        // One that nobody leases was taken away since.
        _plugins = [.. _plugins.Union(made.Roots.Keys.Where(p => p.Leases > 0))];
        Count();
        Take(made);
        if (before is not null) Retire(before);
    }

    /// <summary>No version uses it any more.</summary>
    public void End()
    {
        _ended = true;
        if (_current is { } last)
        {
            _current = null;
            Retire(last);
        }
        Leave();
    }

    private void Retire(WasmInstance last) => last.Vm.Retire(() =>
    {
        int waiting = last.Roots.Count;
        if (waiting == 0) Forget(last);
        foreach (var root in last.Roots.Values) root.End(() => { if (--waiting == 0) Forget(last); });
    });

    public GuestVmStatus Describe()
    {
        var vm = Volatile.Read(ref _current)?.Vm;
        double wait = (Math.Max(_quarantine.Until,
            vm is null ? _notBefore : 0) - Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1_000_000)) / 1e6;
        long calls = _times.Calls;
        string state = wait > 0 ? _quarantine.Until >= _notBefore ? "quarantined" : "backoff" : vm is null ? "failed" : calls > 0 ? "active"
            : "ready";
        return new GuestVmStatus("wasm", _machine.Name, _machine.Program.Module.Digest, _worker.Id, state, calls, _traps, _overBudget,
            _times.Micros, 0, vm?.MemorySeen ?? 0, wait > 0 ? wait : null)
        {
            VmId = _machine.Program.VmId, Callbacks = _times.Callbacks(), TimeHistogram = _times.Histogram(), Created = _created,
            Reloads = _reloads, Active = _active, LastError = _lastError,
        };
    }

    private bool StartsQuickly => !_slow && _machine.StartMicros < QuickStartMicros;

    private void Reload()
    {
        if (_ended || _loading || _worker.NowMicros < _notBefore)
        {
            _worker.Stats.Increment(_machine.Stats.Backoff);
            return;
        }
        if (StartsQuickly)
        {
            var instance = WasmInstance.Make(_machine, _plugins, out string error, QuickBudget);
            _slow = instance is null;
            Take(instance, error);
            return;
        }
        _loading = true;
        var plugins = _plugins;
        new Thread(() =>
        {
            WasmInstance? made = null;
            string error;
            try
            {
                made = WasmInstance.Make(_machine, plugins, out error);
            }
            catch (Exception e)
            {
                error = e.Message; // no memory or no descriptor: it is tried again as after any failed start
            }
            _worker.Post(static s =>
            {
                var (replica, instance, failure) = ((WasmReplica, WasmInstance?, string))s!;
                replica._loading = false;
                replica.Take(instance, failure);
                replica.Leave();
            }, (this, made, error));
        }) { Name = "wasm-reload", IsBackground = true }.Start();
    }

    private void Take(WasmInstance? made, string error)
    {
        var stats = _machine.Stats;
        _loadedAt = _worker.NowMicros;
        if (made is null)
        {
            _lastError = error;
            _notBefore = _loadedAt + _startPause;
            _startPause = Math.Min(_startPause * 2, LongestStartPause);
            _worker.Stats.Increment(stats.ReloadFailures);
            Log.StartFailed(_machine.Logger, _machine.Name, _worker.Id, error);
            return;
        }
        _startPause = FirstStartPause;
        _reloads++;
        _worker.Stats.Increment(stats.Reloads);
        Count();
        if (_ended) { Forget(made); return; }
        Take(made);
    }

    private void Count()
    {
        _created++;
        _active++;
        _worker.Stats.Increment(_machine.Stats.Created);
        _worker.Stats.Increment(_machine.Stats.Active);
    }

    private void Take(WasmInstance instance)
    {
        _loadedAt = _worker.NowMicros;
        instance.Vm.Times = _times;
        Volatile.Write(ref _current, instance);
        instance.Vm.Bind(_worker);
        instance.Vm.Quarantine = _quarantine;
        foreach (var root in instance.Roots.Values) root.Bind(_worker);
        _worker.WhenPublished(instance.Vm.Begin);
        // While it was made, plugins may have come and gone.
        foreach (var plugin in instance.Roots.Keys.Except(_plugins).ToList()) Remove(plugin);
        foreach (var plugin in _plugins) Add(plugin);
    }

    private void Forget(WasmInstance instance)
    {
        foreach (var root in instance.Roots.Values) root.Abandon();
        instance.Vm.Dispose();
        _active--;
        _worker.Stats.Decrement(_machine.Stats.Active);
        Leave();
    }

    // The last VM has gone: nothing counts any more.
    private void Leave()
    {
        if (!_ended || _loading || _active > 0 || _left) return;
        _left = true;
        _machine.OnGone();
    }
}
