using System.Diagnostics;
using System.Globalization;
using System.Net;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Upstream.Pools;
using Managed.Proxy;

namespace Managed.TestKit;

/// <summary>
/// What a batch of requests cost the worker: its own allocations and its thread's CPU time, the two peers' small share included.
/// </summary>
public sealed record InMemoryPathCost(int Requests, long AllocatedBytes, TimeSpan Cpu, TimeSpan Elapsed)
{
    public double BytesPerRequest => (double)AllocatedBytes / Requests;
    public double CpuMicrosPerRequest => Cpu.TotalMicroseconds / Requests;
}

/// <summary>
/// The whole HTTP/1.1 path of the product in one process without a socket: a published document, its one worker, clients and an
/// upstream as straight-line code on that worker's loop. Each turn of the loop every connection carries one request, as a batch of
/// ready sockets would bring them.
/// </summary>
public sealed class InMemoryPath : IAsyncDisposable
{
    /// <summary>Connections that are ready together; the system calls of a turn spread over so many requests.</summary>
    public const int Connections = 32;

    private readonly InMemoryPathCase _case;
    private readonly ProxyFixture _proxy;
    private readonly Worker _worker;
    private readonly Signal[] _go = new Signal[Connections];
    private int _answered, _turns, _requests;
    private readonly TaskCompletionSource _settled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource<InMemoryPathCost> _done = new();
    private long _allocated, _cpu, _began;

    private InMemoryPath(InMemoryPathCase what, ProxyFixture proxy)
    {
        _case = what;
        _proxy = proxy;
        _worker = proxy.Server.WorkerAt(0);
    }

    public static async Task<InMemoryPath> StartAsync(InMemoryPathCase what)
    {
        var proxy = await ProxyFixture.StartAsync($$$"""
            clusters:
            - {name: up, endpoints: ["127.0.0.1:1"], http2: {{{(what.ToHttp2 ? "true" : "false")}}}}
            listeners:
            - name: edge
              address: 127.0.0.1:0
              filter_chains:
              - filters:
                - name: http_connection_manager
                  typed_config: {stat_prefix: edge, {{{what.Manager}}} http_filters: [{{{what.Filters.ReplaceLineEndings(" ")}}} {name: router}],
                    route_config: {name: local, virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, {{{what.Route}}}}]}]}}
            """);
        var path = new InMemoryPath(what, proxy);
        await path.OnWorkerAsync(path.Connect);
        if (what.ToHttp2) await path._settled.Task;
        return path;
    }

    /// <summary>Sends about so many requests (whole turns) and tells what they cost.</summary>
    public Task<InMemoryPathCost> RunAsync(int requests)
    {
        _done = new TaskCompletionSource<InMemoryPathCost>(TaskCreationOptions.RunContinuationsAsynchronously);
        _turns = Math.Max(1, requests / Connections);
        _requests = _turns * Connections;
        _worker.Post(static p => ((InMemoryPath)p!).Begin(), this);
        return _done.Task;
    }

    public ValueTask DisposeAsync() => _proxy.DisposeAsync();

    private void Connect()
    {
        var snapshot = _proxy.Server.Current!;
        var listener = snapshot.Listeners[0];
        var cluster = snapshot.Clusters["up"];
        var endpoint = cluster.Endpoints.Healthy[0];
        var pool = EndpointPool.Of(endpoint, _worker, cluster.State);
        if (_case.ToHttp2)
        {
            // One for all of them.
            var (near, upstream) = InMemoryTransport.Pair(_worker.Loop, far: endpoint.Address.EndPoint);
            new InMemoryHttp2(upstream).AnswerAsync().Forget();
            SettleAsync(new UpstreamConnection(_worker, pool, near, cluster.Http)).Forget();
        }
        for (int i = 0; i < Connections; i++)
        {
            // The pool finds these idle and so never has to connect.
            if (!_case.ToHttp2)
            {
                var (near, upstream) = InMemoryTransport.Pair(_worker.Loop, far: endpoint.Address.EndPoint);
                pool.Return(new UpstreamConnection(_worker, pool, near));
                AnswerAsync(upstream).Forget();
            }
            _go[i] = new Signal();
            var (server, client) = InMemoryTransport.Pair(_worker.Loop, listener.BoundAddress,
                new IPEndPoint(IPAddress.Loopback, 40000 + i));
            if (!_worker.Connections.Admits(listener)) throw new InvalidOperationException("not admitted");
            _worker.Connections.Serve(server, listener, snapshot, isCurrent: true);
            if (_case.ByHttp2) AskByHttp2Async(new InMemoryHttp2(client), _go[i]).Forget(); else AskAsync(client, _go[i]).Forget();
        }
    }

