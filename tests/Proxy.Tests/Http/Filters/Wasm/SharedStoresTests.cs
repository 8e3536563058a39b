using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Filters.Wasm.Plugins;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>The stores of vm_ids: documents may name as many as they like, one after another.</summary>
public sealed class SharedStoresTests
{
    private readonly WasmShared _shared = WasmShared.Of(new StatsRegistry());

    [Fact]
    public void AStoreThatIsUsed_Stays_HoweverManyOthersCome()
    {
        var used = _shared.DataOf("mine", 1 << 20);
        Ask(5000);
        Assert.Same(used, _shared.DataOf("mine", 1 << 20));
    }

    [Fact]
    public void StoresThatNobodyUses_AreForgotten_TheLastOnesLast()
    {
        Ask(5000);
        GC.Collect();
        _shared.DataOf("another", 1 << 20);
        Assert.InRange(_shared.Stores, 1, 100);
    }

    private void Ask(int count)
    {
        for (int i = 0; i < count; i++) _shared.DataOf($"vm{i}", 1 << 20);
    }
}
