using System.Diagnostics;
using Managed.Proxy.Bindings;
using Managed.Proxy.Bindings.Wasm;

namespace Managed.Proxy.Http.Filters.Wasm;

/// <summary>
/// A machine on one worker. A VM in which a call failed serves the streams it has to their end and no new one; the next stream gets a
/// new VM, unless the back-off of FAIL_RELOAD or the quarantine says to wait.
/// </summary>
internal sealed class WasmReplica
{
    // A module that starts faster than this is started anew on the worker itself; a slower one on a thread of its own meanwhile.
    private static readonly TimeSpan QuickStart = TimeSpan.FromMilliseconds(2);

    private readonly WasmMachine _machine;
    private readonly Worker _worker;
    private readonly Quarantine _quarantine = new();
    private WasmInstance? _current;
    private WasmPlugin[] _plugins = [];
    private TimeSpan _startTime;
    private long _loadedAt, _backoff, _notBefore;
    private bool _loading, _ended;
    // Of VMs that are gone; read by other threads.
    private long _calls, _ticks, _traps, _overBudget, _created = 1, _reloads;
    private int _active = 1;
    private readonly CallHistogram _times;
    private string _lastError = "";

    public WasmReplica(WasmMachine machine, Worker worker, WasmInstance first)
    {
        _machine = machine;
        _worker = worker;
        _times = first.Vm.Times;
        worker.Stats.Increment(machine.Stats.Created);
        worker.Stats.Increment(machine.Stats.Active);
        Take(first);
    }

    public WasmInstance? Current => _current;
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

    /// <summary>A plugin of a new version comes to a VM that runs already. False: it does not start here, though it did elsewhere.</summary>
    public bool Add(WasmPlugin plugin)
    {
        if (_current is not { } instance || instance.Roots.ContainsKey(plugin)) return true;
        if (instance.TryAdd(plugin, out string error))
        {
            instance.Roots[plugin].Bind(_worker);
            _plugins = [.. instance.Roots.Keys];
            return true;
        }
        Log.StartFailed(_machine.Logger, plugin.Name, _worker.Id, error);
        if (instance.Vm.HasFailed) OnFailure(instance.Vm, plugin, "");
        return false;
    }

    public void Remove(WasmPlugin plugin)
    {
        if (_current is null || !_current.Roots.Remove(plugin, out var root)) return;
        _plugins = [.. _current.Roots.Keys];
        var vm = _current.Vm;
        // A guest that asks for time at its end keeps its VM as a stream does.
        vm.Hold();
        root.End(vm.LetGo);
        if (vm.HasFailed) OnFailure(vm, plugin, "");
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
        Log.Trapped(_machine.Logger, plugin.Name, _worker.Id, vm.Failure, vm.VmId, requestId);
        _worker.Server.ScriptSaid(_worker, Microsoft.Extensions.Logging.LogLevel.Error, plugin.Name, vm.Failure, requestId, 0);
        if (_quarantine.Add(_worker.NowMicros))
        {
            _worker.Stats.Increment(stats.Quarantines);
            Log.Quarantined(_machine.Logger, plugin.Name, _worker.Id);
            _worker.Server.Raise("vm.quarantined", ("kind", "wasm"), ("name", plugin.Name), ("digest", _machine.Program.Module.Digest), ("worker", _worker.Id));
        }
        if (_current is not { } failed || !ReferenceEquals(failed.Vm, vm)) return;
        _current = null;
        foreach (var root in failed.Roots.Values) root.Quiet();
        vm.Retire(() => Forget(failed));
        if (plugin.Policy != WasmFailurePolicy.FailReload) return;
        long now = _worker.NowMicros;
        // As in Envoy: at once when the last VM lived longer than the back-off.
        if (now - _loadedAt > plugin.BackoffMost) _backoff = 0;
        _notBefore = _loadedAt + (_backoff = Math.Clamp(_backoff * 2, plugin.BackoffBase, plugin.BackoffMost));
    }

    /// <summary>No version uses it any more.</summary>
    public void End()
    {
        _ended = true;
        if (_current is not { } last) return;
        _current = null;
        last.Vm.Retire(() =>
        {
            int waiting = last.Roots.Count;
            if (waiting == 0) Forget(last);
            foreach (var root in last.Roots.Values) root.End(() => { if (--waiting == 0) Forget(last); });
        });
    }

    public GuestVmStatus Describe()
    {
        var vm = Volatile.Read(ref _current)?.Vm;
        double wait = (Math.Max(_quarantine.Until, vm is null ? _notBefore : 0) - Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1_000_000)) / 1e6;
        long calls = _calls + (vm?.Calls ?? 0);
        string state = wait > 0 ? _quarantine.Until >= _notBefore ? "quarantined" : "backoff" : vm is null ? "failed" : calls > 0 ? "active" : "ready";
        return new GuestVmStatus("wasm", _machine.Name, _machine.Program.Module.Digest, _worker.Id, state, calls, _traps, _overBudget, (_ticks + (vm?.Ticks ?? 0)) / (Stopwatch.Frequency / 1_000_000), 0, vm?.MemorySeen ?? 0, wait > 0 ? wait : null)
        {
            TimeHistogram = _times.Read(), Created = _created, Reloads = _reloads, Active = _active, LastError = _lastError,
        };
    }

    private void Reload()
    {
        if (_ended || _loading || _worker.NowMicros < _notBefore)
        {
            _worker.Stats.Increment(_machine.Stats.Backoff);
            return;
        }
        if (_startTime < QuickStart)
        {
            Take(WasmInstance.Make(_machine, _plugins, out string error), error);
            return;
        }
        _loading = true;
        var plugins = _plugins;
        new Thread(() =>
        {
            var made = WasmInstance.Make(_machine, plugins, out string error);
            _worker.Post(static s =>
            {
                var (replica, instance, failure) = ((WasmReplica, WasmInstance?, string))s!;
                replica._loading = false;
                replica.Take(instance, failure);
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
            _notBefore = _loadedAt + 1_000_000;
            _worker.Stats.Increment(stats.ReloadFailures);
            Log.StartFailed(_machine.Logger, _machine.Name, _worker.Id, error);
            return;
        }
        _created++;
        _active++;
        _reloads++;
        _worker.Stats.Increment(stats.Created);
        _worker.Stats.Increment(stats.Active);
        _worker.Stats.Increment(stats.Reloads);
        made.Vm.Times = _times;
        if (_ended) { Forget(made); return; }
        Take(made);
    }

    private void Take(WasmInstance instance)
    {
        _loadedAt = _worker.NowMicros;
        _startTime = instance.StartTime;
        Volatile.Write(ref _current, instance);
        instance.Vm.Bind(_worker);
        foreach (var root in instance.Roots.Values) root.Bind(_worker);
        _worker.WhenPublished(instance.Vm.Begin);
        _plugins = [.. instance.Roots.Keys];
    }

    private void Forget(WasmInstance instance)
    {
        foreach (var root in instance.Roots.Values) root.Abandon();
        _calls += instance.Vm.Calls;
        _ticks += instance.Vm.Ticks;
        instance.Vm.Dispose();
        _active--;
        _worker.Stats.Decrement(_machine.Stats.Active);
    }
}
