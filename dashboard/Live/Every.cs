namespace Managed.Dashboard.Live;

/// <summary>A page's own clock.</summary>
internal static class Every
{
    /// <summary>Does it at each tick, one at a time, until the page is gone.</summary>
    public static async Task RunAsync(TimeSpan interval, Func<Task> act, CancellationToken gone)
    {
        using var timer = new PeriodicTimer(interval);
        try
        {
            while (await timer.WaitForNextTickAsync(gone))
                await act();
        }
        catch (OperationCanceledException)
        {
            // It is.
        }
    }
}
