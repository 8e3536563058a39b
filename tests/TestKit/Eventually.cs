namespace Managed.TestKit;

/// <summary>
/// Awaits a condition that only polling can see, such as a counter. The limit is for what never comes true: it says nothing of how fast a
/// thing is to be, so it is far beyond what a machine with other work takes.
/// </summary>
public static class Eventually
{
    /// <summary>Seconds.</summary>
    public const double Limit = 60;

    /// <exception cref="TimeoutException">The condition did not come true.</exception>
    public static async Task Async(Func<bool> condition, string what, double seconds = Limit)
    {
        var end = Environment.TickCount64 + (long)(seconds * 1000);
        while (!condition())
        {
            if (Environment.TickCount64 > end) throw new TimeoutException($"not within {seconds} s: {what}");
            await Task.Delay(5);
        }
    }

    /// <exception cref="TimeoutException">The condition did not come true.</exception>
    public static async Task TrueAsync(Func<Task<bool>> condition, string what = "", double seconds = Limit)
    {
        var end = Environment.TickCount64 + (long)(seconds * 1000);
        while (!await condition())
        {
            if (Environment.TickCount64 > end) throw new TimeoutException($"not within {seconds} s: {what}");
            await Task.Delay(20);
        }
    }
}
