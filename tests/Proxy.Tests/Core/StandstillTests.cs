using Managed.Proxy.Core;
using Xunit;

namespace Managed.Proxy.Tests.Core;

public sealed class StandstillTests
{
    private const long Ms = 1000, Period = 50 * Ms;

    private Standstill _standstill;
    private long _now = 1_000_000;

    [Fact]
    public void LongTurn_IsCountedOnceAndAgainWhenItIsVeryLong()
    {
        var steps = Enumerable.Range(0, 60).Select(_ => Look(began: 1_000_000)).ToList();
        Assert.Equal(1, steps.IndexOf(StandstillStep.Miss)); // seen to take 100 ms
        Assert.Equal(19, steps.IndexOf(StandstillStep.MegaMiss)); // a second
        Assert.Equal(2, steps.Count(s => s != StandstillStep.None));
    }

    [Fact]
    public void ShortTurnsAndWaiting_CountNothing()
    {
        for (int i = 0; i < 100; i++) Assert.Equal(StandstillStep.None, Look(began: i % 2 == 0 ? 0 : _now - 40 * Ms));
        for (int i = 0; i < 100; i++) Assert.Equal(StandstillStep.None, Look(began: 0));
    }

    [Fact]
    public void LongTurnThatEndedBetweenLooks_IsCounted()
    {
        Look(began: 0);
        Look(began: 0);
        long turn = _now;
        Assert.Equal(StandstillStep.None, Look(began: turn));
        _now += 5 * Ms;
        Assert.Equal(StandstillStep.Miss, Look(began: 0, lastLong: turn));
        Assert.Equal(StandstillStep.None, Look(began: 0, lastLong: turn));
    }

    [Fact]
    public void LongTurnThatWasSeen_IsNotCountedAgainWhenItEnds()
    {
        long turn = _now;
        var seen = Enumerable.Range(0, 4).Select(_ => Look(began: turn)).ToList();
        Assert.Contains(StandstillStep.Miss, seen);
        Assert.Equal(StandstillStep.None, Look(began: 0, lastLong: turn));
    }

    [Fact]
    public void WholeMachineStandingStill_IsNotTheWorkersFault()
    {
        Look(began: 0);
        long turn = _now;
        // The look itself comes five seconds late, with the turn under way or over.
        Assert.Equal(StandstillStep.None, Look(began: turn, late: 5_000 * Ms));
        Assert.Equal(StandstillStep.None, Look(began: 0, lastLong: turn));
    }

    private StandstillStep Look(long began, long lastLong = 0, long late = 0)
    {
        _now += Period + late;
        return _standstill.Look(began, lastLong, _now, Period + late);
    }
}
