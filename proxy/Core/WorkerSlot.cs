namespace Managed.Proxy.Core;

/// <summary>
/// A place on every worker for a thing of one layer's own, such as a pool: a static field of that layer, so that the layers below need
/// not know of it. Costs an array access and a cast; whoever needs it per request keeps what it found.
/// </summary>
internal sealed class WorkerSlot<T> where T : class
{
    private readonly int _index = WorkerContext.TakeSlot();

    /// <summary>Null until it is set. The worker's thread, or before it runs.</summary>
    public T? this[WorkerContext worker]
    {
        get => (T?)worker.Slots[_index];
        set => worker.Slots[_index] = value;
    }
}
