using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.Pools;
using Xunit;

namespace Managed.Proxy.Tests.Upstream;

/// <summary>A cluster's limits and its line of requests that wait, on a worker that does not run.</summary>
public sealed class ClusterStateTests
{
    private readonly IdleWorker _idle = new();
    private readonly ClusterState _state = new("up", 2);

    public ClusterStateTests() => _state.Count(new ClusterStats(_idle.Server.Stats.Begin(), "up"));

    [Fact]
    public void Waiting_IsInTheOrderOfTheirComing()
    {
        var waiting = Enumerable.Range(0, 5).Select(_ => new PendingRequest()).ToList();
        foreach (var request in waiting) Assert.True(_state.TryWait(_idle.Worker, request, ClusterLimits.Default));
        for (int i = 0; i < 5; i++)
        {
            _state.OnConnectionFree(_idle.Worker);
            Assert.Equal(i + 1, waiting.Count(r => r.Ready.IsCompleted));
            Assert.True(waiting[i].Ready.IsCompleted && !waiting[i].Queued);
        }
        Assert.Equal(0, _state.Pending);
        _state.OnConnectionFree(_idle.Worker); // nobody waits
    }

    [Fact]
    public void WhoWaitsOverTheLimit_IsRefused_AndWhoLeavesMakesRoom()
    {
        var limits = new ClusterLimits(new ClusterConfig()) { MaxPending = 2 };
        var (a, b, c) = (new PendingRequest(), new PendingRequest(), new PendingRequest());
        Assert.True(_state.TryWait(_idle.Worker, a, limits) && _state.TryWait(_idle.Worker, b, limits));
        Assert.False(_state.TryWait(_idle.Worker, c, limits));
        _state.StopWaiting(_idle.Worker, a);
        _state.StopWaiting(_idle.Worker, a); // again: nothing
        Assert.True(_state.TryWait(_idle.Worker, c, limits));
        Assert.Equal(2, _state.Pending);
        _state.OnConnectionFree(_idle.Worker);
        Assert.Equal((false, true, false), (a.Ready.IsCompleted, b.Ready.IsCompleted, c.Ready.IsCompleted));
    }

    [Fact]
    public void ThoseWhoLeft_AreNotKept_HoweverLongNoConnectionBecomesFree()
    {
        var gone = WaitAndLeave(100_000);
        GC.Collect();
        Assert.Equal(0, gone.Count(g => g.IsAlive));
        Assert.Equal(0, _state.Pending);
    }

    private List<WeakReference> WaitAndLeave(int count)
    {
        var gone = new List<WeakReference>();
        for (int i = 0; i < count; i++)
        {
            var request = new PendingRequest();
            Assert.True(_state.TryWait(_idle.Worker, request, ClusterLimits.Default));
            _state.StopWaiting(_idle.Worker, request);
            if (i % 1000 == 0) gone.Add(new WeakReference(request));
        }
        return gone;
    }

    [Fact]
    public void LimitOfRequests_IsExact()
    {
        var limits = new ClusterLimits(new ClusterConfig()) { MaxRequests = 3 };
        for (int i = 0; i < 3; i++) Assert.True(_state.TryEnterRequest(limits));
        Assert.False(_state.TryEnterRequest(limits));
        _state.LeaveRequest();
        Assert.True(_state.TryEnterRequest(limits));
        Assert.Equal(3, _state.Requests);
    }

    [Fact]
    public void AWorkerWithoutAConnection_MayHaveOneAtTheLimit()
    {
        var limits = new ClusterLimits(new ClusterConfig()) { MaxConnections = 1 };
        Assert.True(_state.TryEnterConnection(open: 0, limits));
        Assert.False(_state.TryEnterConnection(open: 1, limits));
        Assert.True(_state.TryEnterConnection(open: 0, limits)); // no worker starves (Envoy)
        Assert.Equal(2, _state.Connections);
    }

    [Fact]
    public void Defaults_AreEnvoys()
    {
        var limits = ClusterLimits.Default;
        Assert.Equal((1024, 1024, 1024, 3), (limits.MaxConnections, limits.MaxPending, limits.MaxRequests, limits.MaxRetries));
        Assert.Equal((5_000_000, 3_600_000_000, 0),
            (limits.ConnectTimeoutMicros, limits.IdleTimeoutMicros, limits.MaxRequestsPerConnection));
    }
}
