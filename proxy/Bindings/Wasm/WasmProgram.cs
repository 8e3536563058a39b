namespace Managed.Proxy.Bindings.Wasm;

/// <summary>What VMs are made of: all VMs of one program are alike.</summary>
/// <param name="Module">The code.</param>
/// <param name="VmId">Chooses the shared data and queues.</param>
/// <param name="Configuration">Given to proxy_on_vm_start.</param>
/// <param name="Environment">The guest's environment variables.</param>
/// <param name="Imports">The host functions that it may call.</param>
/// <param name="Limits">Of one VM.</param>
/// <param name="Data">The store of its <paramref name="VmId"/>.</param>
/// <param name="Queues">The queues of all.</param>
/// <param name="Metrics">Those that its guests define.</param>
/// <param name="LogLevel">The least level that is written.</param>
internal sealed record WasmProgram(WasmModule Module, string VmId, byte[] Configuration,
    IReadOnlyList<KeyValuePair<string, string>> Environment,
    HostImports Imports, WasmLimits Limits, SharedData Data, SharedQueues Queues, GuestMetrics Metrics, Func<WasmLogLevel> LogLevel);
