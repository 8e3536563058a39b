namespace Managed.Proxy.Downstream.Listener;

/// <summary>
/// How many of a listener's connections each worker has, so that the next goes to the one with the fewest (Envoy's exact balance): the one
/// lock there is on the way of a connection, for those who ask for it.
/// </summary>
internal sealed class ExactBalance(int workers)
{
    private readonly int[] _counts = new int[workers];
    private readonly Lock _lock = new();

    /// <summary>The worker that is to have the next one, counted there; the one that asks where none has fewer.</summary>
    public int Enter(int asks)
    {
        lock (_lock)
        {
            int best = asks;
            for (int i = 0; i < _counts.Length; i++)
                if (_counts[i] < _counts[best]) best = i;
            _counts[best]++;
            return best;
        }
    }

    /// <summary>One more there, whoever has fewer.</summary>
    public void EnterAt(int worker)
    {
        lock (_lock) _counts[worker]++;
    }

    public void Leave(int worker)
    {
        lock (_lock) _counts[worker]--;
    }

    internal IReadOnlyList<int> Counts
    {
        get
        {
            lock (_lock) return [.. _counts];
        }
    }
}
