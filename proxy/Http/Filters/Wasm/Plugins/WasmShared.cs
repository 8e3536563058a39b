using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http.Filters.Wasm.Plugins;

/// <summary>What the VMs of one data plane (which its stats stand for) have in common, for as long as it runs.</summary>
internal sealed class WasmShared
{
    private static readonly ConditionalWeakTable<StatsRegistry, WasmShared> Planes = [];

    private readonly ConcurrentDictionary<string, SharedData> _data = new(StringComparer.Ordinal);

    public SharedQueues Queues { get; } = new();
    public GuestMetricsRoom Metrics { get; } = new();

    public static WasmShared Of(StatsRegistry stats) => Planes.GetValue(stats, static _ => new WasmShared());

    /// <summary>The store of a vm_id; the version that is built last sets its limit.</summary>
    public SharedData DataOf(string vmId, long limit)
    {
        var data = _data.GetOrAdd(vmId, static _ => new SharedData());
        data.Limit = limit;
        return data;
    }
}
