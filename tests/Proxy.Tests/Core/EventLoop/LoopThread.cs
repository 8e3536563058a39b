using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Xunit;

namespace Managed.Proxy.Tests.Core.EventLoop;

/// <summary>
/// A loop that runs on the test's own thread until something on it says <see cref="Done"/>; a loop that hangs fails the test.
/// </summary>
internal sealed class LoopThread : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private bool _done;

    public LoopThread() => Loop = new Managed.Proxy.Core.EventLoop.EventLoop(Caught.Add, new MemoryBudget(long.MaxValue));

    public Managed.Proxy.Core.EventLoop.EventLoop Loop { get; }
    /// <summary>What the loop contained.</summary>
    public List<Exception> Caught { get; } = [];

    public void Done()
    {
        _done = true;
        Loop.Stop();
    }

    /// <summary>Runs the action as the first thing on the loop, and the loop until <see cref="Done"/>.</summary>
    public void Run(Action first)
    {
        using var limit = new Timer(_ => Loop.Stop(), null, Patience, Timeout.InfiniteTimeSpan);
        Loop.Post(_ => first(), null);
        Loop.Run();
        Assert.True(_done, "the loop hung");
    }

    public void Dispose() => Loop.Close();
}

/// <summary>An eventfd on a loop: an event when it is rung.</summary>
internal sealed unsafe class Bell : IPollable, IDisposable
{
    private readonly int _fd = Libc.eventfd(0, Libc.EfdNonBlock | Libc.EfdCloExec);
    private readonly Managed.Proxy.Core.EventLoop.EventLoop _loop;
    private readonly Action _onEvent;

    public Bell(Managed.Proxy.Core.EventLoop.EventLoop loop, Action onEvent)
    {
        _loop = loop;
        _onEvent = onEvent;
        Assert.Equal(0, loop.Poller.Add(_fd, this, Libc.EpollIn | Libc.EpollEdge));
    }

    public bool IsAbandoned { get; private set; }

    public void Ring()
    {
        ulong one = 1;
        Assert.Equal(8, Libc.write(_fd, &one, 8));
    }

    public void OnEvents(uint events)
    {
        ulong count;
        _ = Libc.read(_fd, &count, 8);
        _onEvent();
    }

    public void Abandon() => IsAbandoned = true;

    public void Dispose()
    {
        _loop.Poller.Forget(_fd);
        _ = Libc.close(_fd);
    }
}
