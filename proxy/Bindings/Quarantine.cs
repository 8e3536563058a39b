namespace Managed.Proxy.Bindings;

/// <summary>
/// The record of guest code that breaks its limits. Two accounts, and the first that is full puts the code aside:
/// <para>Breaches: a second forgives one; with <see cref="Tolerated"/> of them the code is not called for a while, and after that with the next;
/// each time twice as long, until it has been good for a minute. Good calls in between forgive nothing: code that is endless for some
/// requests costs the others as much.</para>
/// <para>Time: while a breach ran, every connection of the worker stood still. Of a worker's time one part in <see cref="Share"/> may go that way, in
/// the long run: more than that and the slowest hundredth of everybody's requests would be those that waited for it.</para>
/// </summary>
internal sealed class Quarantine
{
    private const int Tolerated = 10, Share = 400;
    private const long FirstPause = 1_000_000, LongestPause = 60_000_000, Forgiven = 60_000_000; // microseconds
    private const long MostLost = 20_000; // microseconds

    private long _breaches, _last, _pause = FirstPause, _until, _lost;

    /// <summary>Until when the code is not called; worker-clock microseconds.</summary>
    public long Until => Volatile.Read(ref _until);

    public bool Holds(long now) => now < _until;

    /// <summary>True: this breach begins a quarantine.</summary>
    /// <param name="now">Worker-clock microseconds.</param>
    /// <param name="held">How long it held the worker, microseconds; 0 when that does not matter.</param>
    /// <param name="accident">As long as this a single breach may take, microseconds.</param>
    public bool Add(long now, long held = 0, long accident = 0)
    {
        long since = now - _last;
        if (since > Forgiven) _pause = FirstPause;
        _breaches = Math.Max(0, _breaches - since / 1_000_000) + 1;
        _lost = Math.Max(0, _lost - since / Share) + held;
        _last = now;
        if (_breaches < Tolerated && _lost <= Math.Max(MostLost, Math.Min(held, accident))) return false;
        _breaches = Math.Min(_breaches, Tolerated - 1);
        _lost = Math.Min(_lost, MostLost);
        long pause = Math.Clamp(held * Share, _pause, Math.Max(_pause, LongestPause));
        _last = _until = now + pause;
        _pause = Math.Min(_pause * 2, LongestPause);
        return true;
    }

    public void Follow(Quarantine old) => (_breaches, _last, _pause, _until, _lost) = (old._breaches, old._last, old._pause, old._until, old._lost);
}
