using System.Runtime.CompilerServices;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http.Filters.Wasm.Plugins;

/// <summary>What the VMs of one data plane (which its stats stand for) have in common, for as long as it runs.</summary>
internal sealed class WasmShared
{
    private static readonly ConditionalWeakTable<StatsRegistry, WasmShared> Planes = [];

    /// <summary>Stores that are kept though no VM has them, those asked for last.</summary>
    private const int KeptStores = 64;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, WeakReference<SharedData>> _data = new(StringComparer.Ordinal);
    private readonly OrderedDictionary<string, SharedData> _recent = new(StringComparer.Ordinal);

    public SharedQueues Queues { get; } = new();
    public GuestMetricsRoom Metrics { get; } = new();

    public static WasmShared Of(StatsRegistry stats) => Planes.GetValue(stats, static _ => new WasmShared());

    /// <summary>The store of a vm_id; the version that is built last sets its limit.</summary>
    public SharedData DataOf(string vmId, long limit)
    {
        lock (_lock)
        {
            if (!_data.TryGetValue(vmId, out var held) || !held.TryGetTarget(out var data))
            {
                foreach (var (known, store) in _data)
                    if (!store.TryGetTarget(out _)) _data.Remove(known);
                _data[vmId] = new WeakReference<SharedData>(data = new SharedData());
            }
            _recent.Remove(vmId);
            _recent.Add(vmId, data);
            if (_recent.Count > KeptStores) _recent.RemoveAt(0);
            data.Limit = limit;
            return data;
        }
    }

    /// <summary>Stores that are known by their vm_id.</summary>
    internal int Stores { get { lock (_lock) return _data.Count; } }
}
