using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Tls;

namespace Managed.Proxy.Security;

/// <summary>
/// The contexts of one chain's TLS: one for each worker and set of certificates. Leased by the versions that have it unchanged, so that
/// their connections and sessions go on. Made before the version goes into service; where there are very many, each when the first
/// handshake needs it, beside the worker: that handshake waits, the others do not.
/// </summary>
internal sealed class TlsServerContexts(TlsServerSettings settings, CertificateChoice choice, int workers) : SharedResource
{
    // A context costs 1 ms and 20 KB: more of them would make every publication wait.
    private const int MadeBefore = 256;

    private readonly TlsContext?[][] _contexts = [.. Enumerable.Range(0, workers).Select(_ => new TlsContext?[choice.Sets.Count])];
    // For each worker, touched by it alone: the handshakes that wait for a set's context.
    private readonly Dictionary<int, List<IoSource<TlsContext?>>>[] _waiting = [.. Enumerable.Range(0, workers)
        .Select(_ => new Dictionary<int, List<IoSource<TlsContext?>>>())];
    private readonly bool[] _released = new bool[workers]; // likewise
    private bool _tried, _prepared;

    /// <summary>Tries whether OpenSSL takes all of it; null, or why not. Control thread.</summary>
    public string? Try()
    {
        if (_tried) return null;
        // What the sets have in common is the same for all; the certificates were read already.
        var context = TlsContext.CreateServer(TlsLibrary.Of(0), settings, choice.Sets[0], out string? wrong);
        context?.Release();
        _tried = wrong is null;
        return wrong;
    }

    protected internal override string? Prepare(IReadOnlyList<WorkerContext> workers)
    {
        if (_prepared || choice.Sets.Count * workers.Count > MadeBefore) return null;
        _prepared = true;
        foreach (var worker in workers)
            for (int set = 0; set < choice.Sets.Count; set++)
                if ((_contexts[worker.Id][set] ??= Make(worker.Id, set)) is null) return "a TLS context cannot be made";
        return null;
    }

    /// <summary>
    /// Made beside the worker where there is none, for all that ask meanwhile. On the worker. Null: OpenSSL has no memory.
    /// </summary>
    public IoTask<TlsContext?> OfAsync(WorkerContext worker, int set)
    {
        if (_contexts[worker.Id][set] is { } context) return new IoTask<TlsContext?>(context);
        var waiting = _waiting[worker.Id];
        if (!waiting.TryGetValue(set, out var handshakes))
        {
            waiting[set] = handshakes = [];
            Chores.Add(() =>
            {
                TlsContext? made = null;
                try
                {
                    made = Make(worker.Id, set);
                }
                finally
                {
                    worker.Post(_ => Made(worker.Id, set, made), null);
                }
            });
        }
        var source = new IoSource<TlsContext?>();
        handshakes.Add(source);
        return new IoTask<TlsContext?>(source);
    }

    private TlsContext? Make(int worker, int set) => TlsContext.CreateServer(TlsLibrary.Of(worker), settings, choice.Sets[set], out _);

    private void Made(int worker, int set, TlsContext? context)
    {
        _contexts[worker][set] = context;
        if (_waiting[worker].Remove(set, out var handshakes))
            foreach (var handshake in handshakes) handshake.Complete(context);
        if (_released[worker]) ReleaseOf(worker);
    }

    // Connections that are open hold theirs; a context may be let go on any thread.
    protected internal override void Release(IReadOnlyList<WorkerContext> workers)
    {
        foreach (var worker in workers) worker.Post(id => ReleaseOf((int)id!), worker.Id);
    }

    private void ReleaseOf(int worker)
    {
        _released[worker] = true;
        foreach (ref var context in _contexts[worker].AsSpan())
        {
            context?.Release();
            context = null;
        }
    }
}
