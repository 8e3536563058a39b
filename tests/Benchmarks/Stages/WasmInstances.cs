using BenchmarkDotNet.Attributes;
using Managed.Benchmarks.Vms;
using Managed.Proxy.Bindings.Wasm;

namespace Managed.Benchmarks.Stages;

/// <summary>[5] A VM of a small Wasm module: what a worker pays to replace one that failed.</summary>
[MemoryDiagnoser]
public class WasmInstances
{
    private readonly WasmProgram _program = HeaderModule.Program();

    [Benchmark]
    public void InstantiateAndDispose() => HeaderModule.Instantiate(_program).Dispose();
}
