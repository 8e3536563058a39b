using System.Net;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Upstream.Pools;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Codecs.Http2;

/// <summary>
/// The whole path of the product from a client of HTTP/2 to an upstream of HTTP/1.1, in memory: in steady state it allocates nothing.
/// </summary>
public sealed class ProxiedPathTests
{
    private const int Streams = 32;

    [Theory]
    [InlineData(0)]
    [InlineData(1000)]
    public async Task SteadyState_AllocatesNothing(int sends)
    {
        await using var proxy = await ProxyFixture.StartAsync(Downstream.NetworkFilters.HttpConnectionManager.Edge.Document("127.0.0.1:1"));
        var done = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        var worker = proxy.Server.WorkerAt(0);
        worker.Post(_ => RunAsync(proxy, worker, sends, done).Forget(), null);
        Assert.Equal(0, await done.Task.WaitAsync(TimeSpan.FromSeconds(100)));
    }

    private static async IoTask<bool> RunAsync(ProxyFixture proxy, Worker worker, int sends, TaskCompletionSource<long> done)
    {
        try
        {
            done.SetResult(await MeasureAsync(proxy, worker, sends));
        }
        catch (Exception e)
        {
            done.SetException(e);
        }
        return true;
    }

    private static async IoTask<long> MeasureAsync(ProxyFixture proxy, Worker worker, int sends)
    {
        var snapshot = proxy.Server.Current!;
        var listener = snapshot.Listeners[0];
        var cluster = snapshot.Clusters["up"];
        var endpoint = cluster.Endpoints.Healthy[0];
        var pool = EndpointPool.Of(endpoint, worker, cluster.State);
        for (int i = 0; i < Streams; i++)
        {
            var (near, upstream) = InMemoryTransport.Pair(worker.Loop, far: endpoint.Address.EndPoint);
            pool.Return(new UpstreamConnection(worker, pool, near));
            AnswerAsync(upstream).Forget();
        }
        var (server, far) = InMemoryTransport.Pair(worker.Loop, listener.BoundAddress, new IPEndPoint(IPAddress.Loopback, 40000));
        Assert.True(worker.Connections.Admits(listener));
        worker.Connections.Serve(server, listener, snapshot, isCurrent: true);
        var side = new TestSide(worker.Loop, new Http2Options());
        var client = new Http2ClientConnection(worker.Loop, side.Cells, far, side.Options, side.Stats, isSecure: false);
        client.RunAsync().Forget();
        var calls = Enumerable.Range(0, Streams).Select(_ => new TestCall(worker.Loop)).ToArray();
        var asked = new IoTask<bool>[Streams];
        long least = long.MaxValue;
        for (int round = 0; round < 60 && least > 0; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int n = 0; n < 30; n++)
            {
                for (int i = 0; i < Streams; i++) asked[i] = calls[i].AskAndFinishAsync(client, "/some/path?query=1", sends);
                for (int i = 0; i < Streams; i++) Assert.True(await asked[i]);
            }
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        far.Close();
        return least;
    }

    // Requests come whole or in pieces that end with the last chunk.
    private static async IoTask<bool> AnswerAsync(InMemoryTransport transport)
    {
        byte[] buffer = new byte[8192], answer =
            "HTTP/1.1 200 OK\r\nserver: up\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello"u8.ToArray();
        int length = 0;
        while (await transport.ReadAsync(buffer.AsMemory(length)) is > 0 and var n)
        {
            length += n;
            var all = buffer.AsSpan(0, length);
            bool chunked = all.IndexOf("transfer-encoding: chunked"u8) >= 0;
            if (chunked ? !all.EndsWith("0\r\n\r\n"u8) : !all.EndsWith("\r\n\r\n"u8)) continue;
            length = 0;
            if (await transport.WriteAsync(answer) < 0) break;
        }
        return true;
    }
}
