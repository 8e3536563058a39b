using Microsoft.Extensions.Logging.Abstractions;

namespace Managed.Proxy.Tests;

/// <summary>
/// A worker whose thread was never started: for what takes a worker but needs no loop, or whose loop the test runs on its own thread
/// until something on it says <see cref="Done"/>.
/// </summary>
internal sealed class IdleWorker
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private bool _done;

    public ProxyServer Server { get; } = new(new ProxyOptions { Workers = 1, LoggerFactory = NullLoggerFactory.Instance });
    public Worker Worker => Server.WorkerAt(0);

    public void Done()
    {
        _done = true;
        Worker.Loop.Stop();
    }

    /// <summary>Runs the action as the first thing on the loop, and the loop until <see cref="Done"/>. Once only.</summary>
    public void Run(Action first)
    {
        using var limit = new Timer(_ => Worker.Loop.Stop(), null, Patience, Timeout.InfiniteTimeSpan);
        Worker.Post(_ => first(), null);
        Worker.Loop.Run();
        Xunit.Assert.True(_done, "the loop hung");
    }
}
