using System.Net;
using System.Net.Sockets;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.Pools;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.Pools;

/// <summary>One worker's connections to one endpoint, on a loop that the test runs.</summary>
public sealed class EndpointPoolTests : IDisposable
{
    private readonly IdleWorker _idle = new();
    private readonly ClusterState _state = new("up", 2);
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public EndpointPoolTests()
    {
        _state.Count(new ClusterStats(_idle.Server.Stats.Begin(), "up"));
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
    }

    public void Dispose() => _listener.Dispose();

    private EndpointPool Pool(int? port = null)
        => EndpointPool.Of(Endpoints.At(new IPEndPoint(IPAddress.Loopback, port ?? ((IPEndPoint)_listener.LocalEndPoint!).Port)),
            _idle.Worker, _state);

    private async IoTask<UpstreamConnection> ConnectAsync(EndpointPool pool)
    {
        Assert.True(_state.TryEnterConnection(pool.OpenConnections, ClusterLimits.Default));
        var (connection, error) = await pool.ConnectAsync(new ConnectAttempt(), ClusterLimits.Default);
        Assert.Equal(0, error);
        return connection!;
    }

    // As after a request whose answer was read to its end.
    private static void PutBack(UpstreamConnection connection)
    {
        var exchange = connection.Begin();
        exchange.WriteEnd(null);
        exchange.BeginBody(isHead: true, new Managed.Proxy.Http.Headers.HeaderMap());
        connection.Finish(complete: true);
    }

    private void Run(Func<IoTask<bool>> body)
    {
        Exception? failure = null;
        _idle.Run(() => GuardAsync().Forget());
        if (failure is not null) throw new InvalidOperationException("on the loop", failure);

        async IoTask<bool> GuardAsync()
        {
            try { await body(); } catch (Exception e) { failure = e; }
            _idle.Done();
            return true;
        }
    }

    [Fact]
    public void ConnectionThatFails_GivesItsPlaceBack() => Run(async () =>
    {
        var pool = Pool(FreePort.Next());
        for (int i = 0; i < 3; i++)
        {
            Assert.True(_state.TryEnterConnection(pool.OpenConnections, ClusterLimits.Default));
            var (connection, error) = await pool.ConnectAsync(new ConnectAttempt(), ClusterLimits.Default);
            Assert.Null(connection);
            Assert.True(error < 0);
        }
        Assert.Equal((0, 0, 3), (_state.Connections, pool.OpenConnections, pool.Endpoint.ConnectFailures));
        return true;
    });

    [Fact]
    public void TheLastUsed_IsUsedFirst_AndEachOnce() => Run(async () =>
    {
        var pool = Pool();
        var (a, b) = (await ConnectAsync(pool), await ConnectAsync(pool));
        PutBack(a);
        PutBack(b);
        Assert.Same(b, pool.TryTake());
        Assert.Same(a, pool.TryTake());
        Assert.Null(pool.TryTake());
        Assert.Equal((2, 2), (_state.Connections, pool.OpenConnections));
        a.Close();
        a.Close(); // again: nothing
        b.Close();
        Assert.Equal((0, 0, 0), (_state.Connections, pool.OpenConnections, pool.Endpoint.ActiveConnections));
        return true;
    });

    [Fact]
    public void Retire_ClosesWhatIsIdle_AndWhatIsBusyWhenItIsDone() => Run(async () =>
    {
        var pool = Pool();
        var (idle, busy) = (await ConnectAsync(pool), await ConnectAsync(pool));
        PutBack(idle);
        EndpointPool.Retire(pool.Endpoint, _idle.Worker);
        Assert.True(idle.Transport.IsClosed);
        Assert.False(busy.Transport.IsClosed);
        PutBack(busy);
        Assert.True(busy.Transport.IsClosed);
        Assert.Null(pool.TryTake());
        Assert.Equal(0, _state.Connections);
        return true;
    });

    [Fact]
    public void PeerThatGoes_TakesItsIdleConnectionOutOfThePool() => Run(async () =>
    {
        var pool = Pool();
        var connection = await ConnectAsync(pool);
        using var peer = _listener.Accept();
        PutBack(connection);
        peer.Close();
        for (int i = 0; i < 600 && pool.OpenConnections > 0; i++) await TurnAsync(100_000);
        Assert.Null(pool.TryTake());
        Assert.Equal(0, _state.Connections);
        return true;
    });

    [Fact]
    public void IdleConnection_IsClosedWhenItsTimeIsOver() => Run(async () =>
    {
        _state.Limits = new ClusterLimits(new ClusterConfig()) { IdleTimeoutMicros = 50_000 };
        var pool = Pool();
        PutBack(await ConnectAsync(pool));
        await TurnAsync(100_000); // a later timer of the same wheel
        Assert.Equal((0, 0), (_state.Connections, pool.OpenConnections));
        return true;
    });

    [Fact]
    public void ConnectionThatWasUsedOftenEnough_IsNotKept() => Run(async () =>
    {
        _state.Limits = new ClusterLimits(new ClusterConfig()) { MaxRequestsPerConnection = 2 };
        var pool = Pool();
        var connection = await ConnectAsync(pool);
        PutBack(connection);
        Assert.Same(connection, pool.TryTake());
        PutBack(connection);
        Assert.Null(pool.TryTake());
        Assert.Equal(0, _state.Connections);
        return true;
    });

    [Fact]
    public void WhoWaits_IsWokenByEachWayThatAConnectionEnds() => Run(async () =>
    {
        var pool = Pool();
        foreach (var end in new Action<UpstreamConnection>[] { PutBack, c => c.Close(), c => c.Finish(complete: false) })
        {
            var connection = pool.TryTake() ?? await ConnectAsync(pool);
            var waiting = new PendingRequest();
            Assert.True(_state.TryWait(_idle.Worker, waiting, ClusterLimits.Default));
            end(connection);
            Assert.True(waiting.Ready.IsCompleted);
        }
        return true;
    });

    [Fact]
    public void RoomOfACrowd_GoesWithIt() => Run(async () =>
    {
        var pool = Pool();
        var crowd = new List<UpstreamConnection>();
        for (int i = 0; i < 400; i++)
        {
            crowd.Add(await ConnectAsync(pool));
            _listener.Accept().Dispose();
        }
        int most = pool.Room;
        foreach (var connection in crowd) connection.Close();
        Assert.True(most >= 400);
        Assert.InRange(pool.Room, 0, 200);
        Assert.Equal((0, 0), (_state.Connections, pool.OpenConnections));
        return true;
    });

    private IoTask<bool> TurnAsync(long micros)
    {
        var passed = new IoSource<bool>();
        _idle.Worker.Timers.Arm(new WheelTimer(s => ((IoSource<bool>)s!).Complete(true), passed), micros);
        return passed.AsTask();
    }
}
