namespace Managed.Proxy.Bindings;

/// <summary>
/// The record of guest code that breaks its limits: a second forgives one breach. With <see cref="Tolerated"/> of them the code is not
/// called for a while, and after that with the next; each time twice as long, until it has been good for a minute. Good calls in
/// between forgive nothing: code that is endless for some requests costs the others as much.
/// </summary>
internal sealed class Quarantine
{
    private const int Tolerated = 10;
    private const long FirstPause = 1_000_000, LongestPause = 60_000_000, Forgiven = 60_000_000; // microseconds

    private long _breaches, _last, _pause = FirstPause, _until;

    /// <summary>Until when the code is not called; worker-clock microseconds.</summary>
    public long Until => Volatile.Read(ref _until);

    public bool Holds(long now) => now < _until;

    /// <summary>True: this breach begins a quarantine.</summary>
    public bool Add(long now)
    {
        long since = now - _last;
        if (since > Forgiven) _pause = FirstPause;
        _breaches = Math.Max(0, _breaches - since / 1_000_000) + 1;
        _last = now;
        if (_breaches < Tolerated) return false;
        _breaches = Tolerated - 1;
        _last = _until = now + _pause;
        _pause = Math.Min(_pause * 2, LongestPause);
        return true;
    }

    public void Follow(Quarantine old) => (_breaches, _last, _pause, _until) = (old._breaches, old._last, old._pause, old._until);
}
