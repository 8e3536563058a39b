using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;

namespace Managed.Dashboard.Tests.Components;

public sealed class LoadableTests
{
    private static readonly CancellationToken Never = CancellationToken.None;

    [Fact]
    public async Task FailureAfterSuccess_KeepsTheValueAsStale()
    {
        var loadable = new Loadable<string>();
        await loadable.LoadAsync(_ => Task.FromResult("one"), Never);
        await loadable.LoadAsync(_ => throw new AdminApiException(new Problem { Code = "UNREACHABLE" }), Never);
        Assert.True(loadable.Stale);
        Assert.Equal("one", loadable.Value);
        await loadable.LoadAsync(_ => Task.FromResult("two"), Never);
        Assert.False(loadable.Stale);
    }

    [Fact]
    public async Task EarlierReadThatAnswersLate_IsDropped()
    {
        var loadable = new Loadable<string>();
        var slow = new TaskCompletionSource<string>();
        var first = loadable.LoadAsync(_ => slow.Task, Never);
        await loadable.LoadAsync(_ => Task.FromResult("new"), Never);
        slow.SetResult("old");
        await first;
        Assert.Equal("new", loadable.Value);
    }
}
