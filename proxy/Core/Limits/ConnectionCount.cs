namespace Managed.Proxy.Core.Limits;

/// <summary>
/// How many connections are open, over all workers: of one address, through all versions of its listener, or of the process.
/// </summary>
internal sealed class ConnectionCount
{
    private int _open;

    public int Open => Volatile.Read(ref _open);

    /// <summary>False, and nothing counted, when <paramref name="limit"/> are open.</summary>
    public bool TryEnter(int limit)
    {
        if (Interlocked.Increment(ref _open) <= limit) return true;
        Interlocked.Decrement(ref _open);
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref _open);
}
