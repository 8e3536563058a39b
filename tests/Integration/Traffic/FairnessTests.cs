using Managed.Proxy;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Traffic;

/// <summary>
/// Who sends as fast as it can has its share of each turn of the worker, whatever reads it; the small requests of others go on meanwhile. Looked
/// at on the worker itself, once a turn: how fast the machine is does not matter.
/// </summary>
[Collection(nameof(AloneTests))]
public sealed class FairnessTests
{
    private const long Flood = 96L << 20;
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
        var document = (EdgeDocument.To(up) with { Routes = Routes }).ToString().Replace("\nclusters:", tunnel + "clusters:", StringComparison.Ordinal);
        await using var proxy = await ProxyFixture.StartAsync(document);
        await using var innocent = await proxy.ConnectAsync();
        await using var flooding = await proxy.ConnectAsync(kind == "tunnel" ? "tunnel" : "edge");
        using var witness = new TurnWitness(proxy, w => w.Loop.BytesMoved);

        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        var flood = Task.Run(() => kind == "download" ? ReceiveAsync(flooding, end.Token) : PourAsync(flooding, kind == "unwanted" ? "/" : "/up", end.Token), end.Token);
        int answered = 0;
        while (!flood.IsCompleted)
        {
            await innocent.GetAsync("/small");
            Assert.Equal("small", (await innocent.ReadAsync()).Text);
            answered++;
        }
        await flood;

        Assert.InRange(answered, 10, int.MaxValue);
        Assert.InRange(witness.Total, kind == "unwanted" ? 1 << 20 : Flood / 2, long.MaxValue);
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

        var sending = client.SendAsync(string.Concat(Enumerable.Repeat("GET / HTTP/1.1\r\nHost: a\r\n\r\n", count)));
        for (int i = 0; i < count; i++) Assert.Equal(200, (await client.ReadAsync()).Status);
        await sending;

        Assert.InRange(witness.Total, count - 1, count);
        Assert.InRange(witness.Most, 1, 2 * (Http1ServerConnection.RequestsPerTurn + 2));
    }

    private static async Task PourAsync(RawClient client, string path, CancellationToken end)
    {
        await client.SendAsync($"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {Flood}\r\n\r\n");
        var piece = new byte[1 << 20];
        try
        {
            for (long left = Flood; left > 0;) left -= await client.Socket.SendAsync(piece.AsMemory(0, (int)Math.Min(left, piece.Length)), end);
        }
        catch (System.Net.Sockets.SocketException)
        {
            // an unwanted body: the connection is closed at last
        }
    }

    private static async Task ReceiveAsync(RawClient client, CancellationToken end)
    {
        await client.GetAsync("/up");
        var buffer = new byte[1 << 20];
        for (long left = Flood; left > 0;)
        {
            int n = await client.Socket.ReceiveAsync(buffer.AsMemory(), end);
            if (n == 0) break;
            left -= n;
        }
    }

    private static async Task SendAsync(UpstreamPeer peer)
    {
        await peer.ReadUntilAsync("\r\n\r\n");
        await peer.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Flood}\r\n\r\n");
        var piece = new byte[1 << 20];
        for (long left = Flood; left > 0; left -= piece.Length) await peer.SendAsync(piece);
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
