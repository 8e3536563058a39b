using Managed.Dashboard.Hosting;
using Managed.Dashboard.Live;
using Microsoft.Extensions.Logging.Abstractions;

namespace Managed.Dashboard.Tests.Live;

/// <summary>When it is collected; what comes of it is measured by page-memory.mjs.</summary>
public sealed class PageMemoryTests
{
    private readonly OneTimer _time = new();
    private long _committed = 60 << 20;
    private int _collections, _told;

    [Fact]
    public void LastPage_IsFollowedByOneCollection()
    {
        using var memory = Create();
        memory.Opened();
        memory.Opened();
        _committed = 200 << 20;
        memory.Closed();
        Assert.Null(_time.Due); // somebody has a page still
        memory.Closed();
        Assert.Equal(PageMemory.Rest, _time.Due);
        _time.Ring();
        Assert.Equal(1, _collections);
        memory.Opened();
        memory.Closed();
        _time.Ring();
        Assert.Equal((1, 1), (_collections, _told)); // nothing has grown since
    }

    [Fact]
    public void PageThatComesMeanwhile_KeepsAllAsItIs()
    {
        using var memory = Create();
        memory.Opened();
        memory.Closed();
        _committed = 500 << 20;
        memory.Opened();
        Assert.Null(_time.Due);
        _time.Ring(); // it was on its way already
        Assert.Equal(0, _collections);
    }

    [Theory]
    [InlineData(31, 0)]
    [InlineData(32, 1)]
    public void LittleMemory_IsNotWorthIt(int more, int collections)
    {
        using var memory = Create();
        memory.Opened();
        _committed += (long)more << 20;
        memory.Closed();
        _time.Ring();
        Assert.Equal(collections, _collections);
    }

    [Fact]
    public void FailureOfTheHost_EndsNothing_AndIsTriedAgain()
    {
        using var memory = Create(() => throw new InvalidOperationException());
        for (var round = 1; round <= 2; round++)
        {
            memory.Opened();
            _committed += 100 << 20;
            memory.Closed();
            _time.Ring();
            Assert.Equal(round, _collections);
        }
    }

    private PageMemory Create(Action? told = null) => new(
        new DashboardOptions { Api = _ => new("http://node/"), PagesGone = told ?? (() => _told++) }, _time,
        NullLogger<PageMemory>.Instance)
    {
        Committed = () => _committed,
        Collect = () =>
        {
            _collections++;
            _committed = 60 << 20;
        },
    };

    private sealed class OneTimer : TimeProvider
    {
        private TimerCallback? _rings;

        public TimeSpan? Due { get; private set; }

        public void Ring() => _rings?.Invoke(null);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            (_rings, Due) = (callback, dueTime);
            return new Handle(this);
        }

        private sealed class Handle(OneTimer timer) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;
            public void Dispose() => timer.Due = null;
            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
