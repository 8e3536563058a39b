using CsCheck;
using Managed.Proxy.Core.Timers;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Core.Timers;

public sealed class TimerWheelTests
{
    private const long Second = 1_000_000;

    private readonly List<string> _fired = [];

    [Fact]
    public void AnyTurns_FireAsAListWould_AtMost10MsLate() => Gen.Int.Sample(seed =>
    {
        var model = new WheelModel(seed);
        model.Run(300);
        Assert.NotEqual(0, model.FiredCount);
    }, iter: 400, threads: 1);

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(60)]
    [InlineData(3600)]
    public void AfterAnIdleGap_ATimerIsOnTime(int seconds)
    {
        for (long gap = 0; gap < 9 * Second; gap += 37_000)
        {
            var wheel = new TimerWheel(0);
            long fired = 0, now = gap;
            var timer = new WheelTimer(_ => fired = now, null);
            wheel.SetNow(now); // an event wakes the loop and arms it before the timers' own time in this turn
            wheel.Arm(timer, seconds * Second);
            wheel.Advance(now);
            while (timer.IsArmed) wheel.Advance(now += wheel.MillisecondsToNext(now) * 1000L);
            Assert.InRange(fired - gap - seconds * Second, 0, 10_000);
        }
    }

    [Fact]
    public void PushedOn_FiresAtTheLaterTimeAlone()
    {
        var wheel = new TimerWheel(0);
        var timer = Named("it");
        wheel.Arm(timer, 50_000);
        wheel.Arm(timer, 100_000);
        wheel.Advance(70_000);
        Assert.Empty(_fired);
        wheel.Advance(110_000);
        wheel.Advance(10 * Second);
        Assert.Equal(["it"], _fired);
    }

    [Fact]
    public void PulledForward_FiresAtTheEarlierTime()
    {
        var wheel = new TimerWheel(0);
        var timer = Named("it");
        wheel.Arm(timer, 3600 * Second);
        wheel.Arm(timer, 1000);
        wheel.Advance(10_000);
        Assert.Equal(["it"], _fired);
    }

    [Fact]
    public void DueTogether_FireInTheOrderOfTheirTimes()
    {
        var wheel = new TimerWheel(0);
        foreach (int seconds in (int[])[3, 1, 2])
            wheel.Arm(Named(seconds.ToString(System.Globalization.CultureInfo.InvariantCulture)), seconds * Second);
        wheel.Advance(4 * Second);
        Assert.Equal(["1", "2", "3"], _fired);
    }

    [Fact]
    public void CancelledWhileDue_DoesNotFire()
    {
        var wheel = new TimerWheel(0);
        var second = Named("second");
        var third = Named("third");
        wheel.Arm(new WheelTimer(_ => { wheel.Remove(second); wheel.Cancel(third); }, null), 1000);
        wheel.Arm(second, 20_000);
        wheel.Arm(third, 20_000);
        wheel.Advance(Second);
        Assert.Empty(_fired);
        wheel.Remove(third);
        Assert.Equal(-1, wheel.MillisecondsToNext(Second));
    }

    [Fact]
    public void RearmedWithNoDelayFromItsCallback_DoesNotHoldTheTurn()
    {
        var wheel = new TimerWheel(0);
        int count = 0;
        WheelTimer timer = null!;
        timer = new WheelTimer(_ => { count++; wheel.Arm(timer, 0); }, null);
        wheel.Arm(timer, 0);
        wheel.Advance(10_000);
        Assert.Equal(1, count);
        wheel.Advance(20_000);
        Assert.Equal(2, count);
    }

    [Fact]
    public void LongestDelay_IsNotInThePast()
    {
        var wheel = new TimerWheel(Second);
        var timer = Named("it");
        wheel.Arm(timer, long.MaxValue);
        wheel.Advance(365L * 24 * 3600 * Second);
        Assert.Empty(_fired);
        Assert.True(timer.IsArmed);
    }

    private WheelTimer Named(string name) => new(_ => _fired.Add(name), null);
}
