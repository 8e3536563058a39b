namespace Managed.Proxy.Bindings.Wasm;

/// <summary>What one VM may use. Over <see cref="Memory"/> the guest's memory.grow fails; over a time its call traps.</summary>
/// <param name="Memory">Linear memory in bytes.</param>
/// <param name="TableElements">Entries of all its tables.</param>
/// <param name="CpuPerCall">CPU time of the thread within one callback.</param>
/// <param name="CpuOnStart">The same for instantiation, start, and the configuration of a plugin.</param>
/// <param name="SharedData">Bytes of all keys and values that its vm_id may store.</param>
/// <param name="Calls">HTTP and gRPC calls under way at the same time.</param>
internal sealed record WasmLimits(long Memory, long TableElements, TimeSpan CpuPerCall, TimeSpan CpuOnStart, long SharedData, int Calls)
{
    public static WasmLimits Default { get; } =
        new(128 << 20, 100_000, TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(1), 16 << 20, 100);
}
