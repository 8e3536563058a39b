namespace Managed.AdminApi.Acme;

/// <summary>How long an authority is waited for, and how often it is asked.</summary>
internal sealed record AcmeLimits
{
    /// <summary>For one call.</summary>
    public TimeSpan Call { get; init; } = TimeSpan.FromSeconds(30);
    /// <summary>For a whole order; one that is not through then is gone on with at the next attempt.</summary>
    public TimeSpan Order { get; init; } = TimeSpan.FromMinutes(10);
    /// <summary>Between two looks at first, and at most.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromMilliseconds(250);
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(30);
    /// <summary>Orders on their way at one time.</summary>
    public int AtOnce { get; init; } = 4;

    private static readonly TimeSpan FirstBackOff = TimeSpan.FromMinutes(1), LongestBackOff = TimeSpan.FromDays(1);

    /// <summary>
    /// Until the next attempt after so many failures in a row: a minute, then twice as long each time up to a day, with up to a fifth on
    /// top so that many certificates do not come at once. For a certificate that lives for days only, a tenth of its life at most.
    /// </summary>
    public static TimeSpan BackOff(int failures, TimeSpan? life, double random)
    {
        var longest = life is { } days && days / 10 < LongestBackOff ? days / 10 : LongestBackOff;
        if (longest < FirstBackOff)
            longest = FirstBackOff;
        var pause = TimeSpan.FromTicks(Math.Min(FirstBackOff.Ticks << Math.Clamp(failures - 1, 0, 20), longest.Ticks));
        return pause * (1 + random / 5);
    }

    /// <summary>
    /// When a certificate is renewed: when the authority says, else at two thirds of its life; <paramref name="before"/> the end if that is
    /// said and earlier; never so late that less than a tenth of its life is left.
    /// </summary>
    public static DateTimeOffset RenewalOf(DateTimeOffset notBefore, DateTimeOffset notAfter, TimeSpan? before, DateTimeOffset? suggested)
    {
        var life = notAfter - notBefore;
        var own = before is { } lead ? notAfter - (lead < life ? lead : life) : notBefore + life * (2.0 / 3);
        var renewal = suggested is not { } said ? own : before is not null && own < said ? own : said;
        var last = notAfter - life / 10;
        return renewal < last ? renewal : last;
    }
}
