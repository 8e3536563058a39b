using System.Text;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.Pools;
using Managed.Proxy.Upstream.Requests;
using Managed.TestKit;
using Xunit;
using Request = Managed.Proxy.Upstream.Requests.UpstreamRequest;

namespace Managed.Proxy.Tests.Upstream.Requests;

/// <summary>On the one worker of a data plane, whose cluster allows two requests and one connection.</summary>
public sealed class UpstreamRequestTests : IAsyncLifetime
{
    private RecordingUpstream _real = null!;
    private ProxyFixture _proxy = null!;
    private Worker _worker = null!;
    private Cluster _cluster = null!;

    private ClusterState State => _cluster.State;
    private Endpoint Endpoint => _cluster.Endpoints.All[0];

    public async ValueTask InitializeAsync()
    {
        _real = RecordingUpstream.Start();
        _proxy = await ProxyFixture.StartAsync($$"""
            clusters:
            - name: up
              circuit_breakers: {thresholds: [{max_connections: 1, max_requests: 2, max_pending_requests: 1}]}
              endpoints: ["127.0.0.1:{{_real.Port}}"]
            """);
        _worker = _proxy.Server.WorkerAt(0);
        _cluster = _proxy.Server.Current!.Clusters["up"];
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        await _real.DisposeAsync();
    }

    [Fact]
    public Task IdleConnectionThatClosesUnderARequest_IsTriedAgainOnANewOne() => OnWorkerAsync(async () =>
    {
        var far = await UsedConnectionAsync();
        var request = new Request(_worker);
        Assert.True(request.TryBegin(_cluster, isRepeatable: true));
        await SendAsync(request);
        far.ShutdownWrite();
        var failure = await request.ReadHeadAsync(new HeaderMap());
        Assert.Equal(new UpstreamFailure(FailureSide.Upstream, FailureReason.Closed, IsRetryable: true), failure);
        Assert.True(request.Finish(failure, 0));

        await SendAsync(request);
        Assert.True((await request.ReadHeadAsync(new HeaderMap())).IsNone);
        Assert.Equal(200, request.Exchange!.Status);
        Assert.False(request.Finish(default, 200));
        End(request);
        Assert.Equal((1, 1, 2), (Stat("upstream_rq_retry"), Stat("upstream_rq_retry_success"), Stat("upstream_rq_completed")));
        return true;
    });

    [Theory]
    [InlineData(false, "")]
    [InlineData(true, "HTTP/1.1 200 OK\r\ncontent-le")]
    public Task ConnectionThatCloses_IsTheEndWhereTheRequestMayHaveBeenServed(bool isRepeatable, string answer) => OnWorkerAsync(async () =>
    {
        var far = await UsedConnectionAsync();
        var request = new Request(_worker);
        Assert.True(request.TryBegin(_cluster, isRepeatable));
        await SendAsync(request);
        if (answer.Length > 0) await far.WriteAsync(Encoding.ASCII.GetBytes(answer));
        far.ShutdownWrite();
        var head = new HeaderMap();
        var failure = await request.ReadHeadAsync(head);
        Assert.Equal(UpstreamFailure.Closed, failure);
        Assert.Equal(0, head.Count);
        Assert.False(request.Finish(failure, 0));
        End(request);
        Assert.Equal((0, 1), (Stat("upstream_rq_retry"), Stat("upstream_rq_rx_reset")));
        return true;
    });

    [Fact]
    public Task AnswersThatAreNone_AreSoMany() => OnWorkerAsync(async () =>
    {
        var far = await UsedConnectionAsync();
        var request = new Request(_worker);
        Assert.True(request.TryBegin(_cluster, isRepeatable: true));
        await SendAsync(request);
        for (int i = 0; i <= Request.MaxInformational; i++) await far.WriteAsync("HTTP/1.1 103 Early Hints\r\n\r\n"u8.ToArray());
        for (int i = 0; i < Request.MaxInformational; i++)
        {
            Assert.True((await request.ReadHeadAsync(new HeaderMap())).IsNone);
            Assert.Equal(103, request.Exchange!.Status);
        }
        var failure = await request.ReadHeadAsync(new HeaderMap());
        Assert.Equal(UpstreamFailure.Protocol, failure);
        Assert.False(request.Finish(failure, 0));
        End(request);
        Assert.Equal((1, 1), (Stat("upstream_rq_informational_overflow"), Stat("upstream_cx_protocol_error")));
        return true;
    });

    [Fact]
    public Task RequestsOverTheLimit_AreRefusedAndLeaveNothing() => OnWorkerAsync(() =>
    {
        var requests = Enumerable.Range(0, 3).Select(_ => new Request(_worker)).ToArray();
        Assert.Equal([true, true, false], requests.Select(r => r.TryBegin(_cluster, isRepeatable: true)));
        Assert.Equal(2, State.Requests);
        foreach (var request in requests) End(request);
        Assert.Equal(1, Stat("upstream_rq_pending_overflow"));
        return new IoTask<bool>(true);
    });

