namespace Managed.TestKit;

/// <summary>Awaits a condition that only polling can see, such as a counter.</summary>
public static class Eventually
{
    public static async Task Async(Func<bool> condition, string what, double seconds = 10)
    {
        var end = Environment.TickCount64 + (long)(seconds * 1000);
        while (!condition())
        {
            if (Environment.TickCount64 > end) throw new TimeoutException($"not within {seconds} s: {what}");
            await Task.Delay(5);
        }
    }

    public static async Task TrueAsync(Func<Task<bool>> condition, double seconds = 20)
    {
        var end = Environment.TickCount64 + (long)(seconds * 1000);
        while (!await condition())
        {
            if (Environment.TickCount64 > end) throw new TimeoutException($"not within {seconds} s");
            await Task.Delay(20);
        }
    }
}
