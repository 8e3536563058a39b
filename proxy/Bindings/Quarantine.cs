namespace Managed.Proxy.Bindings;

/// <summary>
/// The record of guest code that breaks its limits, on one worker or on several that share what they learn. Two accounts, and the first
/// that is full puts the code aside on all of them:
/// <para>Breaches: a second forgives one for each worker; with <see cref="Tolerated"/> for each the code is not called for a while, and
/// after that with the next; each time twice as long, until it has been good for a minute. Good calls in between forgive nothing: code that
/// is endless for some requests costs the others as much.</para>
/// <para>Time: while a breach ran, every connection of its worker stood still. Of the workers' time one part in <see cref="Share"/> may go
/// that way, in
/// the long run, and at once about one breach on each: with more than that the slowest hundredth of everybody's requests would be those
/// that waited for it. The pause is as long as it takes to make good for what was lost.</para>
/// <para>In the second after a breach that held a worker, and in the first after its quarantine, calls are to be
/// <see cref="IsStrict">stopped sooner</see>, on all workers: what was endless once mostly is so again.</para>
/// </summary>
/// <param name="workers">How many use it; more than one may do so at once.</param>
internal sealed class Quarantine(int workers = 1)
{
    private const int Tolerated = 10, Share = 800;
    private const long FirstPause = 1_000_000, LongestPause = 60_000_000, Forgiven = 60_000_000; // microseconds
    private const long LostByEach = 5_000, LeastLost = 10_000, Strict = 1_000_000; // microseconds

    private readonly Lock _lock = new();
    private readonly long _tolerated = Tolerated * workers, _mostLost = Math.Max(LeastLost, LostByEach * workers);
    private long _breaches, _last, _pause = FirstPause, _until, _lost, _strictUntil;

    /// <summary>Until when the code is not called; microseconds of the workers' clock.</summary>
    public long Until => Volatile.Read(ref _until);

    public bool Holds(long now) => now < Until;

    /// <summary>Whether a call that begins now is under suspicion.</summary>
    public bool IsStrict(long now) => now < Volatile.Read(ref _strictUntil);

    /// <summary>
    /// True: this breach begins a quarantine. False: it is one too few, or one that was under way when another worker's began it.
    /// </summary>
    /// <param name="now">Microseconds of the workers' clock.</param>
    /// <param name="held">How long it held its worker, microseconds; 0 when that does not matter.</param>
    /// <param name="accident">As long as this a single breach may take, microseconds.</param>
    public bool Add(long now, long held = 0, long accident = 0)
    {
        lock (_lock)
        {
            if (Holds(now)) return false;
            if (held > 0) Volatile.Write(ref _strictUntil, now + held + Strict);
            long since = Math.Max(0, now - _last);
            if (since > Forgiven) _pause = FirstPause;
            _breaches = Math.Max(0, _breaches - since * workers / 1_000_000) + 1;
            _lost = Math.Max(0, _lost - since * workers / Share) + held;
            _last = now;
            if (_breaches < _tolerated && _lost <= Math.Max(_mostLost, Math.Min(held, accident))) return false;
            _breaches = Math.Min(_breaches, _tolerated - 1);
            long pause = Math.Clamp(_lost * Share / workers, _pause, LongestPause);
            _lost = Math.Min(_lost, _mostLost);
            _last = now + pause;
            _pause = Math.Min(pause * 2, LongestPause);
            if (held > 0) Volatile.Write(ref _strictUntil, _last + Strict);
            Volatile.Write(ref _until, _last);
            return true;
        }
    }

    /// <summary>Goes on with what another has recorded. Before anybody uses it.</summary>
    public void Follow(Quarantine old)
    {
        lock (old._lock) (_breaches, _last, _pause, _until, _lost, _strictUntil) =
            (old._breaches, old._last, old._pause, old._until, old._lost, old._strictUntil);
    }
}
