using Managed.Proxy.Core;
using Managed.Proxy.Core.Tls;

namespace Managed.Proxy.Security;

/// <summary>
/// The contexts of one chain's TLS: one for each worker and set of certificates. Leased by the versions that have it unchanged, so that
/// their connections and sessions go on. Made before the version goes into service; where there are very many, each at the first handshake
/// that needs it.
/// </summary>
internal sealed class TlsServerContexts(TlsServerSettings settings, CertificateChoice choice, int workers) : SharedResource
{
    // A context costs 1 ms and 20 KB: more of them would make every publication wait.
    private const int MadeBefore = 256;

    private readonly TlsContext?[][] _contexts = [.. Enumerable.Range(0, workers).Select(_ => new TlsContext?[choice.Sets.Count])];
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
                if (Of(worker.Id, set) is null) return "a TLS context cannot be made";
        return null;
    }

    /// <summary>On its worker, or before that has it. Null: OpenSSL has no memory.</summary>
    public TlsContext? Of(int worker, int set)
        => _contexts[worker][set] ??= TlsContext.CreateServer(TlsLibrary.Of(worker), settings, choice.Sets[set], out _);

    // Connections that are open hold theirs; a context may be let go on any thread.
    protected internal override void Release(IReadOnlyList<WorkerContext> workers)
    {
        foreach (var worker in workers)
            worker.Post(static s =>
            {
                var (contexts, id) = ((TlsContext?[][], int))s!;
                for (int set = 0; set < contexts[id].Length; set++)
                {
                    contexts[id][set]?.Release();
                    contexts[id][set] = null;
                }
            }, (_contexts, worker.Id));
    }
}
