namespace Managed.Proxy.Http.Filters.Cache;

/// <summary>
/// A response that one request has asked for and others wait for, on any worker. The lock is held for a moment, by requests that found
/// nothing.
/// </summary>
internal sealed class CacheFlight
{
    // Who waits may give up and stay in the list until the end; a first one that is slow on purpose must not make it long.
    private const int Most = 1000;

    private readonly Lock _lock = new();
    private List<(CacheFilter Filter, long Turn, Core.WorkerContext Worker)>? _waiting = [];

    /// <summary>False: it is over already, or too many wait: nobody will be told.</summary>
    public bool Wait(CacheFilter filter, long turn, Core.WorkerContext worker)
    {
        lock (_lock)
        {
            if (_waiting is null || _waiting.Count >= Most) return false;
            _waiting.Add((filter, turn, worker));
            return true;
        }
    }

    public void End()
    {
        List<(CacheFilter, long, Core.WorkerContext)>? waiting;
        lock (_lock) (waiting, _waiting) = (_waiting, null);
        foreach (var (filter, turn, worker) in waiting ?? [])
            worker.Post(static s =>
            {
                var (woken, at) = ((CacheFilter, long))s!;
                woken.OnLanded(at);
            }, (filter, turn));
    }
}
