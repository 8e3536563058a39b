using Managed.Proxy;
using Managed.Proxy.Core.Timers;

namespace Managed.TestKit;

/// <summary>Time as a worker has it: a machine that is busy makes it pass later, not otherwise.</summary>
public static class WorkerTime
{
    /// <summary>
    /// So long by a worker's own clock: what was armed there for an earlier moment, or had become ready before, has been done. For what is
    /// not to happen; what is to happen is awaited by <see cref="Eventually"/>.
    /// </summary>
    public static async Task PassAsync(this ProxyServer server, int milliseconds, int worker = 0)
    {
        var passed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var timer = new WheelTimer(static s => ((TaskCompletionSource)s!).TrySetResult(), passed);
        var on = server.WorkerAt(worker);
        on.Post(_ => on.Timers.Arm(timer, milliseconds * 1000L), null);
        await passed.Task;
    }
}
