namespace Managed.Proxy.Core;

/// <summary>
/// A shared object with parts outside the managed heap, of which the collector knows nothing: the states of a script, the machines of
/// a module. Snapshots lease it (<see cref="SharedState.Lease"/>) and give it back when their last stream has left.
/// </summary>
public abstract class SharedResource
{
    /// <summary>Snapshots that use it; under the lock of <see cref="SharedState"/>.</summary>
    internal int Leases { get; set; }
    internal bool Released { get; set; }

    /// <summary>For people: the code that it runs. Null when it is no code.</summary>
    public virtual string? Title => null;

    /// <summary>
    /// A version that leases it goes into service: makes what the workers will need, in their place. On the control thread; null, or why it
    /// cannot be.
    /// </summary>
    protected internal virtual string? Prepare(IReadOnlyList<WorkerContext> workers) => null;

    /// <summary>
    /// After <see cref="Prepare"/>, before the first stream of the version: takes what was made for this worker. On the worker.
    /// </summary>
    protected internal virtual void Install(WorkerContext worker)
    {
    }

    /// <summary>
    /// Gives the parts back, those of a worker on that worker (<see cref="WorkerContext.Post"/>), and each only when nothing runs in it. It
    /// is not leased again: whoever needs the like makes another. Control thread.
    /// </summary>
    protected internal abstract void Release(IReadOnlyList<WorkerContext> workers);

    /// <summary>Adds the state of its parts, one row a worker. On any thread, while workers run: figures may be a call old.</summary>
    public virtual void Describe(IReadOnlyList<WorkerContext> workers, ICollection<GuestVmStatus> into)
    {
    }
}
