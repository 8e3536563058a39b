using Managed.Proxy.Core.Timers;

namespace Managed.TestKit;

/// <summary>Turns of a loop on a wheel, in a time of the test's own.</summary>
internal static class FakeTurns
{
    /// <summary>One turn at <paramref name="nowMicros"/>: fires all that is due, as a loop does.</summary>
    public static void Advance(this TimerWheel wheel, long nowMicros)
    {
        wheel.SetNow(nowMicros);
        while (wheel.TakeDue() is { } timer) timer.Callback(timer.State);
    }
}