    [Fact]
    public Task WhoWaitsForAConnection_GetsTheOneThatIsFree_OrIsStopped() => OnWorkerAsync(async () =>
    {
        Request first = new(_worker), second = new(_worker);
        Assert.True(first.TryBegin(_cluster, isRepeatable: true) && second.TryBegin(_cluster, isRepeatable: true));
        await SendAsync(first);

        var stopped = second.AcquireAsync(default);
        Assert.Equal(1, State.Pending);
        second.Stop();
        Assert.Equal(UpstreamFailure.GivenUp, await stopped);
        Assert.Equal(0, State.Pending);
        second.End();

        Assert.True(second.TryBegin(_cluster, isRepeatable: true));
        var waiting = second.AcquireAsync(default);
        Assert.False(waiting.IsCompleted);
        ulong connection = first.ConnectionId;
        await ReceiveAsync(first);
        Assert.True((await waiting).IsNone);
        Assert.Equal(connection, second.ConnectionId);
        await WriteAsync(second);
        await ReceiveAsync(second);
        End(first);
        End(second);
        return true;
    });

    [Fact]
    public Task ExchangeThatNobodyFinishes_IsGivenBackAtTheEnd() => OnWorkerAsync(async () =>
    {
        var far = await UsedConnectionAsync();
        var request = new Request(_worker);
        Assert.True(request.TryBegin(_cluster, isRepeatable: true));
        await SendAsync(request);
        Assert.True(await far.ReadAsync(new byte[1024]) > 0);
        End(request);
        Assert.True(await far.ReadAsync(new byte[1]) <= 0, "the upstream learns of it");
        return true;
    });

    // An idle connection of the pool that has carried a request already.
    private async IoTask<InMemoryTransport> UsedConnectionAsync()
    {
        var (near, far) = InMemoryTransport.Pair(_worker.Loop);
        var pool = EndpointPool.Of(Endpoint, _worker, State);
        pool.Return(new UpstreamConnection(_worker, pool, near));
        var request = new Request(_worker);
        Assert.True(request.TryBegin(_cluster, isRepeatable: true));
        await SendAsync(request);
        await AnswerAsync(far, request);
        request.End();
        return far;
    }

    private static async IoTask<bool> SendAsync(Request request)
    {
        Assert.True((await request.AcquireAsync(default)).IsNone);
        return await WriteAsync(request);
    }

    private static async IoTask<bool> WriteAsync(Request request)
    {
        var headers = new HeaderMap();
        headers.Add(":method", "GET");
        headers.Add(":path", "/");
        headers.Add(":authority", "up");
        request.Exchange!.WriteHead(headers, length: -1, hasBody: false, upgrade: false);
        request.Exchange.WriteEnd(null);
        Assert.Equal(0, await request.Exchange.FlushAsync());
        return true;
    }

    private static async IoTask<bool> AnswerAsync(InMemoryTransport far, Request request)
    {
        Assert.True(await far.ReadAsync(new byte[1024]) > 0);
        await far.WriteAsync("HTTP/1.1 204 No Content\r\n\r\n"u8.ToArray());
        Assert.True((await request.ReadHeadAsync(new HeaderMap())).IsNone);
        request.Exchange!.BeginBody(isHead: false, new HeaderMap());
        Assert.False(request.Finish(default, 204));
        return true;
    }

    private static async IoTask<bool> ReceiveAsync(Request request)
    {
        Assert.True((await request.ReadHeadAsync(new HeaderMap())).IsNone);
        var exchange = request.Exchange!;
        exchange.BeginBody(isHead: false, new HeaderMap());
        for (BodyResult result; (result = exchange.TryReadBody(out _)) != BodyResult.End;)
            if (result == BodyResult.NeedMore) Assert.True(await exchange.FillAsync() > 0);
        Assert.False(request.Finish(default, exchange.Status));
        return true;
    }

    // Whatever became of it, nothing of it is left.
    private void End(Request request)
    {
        request.End();
        request.Forget();
        Assert.Null(request.Exchange);
        if (State.Requests == 0) Assert.Equal(0, Endpoint.ActiveRequests);
    }

    private double Stat(string name) => _proxy.Server.Stats.Value("cluster.up." + name);

    private async Task OnWorkerAsync(Func<IoTask<bool>> test)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _worker.Post(_ => RunAsync().Forget(), null);
        await done.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Equal(0, State.Requests);

        async IoTask<bool> RunAsync()
        {
            try
            {
                await test();
                done.SetResult();
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
            return true;
        }
    }
}
