namespace Managed.Proxy.Router.Matching;

/// <summary>
/// What the expressions of one match may still cost in all. When one cannot be asked (nothing is left, or its subject is too long), nobody
/// knows what it would have said: the match as a whole then gives up, whether the expression was to let in or to keep out.
/// </summary>
internal struct MatchWork()
{
    /// <summary>Steps of about a nanosecond. The last expression may take as many again: a millisecond in all.</summary>
    public const int Most = 500_000;

    private int _left = Most;

    /// <summary>An expression could not be asked: what was found is no answer.</summary>
    public bool GaveUp { get; private set; }
    public readonly bool IsSpent => _left <= 0;

    public void Spend(int steps) => _left -= steps;
    public void GiveUp() => GaveUp = true;
}