    private async IoTask<bool> SettleAsync(UpstreamConnection connection)
    {
        bool settled = await connection.SettleAsync();
        connection.Pool.Return(connection);
        _settled.SetResult();
        return settled;
    }

    private async IoTask<bool> AskByHttp2Async(InMemoryHttp2 client, Signal go)
    {
        await client.GreetAsync(isClient: true);
        while (true)
        {
            await go.WaitAsync();
            if (await client.AskAsync() is { } wrong) { Fail(wrong); return false; }
            if (++_answered == Connections) EndTurn();
        }
    }

    private async IoTask<bool> AskAsync(InMemoryTransport transport, Signal go)
    {
        var buffer = new byte[8192];
        while (true)
        {
            await go.WaitAsync();
            int length = await transport.WriteAsync(_case.Request);
            do
            {
                int n = await transport.ReadAsync(buffer.AsMemory(length));
                if (n <= 0) { Fail($"the proxy ended the connection ({n})"); return false; }
                length += n;
            }
            while (!InMemoryPathCase.IsWhole(buffer.AsSpan(0, length)));
            if (!buffer.AsSpan(0, length).StartsWith("HTTP/1.1 200 "u8))
            {
                Fail(System.Text.Encoding.ASCII.GetString(buffer, 0, length));
                return false;
            }
            if (++_answered == Connections) EndTurn();
        }
    }

    private async IoTask<bool> AnswerAsync(InMemoryTransport transport)
    {
        var buffer = new byte[8192];
        int length = 0;
        while (await transport.ReadAsync(buffer.AsMemory(length)) is > 0 and var n)
        {
            length += n;
            if (!InMemoryPathCase.IsWhole(buffer.AsSpan(0, length))) continue;
            length = 0;
            if (await transport.WriteAsync(_case.Response) < 0) break;
        }
        return true;
    }

    private void Begin()
    {
        _began = Stopwatch.GetTimestamp();
        _cpu = ThreadCpuNanoseconds();
        _allocated = GC.GetAllocatedBytesForCurrentThread();
        Turn();
    }

    private void Turn()
    {
        _answered = 0;
        foreach (var go in _go) go.Set();
    }

    private void EndTurn()
    {
        if (--_turns > 0) { _worker.Post(static p => ((InMemoryPath)p!).Turn(), this); return; }
        long allocated = GC.GetAllocatedBytesForCurrentThread() - _allocated;
        long cpu = ThreadCpuNanoseconds() - _cpu;
        _done.TrySetResult(new InMemoryPathCost(_requests, allocated, TimeSpan.FromMicroseconds(cpu / 1000.0),
            Stopwatch.GetElapsedTime(_began)));
    }

    private void Fail(string why) => _done.TrySetException(new InvalidOperationException(why));

    private Task OnWorkerAsync(Action action)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _worker.Post(_ =>
        {
            try { action(); done.SetResult(); }
            catch (Exception e) { done.SetException(e); }
        }, null);
        return done.Task;
    }

    // The scheduler's account of the calling thread; the first number is nanoseconds on a core.
    private static long ThreadCpuNanoseconds()
        => long.Parse(File.ReadAllText("/proc/thread-self/schedstat").Split(' ')[0], CultureInfo.InvariantCulture);
}
