using Managed.Proxy.Bindings;
using Xunit;

namespace Managed.Proxy.Tests.Bindings;

public sealed class QuarantineTests
{
    private const long Second = 1_000_000;

    // Microseconds; the clock of a machine that has run for a while.
    private long _now = 1000 * Second;

    [Theory]
    [InlineData(1, 10)]
    [InlineData(4, 40)]
    public void TenBreachesForEachWorker_PutTheCodeAsideForASecond(int workers, int tolerated)
    {
        var quarantine = new Quarantine(workers);
        for (int i = 1; i < tolerated; i++) Assert.False(quarantine.Add(_now));
        Assert.True(quarantine.Add(_now));
        Assert.Equal(_now + Second, quarantine.Until);
        Assert.True(quarantine.Holds(_now + Second - 1));
        Assert.False(quarantine.Holds(_now + Second));
    }

    [Fact]
    public void ASecondForgivesOneBreach()
    {
        var quarantine = new Quarantine();
        for (int i = 0; i < 100; i++, _now += Second) Assert.False(quarantine.Add(_now));
    }

    [Fact]
    public void AfterAQuarantine_TheNextBreachIsEnough_AndItLastsTwiceAsLong_UpToAMinute()
    {
        var quarantine = new Quarantine();
        for (int i = 0; i < 9; i++) quarantine.Add(_now);
        foreach (int seconds in (int[])[1, 2, 4, 8, 16, 32, 60, 60])
        {
            Assert.True(quarantine.Add(_now));
            Assert.Equal(seconds * Second, quarantine.Until - _now);
            _now = quarantine.Until;
        }
    }

    [Fact]
    public void AMinuteWithoutBreach_StartsOver()
    {
        var quarantine = new Quarantine();
        for (int i = 0; i < 10; i++) quarantine.Add(_now);
        _now = quarantine.Until + 61 * Second;
        for (int i = 0; i < 9; i++) Assert.False(quarantine.Add(_now));
        Assert.True(quarantine.Add(_now));
        Assert.Equal(Second, quarantine.Until - _now);
    }

    [Fact]
    public void Loops_ArePutAsideAtTheSecond_ForLongerThanTheyHeldTheWorker()
    {
        var quarantine = new Quarantine();
        Assert.False(quarantine.Add(_now, held: 12_000, accident: 100_000));
        Assert.True(quarantine.Add(_now + 13_000, held: 12_000, accident: 100_000));
        Assert.Equal(800L * (24_000 - 13_000 / 800), quarantine.Until - (_now + 13_000)); // what was good in between is forgiven
    }

    [Fact]
    public void AfterABreachThatHeldAWorker_CallsAreUnderSuspicionForASecond_AndInTheFirstAfterTheQuarantine()
    {
        var quarantine = new Quarantine(workers: 2);
        Assert.False(quarantine.IsStrict(_now));
        quarantine.Add(_now);
        Assert.False(quarantine.IsStrict(_now)); // a trap holds nobody up
        quarantine.Add(_now, held: 12_000, accident: 100_000);
        Assert.True(quarantine.IsStrict(_now + 12_000 + Second - 1));
        Assert.False(quarantine.IsStrict(_now + 12_000 + Second));
        Assert.True(quarantine.Add(_now + 12_000, held: 5_000, accident: 100_000));
        Assert.True(quarantine.IsStrict(quarantine.Until + Second - 1));
        Assert.False(quarantine.IsStrict(quarantine.Until + Second));
    }

    [Fact]
    public void APauseMakesGoodForAllThatWasLost_OnAllWorkers()
    {
        var quarantine = new Quarantine(workers: 2);
        quarantine.Add(_now, held: 12_000, accident: 100_000);
        Assert.True(quarantine.Add(_now, held: 5_000, accident: 100_000));
        Assert.Equal(800 * 17_000 / 2, quarantine.Until - _now);
    }

    [Fact]
    public void WhatOneWorkerHasLearnt_TheOthersNeedNotPayFor()
    {
        var quarantine = new Quarantine(workers: 2);
        Assert.False(quarantine.Add(_now, held: 12_000, accident: 100_000)); // on the one
        Assert.True(quarantine.Add(_now, held: 12_000, accident: 100_000)); // on the other
        // A call that was under way meanwhile changes nothing, and is no second quarantine.
        long until = quarantine.Until;
        Assert.False(quarantine.Add(_now + 1000, held: 12_000, accident: 100_000));
        Assert.Equal(until, quarantine.Until);
    }

    [Fact]
    public void ASingleLongBreach_IsAnAccident_UnlessItIsVeryLong()
    {
        Assert.False(new Quarantine().Add(_now, held: 99_000, accident: 100_000));
        Assert.True(new Quarantine().Add(_now, held: 101_000, accident: 100_000));
    }

    [Fact]
    public void BreachesFarApart_NeverAddUp()
    {
        var quarantine = new Quarantine();
        for (int i = 0; i < 1000; i++, _now += 10 * Second) Assert.False(quarantine.Add(_now, held: 12_000, accident: 100_000));
    }

    [Fact]
    public void OfTheWorkersTime_NoMoreThanTheShareIsLostInTheLongRun()
    {
        // Called again as soon as it may be, for an hour, on both workers.
        var quarantine = new Quarantine(workers: 2);
        long lost = 0, begun = _now;
        while (_now - begun < 3600 * Second)
        {
            if (quarantine.Holds(_now)) { _now = quarantine.Until; continue; }
            _now += 12_000;
            lost += 12_000;
            quarantine.Add(_now, held: 12_000, accident: 100_000);
        }
        Assert.InRange(lost, 1, 2 * 3600 * Second / 800);
    }

    [Fact]
    public void TheNextScript_IsWatchedAsTheOneBefore()
    {
        var before = new Quarantine();
        for (int i = 0; i < 10; i++) before.Add(_now);
        var next = new Quarantine();
        next.Follow(before);
        Assert.True(next.Holds(_now));
        _now = next.Until;
        Assert.True(next.Add(_now));
        Assert.Equal(2 * Second, next.Until - _now);
    }
}
