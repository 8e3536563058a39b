using System.Collections.Concurrent;
using Managed.Proxy.Core.EventLoop;

namespace Managed.Proxy.Core;

/// <summary>
/// What takes time that a worker has not: done by one thread of the process, soon and in order, when no worker wants the processor. (The
/// thread pool would do it at once and on several threads, beside or in place of the workers.)
/// </summary>
internal static class Chores
{
    private const int Niceness = 5;

    private static readonly BlockingCollection<Action> Waiting = [];

    static Chores() => new Thread(Run) { Name = "chores", IsBackground = true }.Start();

    /// <summary>From any thread.</summary>
    public static void Add(Action chore) => Waiting.Add(chore);

    /// <summary>Waits for what has been added so far, at most as long as given.</summary>
    public static void Finish(TimeSpan patience)
    {
        using var done = new SemaphoreSlim(0);
        Add(() => Release(done));
        done.Wait(patience);
    }

    private static void Release(SemaphoreSlim done)
    {
        try
        {
            done.Release();
        }
        catch (ObjectDisposedException)
        {
            // Whoever waited has gone.
        }
    }

    private static void Run()
    {
        _ = Libc.setpriority(0, 0, Niceness);
        foreach (var chore in Waiting.GetConsumingEnumerable())
        {
            try
            {
                chore();
            }
            catch (Exception)
            {
                // A logger that fails, or who listens to events: there is nobody to tell, and the next chore is not its fault.
            }
        }
    }
}
