using System.IO.Pipelines;
using Managed.AdminApi.Hosting;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Managed.AdminApi.Tests.Hosting;

public sealed class AdminConnectionsTests
{
    private readonly AdminConnections _connections = new(2);

    [Fact]
    public async Task WhenFull_TheLongestIdleMakesRoom()
    {
        FakeConnection first = new(), second = new(), third = new();
        var open = new[] { first, second, third }.Select(OpenAsync).ToList();
        Assert.True(first.IsAborted);
        Assert.False(second.IsAborted);
        Assert.False(third.IsAborted);
        await CloseAllAsync(open, first, second, third);
    }

    [Fact]
    public async Task ConnectionThatAsksSomething_IsNotIdle()
    {
        FakeConnection first = new(), second = new(), third = new();
        var open = new List<Task> { OpenAsync(first), OpenAsync(second) };
        var answer = new TaskCompletionSource();
        var asking = _connections.RunAsync(first.Request(), _ => answer.Task);
        open.Add(OpenAsync(third));
        Assert.False(first.IsAborted);
        Assert.True(second.IsAborted);
        answer.SetResult();
        await asking;
        await CloseAllAsync(open, first, second, third);
    }

    [Fact]
    public async Task WhenAllAskSomething_TheNewOneIsRefusedUntilOneHasGone()
    {
        FakeConnection first = new(), second = new(), third = new(), fourth = new();
        var open = new List<Task> { OpenAsync(first), OpenAsync(second) };
        var answer = new TaskCompletionSource();
        var asking = new[] { first, second }.Select(c => _connections.RunAsync(c.Request(), _ => answer.Task)).ToList();
        await OpenAsync(third);
        Assert.True(third.IsAborted);
        answer.SetResult();
        await Task.WhenAll(asking);
        first.Gone.SetResult();
        await open[0];
        open.Add(OpenAsync(fourth));
        Assert.False(second.IsAborted);
        Assert.False(fourth.IsAborted);
        await CloseAllAsync(open, second, fourth);
    }

    private Task OpenAsync(FakeConnection connection) => _connections.RunAsync(connection, _ => connection.Gone.Task);

    private static async Task CloseAllAsync(List<Task> open, params FakeConnection[] connections)
    {
        foreach (var connection in connections)
            connection.Gone.TrySetResult();
        await Task.WhenAll(open);
    }

    private sealed class FakeConnection : ConnectionContext, IConnectionItemsFeature
    {
        public TaskCompletionSource Gone { get; } = new();
        public bool IsAborted { get; private set; }
        public override string ConnectionId { get; set; } = "";
        public override IFeatureCollection Features { get; } = new FeatureCollection();
        public override IDictionary<object, object?> Items { get; set; } = new Dictionary<object, object?>();
        public override IDuplexPipe Transport { get; set; } = null!;

        public override void Abort() => IsAborted = true;

        public HttpContext Request()
        {
            var context = new DefaultHttpContext();
            context.Features.Set<IConnectionItemsFeature>(this);
            return context;
        }
    }
}
