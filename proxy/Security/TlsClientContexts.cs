using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Tls;

namespace Managed.Proxy.Security;

/// <summary>
/// The contexts of one cluster's TLS, one for each worker, with its sessions. Leased by the versions that have it unchanged.
/// </summary>
internal sealed class TlsClientContexts(TlsClientSettings settings, int workers) : SharedResource
{
    private readonly TlsContext?[] _contexts = new TlsContext?[workers + 1]; // the last one's is of the loop of health checks
    private EventLoop? _beside;
    private bool _tried;

    /// <summary>Tries whether OpenSSL takes all of it; null, or why not. Control thread.</summary>
    public string? Try()
    {
        if (_tried) return null;
        var context = TlsContext.CreateClient(TlsLibrary.Of(0), settings, out string? wrong);
        context?.Release();
        _tried = wrong is null;
        return wrong;
    }

    protected internal override string? Prepare(IReadOnlyList<WorkerContext> workers)
    {
        foreach (var worker in workers)
            if (Volatile.Read(ref _contexts[worker.Id]) is null && Of(worker.Id) is null) return "a TLS context cannot be made";
        return null;
    }

    /// <summary>On its worker, or before that has it. Null: OpenSSL has no memory.</summary>
    public TlsContext? Of(int worker)
    {
        if (worker == workers) _beside = EventLoop.Current;
        int library = Math.Min(worker, WorkerContext.MaxWorkers - 1);
        return _contexts[worker] ??= TlsContext.CreateClient(TlsLibrary.Of(library), settings, out _);
    }

    protected internal override void Release(IReadOnlyList<WorkerContext> workers)
    {
        foreach (var worker in workers) worker.Post(ReleaseOne, (_contexts, worker.Id));
        _beside?.Post(ReleaseOne, (_contexts, _contexts.Length - 1));
    }

    private static void ReleaseOne(object? state)
    {
        var (contexts, id) = ((TlsContext?[], int))state!;
        contexts[id]?.Release();
        contexts[id] = null;
    }
}
