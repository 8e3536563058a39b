namespace Managed.AdminApi.Auth;

/// <summary>
/// What is kept for a time only goes when that is over, also when nobody asks for it again: once a minute, as long as anybody has
/// something that will end.
/// </summary>
internal sealed class Expiry(TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly List<Func<bool>> _owners = [];
    private ITimer? _timer;

    /// <param name="sweep">Removes what has ended; whether something is left. Throws nothing.</param>
    public void Add(Func<bool> sweep)
    {
        lock (_lock)
            _owners.Add(sweep);
    }

    /// <summary>There is something that will end.</summary>
    public void Wake()
    {
        lock (_lock)
            _timer ??= time.CreateTimer(_ => Sweep(), null, Every, Every);
    }

    /// <summary>What the timer does.</summary>
    public void Sweep()
    {
        // Within the lock, so that who wakes it meanwhile finds it running or stopped, and never about to stop.
        lock (_lock)
        {
            var left = false;
            foreach (var owner in _owners)
                left |= owner();
            if (left)
                return;
            _timer?.Dispose();
            _timer = null;
        }
    }

    public void Dispose()
    {
        lock (_lock)
            _timer?.Dispose();
    }
}
