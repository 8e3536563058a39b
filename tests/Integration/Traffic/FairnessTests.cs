using Managed.Proxy;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Traffic;

/// <summary>
/// Who sends as fast as it can has its share of each turn of the worker, whatever reads it; the small requests of others go on meanwhile.
/// Looked at on the worker itself, once a turn, and a flood lasts until enough has been seen: how fast the machine is does not matter.
/// </summary>
[Collection(nameof(AloneTests))]
public sealed class FairnessTests
{
    // Longer than any machine takes to send it: the flood ends when the test has seen enough.
    private const long Endless = 1L << 40;
    private const int SmallRequests = 20;
    // Two shares: a look falls between what has just become ready and what waited for the turn. Beside them small requests.
    private const long Most = 2 * (SocketTransport.Share + BufferPool.LargeSize) + BufferPool.SmallSize;

    private const string Routes = """
        - {match: {prefix: /up}, route: {cluster: up, timeout: 0s}}
        - {match: {prefix: /}, direct_response: {status: 200, body: {inline_string: small}}}
        """;

    [Theory]
    [InlineData("upload")]
    [InlineData("unwanted")]
    [InlineData("download")]
    [InlineData("tunnel")]
    public async Task FloodOnOneConnection_LeavesTheWorkerToOthers(string kind)
    {
        await using var up = RecordingUpstream.Start();
        up.Script = peer => kind == "download" ? SendAsync(peer) : TakeAsync(peer);
        string tunnel = """

            - name: tunnel
              address: 127.0.0.1:0
              filter_chains:
              - {name: t, filters: [{name: tcp_proxy, typed_config: {stat_prefix: t, cluster: up}}]}

            """;
        var document = (EdgeDocument.To(up) with { Routes = Routes }).ToString()
            .Replace("\nclusters:", tunnel + "clusters:", StringComparison.Ordinal);
        await using var proxy = await ProxyFixture.StartAsync(document);
        await using var innocent = await proxy.ConnectAsync();
        using var witness = new TurnWitness(proxy, w => w.Loop.BytesMoved);
        // An unwanted body is read for a moment only and its connection closed; the others go on.
        long enough = kind == "unwanted" ? 4L << 20 : 48L << 20;

        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        var flood = Task.Run(() => FloodAsync(proxy, kind, end.Token), TestContext.Current.CancellationToken);
        for (int answered = 0; answered < SmallRequests || witness.Total < enough; answered++)
        {
            Assert.False(flood.IsCompleted, $"the flood ended after {answered} answers and {witness.Total} bytes: {flood.Exception}");
            await innocent.GetAsync("/small");
            Assert.Equal("small", (await innocent.ReadAsync()).Text);
        }
        await end.CancelAsync();
        await flood;

        Assert.InRange(witness.Most, 1, Most);
    }

    [Fact]
    public async Task ManyPipelinedRequests_AreServedInTurns()
    {
        const int count = 4000;
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with { Routes = Routes }).ToString());
        await using var client = await proxy.ConnectAsync();
        Assert.Equal(200, (await client.AskAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).Status);
        using var witness = new TurnWitness(proxy, w => w.Requests);
        await Eventually.Async(() => witness.IsLooking, "the witness to have seen a turn"); // what came before counts for nobody

        var sending = client.SendAsync(string.Concat(Enumerable.Repeat("GET / HTTP/1.1\r\nHost: a\r\n\r\n", count)));
        for (int i = 0; i < count; i++) Assert.Equal(200, (await client.ReadAsync()).Status);
        await sending;

        // The witness looks once a turn, so it may be one turn behind what the client has read.
        await Eventually.Async(() => witness.Total >= count - 1, "the witness to have seen the last turn");
        Assert.InRange(witness.Total, count - 1, count);
        Assert.InRange(witness.Most, 1, 2 * (Http1ServerConnection.RequestsPerTurn + 2));
    }

    // Until the test has seen enough; an unwanted body again and again, each on a connection of its own.
    private static async Task FloodAsync(ProxyFixture proxy, string kind, CancellationToken end)
    {
        try
        {
            do
            {
                await using var client = await proxy.ConnectAsync(kind == "tunnel" ? "tunnel" : "edge");
                await (kind == "download" ? ReceiveAsync(client, end) : PourAsync(client, kind == "unwanted" ? "/" : "/up", end));
            }
            while (kind == "unwanted");
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
        }
    }

    private static async Task PourAsync(RawClient client, string path, CancellationToken end)
    {
        await client.SendAsync($"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {Endless}\r\n\r\n");
        var piece = new byte[1 << 20];
        try
        {
            while (true) await client.Socket.SendAsync(piece.AsMemory(), end);
        }
        catch (System.Net.Sockets.SocketException) when (path == "/")
        {
            // an unwanted body: the connection is closed at last
        }
    }

    private static async Task ReceiveAsync(RawClient client, CancellationToken end)
    {
        await client.GetAsync("/up");
        var buffer = new byte[1 << 20];
        while (await client.Socket.ReceiveAsync(buffer.AsMemory(), end) > 0)
        {
        }
    }

    private static async Task SendAsync(UpstreamPeer peer)
    {
        await peer.ReadUntilAsync("\r\n\r\n");
        await peer.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Endless}\r\n\r\n");
        var piece = new byte[1 << 20];
        while (true) await peer.SendAsync(piece); // until the connection is gone
    }

    private static async Task TakeAsync(UpstreamPeer peer)
    {
        while (await peer.ReadSomeAsync() is { Length: > 0 })
        {
        }
    }

    /// <summary>On the one worker, once in each turn: by how much a number has grown.</summary>
    private sealed class TurnWitness : IDisposable
    {
        private readonly Worker _worker;
        private readonly Func<Worker, long> _number;
        private long _first = -1, _last, _most;
        private volatile bool _stop;

        public TurnWitness(ProxyFixture proxy, Func<Worker, long> number)
        {
            (_worker, _number) = (proxy.Server.WorkerAt(0), number);
            Next();
        }

        public bool IsLooking => Volatile.Read(ref _first) >= 0;
        public long Most => Volatile.Read(ref _most);
        public long Total => Volatile.Read(ref _last) - Volatile.Read(ref _first);

        public void Dispose() => _stop = true;

        private void Next() => _worker.Post(static w => ((TurnWitness)w!).Look(), this);

        private void Look()
        {
            long now = _number(_worker);
            if (_first < 0) Volatile.Write(ref _first, now);
            else Volatile.Write(ref _most, Math.Max(_most, now - _last));
            Volatile.Write(ref _last, now);
            if (!_stop) Next();
        }
    }
}
