using Managed.Proxy.Core;

namespace Managed.Proxy.Upstream;

/// <summary>The one reference that publications swap: the version that new connections and new requests get. Any thread.</summary>
internal sealed class CurrentGeneration
{
    private static readonly WorkerSlot<CurrentGeneration> Slot = new();

    /// <summary>Null before the first publication.</summary>
    public volatile Generation? Value;

    /// <summary>The one of this worker's process.</summary>
    public static CurrentGeneration Of(WorkerContext worker) => Slot[worker]!;

    /// <summary>Before the worker runs.</summary>
    public void Give(WorkerContext worker) => Slot[worker] = this;
}
