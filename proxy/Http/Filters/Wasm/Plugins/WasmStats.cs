using System.Runtime.CompilerServices;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http.Filters.Wasm.Plugins;

/// <summary>Counters of one plugin, under <c>wasm.NAME.</c>; the name is the plugin's, its module's or <c>plugin</c>.</summary>
internal sealed class WasmStats(StatScope stats, string name)
{
    /// <summary>Callbacks that ran, that failed, and of these over their CPU budget.</summary>
    public readonly Counter Calls = stats.Counter($"wasm.{name}.calls"), Traps = stats.Counter($"wasm.{name}.traps"),
        OverBudget = stats.Counter($"wasm.{name}.cpu_exceeded");
    /// <summary>VMs made, and of these in place of one that failed.</summary>
    public readonly Counter Created = stats.Counter($"wasm.{name}.vm_created"), Reloads = stats.Counter($"wasm.{name}.vm_reload_success"),
        ReloadFailures = stats.Counter($"wasm.{name}.vm_reload_failure");
    /// <summary>Streams that found no VM: because of the back-off, or of the quarantine.</summary>
    public readonly Counter Backoff = stats.Counter($"wasm.{name}.vm_reload_backoff"),
        Quarantined = stats.Counter($"wasm.{name}.quarantined"), Quarantines = stats.Counter($"wasm.{name}.quarantines");
    /// <summary>Streams that were failed, or let through, because of the plugin.</summary>
    public readonly Counter FailedClosed = stats.Counter($"wasm.{name}.failed_closed"),
        FailedOpen = stats.Counter($"wasm.{name}.failed_open");
    /// <summary>Lines of its log that were left out.</summary>
    public readonly Counter LogDropped = stats.Counter($"wasm.{name}.log_dropped");
    public readonly Gauge Active = stats.Gauge($"wasm.{name}.vm_active");
    /// <summary>Of a callback, microseconds.</summary>
    public readonly Histogram Time = stats.Histogram($"wasm.{name}.call_time");

    private static readonly ConditionalWeakTable<StatsRegistry, object> Observed = [];

    /// <summary>Envoy's names for the engine's totals.</summary>
    public static void Observe(StatsRegistry stats)
    {
        if (!Observed.TryAdd(stats, stats)) return;
        stats.Observe("wasm.envoy.wasm.runtime.wasmtime.active", static () => WasmEngine.Live);
        stats.Observe("wasm.envoy.wasm.runtime.wasmtime.created", static () => WasmEngine.Created);
    }

    /// <summary>A part of a stat's name.</summary>
    public static string NameOf(string text)
    {
        string name = string.Concat(text.Select(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' ? c : '_'));
        return name.Length == 0 ? "plugin" : name[..Math.Min(name.Length, 64)];
    }
}
