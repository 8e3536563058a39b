using System.Diagnostics;
using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Codecs.Http2;

/// <summary>
/// What streams do to each other, what windows hold back, how a connection ends: over sockets, against a peer written by hand.
/// </summary>
public sealed class FlowTests
{
    [Fact]
    public async Task StreamsThatAreReady_TakeTurns()
    {
        await using var server = new Http2TestServer();
        await using var peer = await Http2Peer.ConnectAsync(server.Port);
        await peer.SendAsync(new Http2Script().Window(0, 1 << 20).Settings((SettingId.InitialWindowSize, 1u << 20))
            .Request(1, "/bytes/200000").Request(3, "/bytes/200000"));
        var order = new List<int>();
        int ended = 0;
        while (ended < 2 && await peer.ReadMeaningfulAsync() is { } frame)
        {
            if (frame.Type == FrameType.Data) order.Add(frame.StreamId);
            if (frame.Ends) ended++;
        }
        Assert.Equal(2, ended);
        // Of one never many more than of the other.
        int ahead = 0;
        foreach (int id in order) Assert.InRange(ahead += id == 1 ? 1 : -1, -5, 5);
    }

    [Fact]
    public async Task StreamWithoutWindow_HoldsNeitherTheOthersNorMemory()
    {
        await using var server = new Http2TestServer();
        await using var peer = await Http2Peer.ConnectAsync(server.Port);
        await peer.SendAsync(new Http2Script().Settings((SettingId.InitialWindowSize, 0u)).Request(1, "/echo", false, "POST"));
        for (int i = 0; i < 4; i++) await peer.SendAsync(new Http2Script().Data(1, 16384));
        await peer.SendAsync(new Http2Script().Ping(9));
        bool more = false;
        while (await peer.ReadAsync() is { } frame && frame.Type != FrameType.Ping)
            more |= frame is { Type: FrameType.WindowUpdate, StreamId: 1 };
        // Echoed is what the peer takes, so nothing of it; what is copied for sending may be asked for again, never the whole.
        for (int i = 3; i < 23; i += 2)
        {
            await peer.SendAsync(new Http2Script().Request(i).Window(i, 100));
            Assert.Equal($"DATA {i} 5 END", (await peer.ReadStreamAsync(i))[^1].ToString());
        }
        long used = await server.OnLoopAsync(() => server.Loop.Buffers.Used);
        Assert.InRange(used, 1, 256 * 1024);
        // The consumer goes on once the peer takes.
        await peer.SendAsync(new Http2Script().Window(1, 65536).Window(0, 65536).Data(1, 0, true));
        int got = 0;
        while (await peer.ReadMeaningfulAsync() is { } frame && frame.Type == FrameType.Data)
        {
            got += frame.Payload.Length;
            if (frame.Ends) break;
        }
        Assert.Equal(65536, got);
    }

    [Fact]
    public async Task ManyStreamsOfAConnectionThatEnds_EndOverSeveralTurns()
    {
        const int streams = 100;
        await using var server = new Http2TestServer();
        var inTurn = new Dictionary<long, int>();
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Side.OnServed = () =>
        {
            // As long as closing a connection to a service may take.
            for (long end = Stopwatch.GetTimestamp() + Stopwatch.Frequency / 10_000; Stopwatch.GetTimestamp() < end;) { }
            inTurn[server.Loop.Turns] = inTurn.GetValueOrDefault(server.Loop.Turns) + 1;
            if (inTurn.Values.Sum() == streams) all.TrySetResult();
        };
        await using (var peer = await Http2Peer.ConnectAsync(server.Port))
        {
            var script = new Http2Script();
            for (int i = 0; i < streams; i++) script.Request(1 + 2 * i, "/hang");
            await peer.SendAsync(script.Ping(1));
            while (await peer.ReadAsync() is { } frame && frame.Type != FrameType.Ping) { }
            peer.Close(reset: true);
        }
        await all.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.InRange(inTurn.Values.Max(), 1, Http2Connection.StreamsAtOnce);
    }

    [Fact]
    public async Task WindowBelowNothing_OpensAgain()
    {
        await using var server = new Http2TestServer();
        await using var peer = await Http2Peer.ConnectAsync(server.Port);
        await peer.SendAsync(new Http2Script().Settings((SettingId.InitialWindowSize, 3u)).Request(1, "/bytes/10"));
        Assert.Equal("HEADERS 1 200", (await peer.ReadMeaningfulAsync())!.ToString());
        Assert.Equal("DATA 1 3", (await peer.ReadMeaningfulAsync())!.ToString());
        await peer.SendAsync(new Http2Script().Settings((SettingId.InitialWindowSize, 1u)).Window(1, 2).Ping(1));
        Http2Frame? frame;
        do frame = await peer.ReadAsync();
        while (frame is not { Type: FrameType.Ping });
        await peer.SendAsync(new Http2Script().Window(1, 4));
        Assert.Equal("DATA 1 4", (await peer.ReadMeaningfulAsync())!.ToString());
    }

    [Fact]
    public async Task ConnectionsWindow_IsSharedAndOpensForAll()
    {
        await using var server = new Http2TestServer();
        await using var peer = await Http2Peer.ConnectAsync(server.Port);
        await peer.SendAsync(new Http2Script().Settings((SettingId.InitialWindowSize, 1u << 20)).Request(1, "/bytes/100000")
            .Request(3, "/bytes/100000"));
        int got = 0, ended = 0;
        while (got < Http2Settings.DefaultWindow && await peer.ReadMeaningfulAsync() is { } frame)
            got += frame.Type == FrameType.Data ? frame.Payload.Length : 0;
        Assert.Equal(Http2Settings.DefaultWindow, got);
        // A head needs no window.
        await peer.SendAsync(new Http2Script().Request(5));
        Assert.Equal("HEADERS 5 200", (await peer.ReadMeaningfulAsync())!.ToString());
        await peer.SendAsync(new Http2Script().Window(0, 1 << 20));
        while (ended < 3 && await peer.ReadMeaningfulAsync() is { } frame)
        {
            got += frame.Type == FrameType.Data ? frame.Payload.Length : 0;
            ended += frame.Ends ? 1 : 0;
        }
        Assert.Equal(200_005, got);
    }

    [Fact]
    public async Task BodiesOfStreamsThatEnd_GiveTheConnectionsWindowBack()
    {
        await using var server = new Http2TestServer();
        await using var peer = await Http2Peer.ConnectAsync(server.Port);
        var read = Task.Run(async () =>
        {
            var complaints = new List<string>();
            while (await peer.ReadAsync() is { } frame)
            {
                if (frame.Type == FrameType.Ping && frame.Word(4) == 99) break;
                if (frame.Type is FrameType.GoAway) complaints.Add(frame.ToString());
            }
            return complaints;
        });
        for (int i = 0; i < 60; i++)
        {
            // Reset by the peer, by its fault, or answered before it was read.
            int id = 1 + 2 * i;
            var script = new Http2Script().Request(id, i % 3 == 2 ? "/early" : "/hang", false, "POST");
            for (int n = 0; n < 3; n++) script.Data(id, 16384);
            if (i % 3 == 0) script.Reset(id);
            if (i % 3 == 1) script.Window(id, 0).Data(id, 1000);
            await peer.SendAsync(script.Ping(1));
        }
        await peer.SendAsync(new Http2Script().Ping(99));
        Assert.Empty(await read);
    }

    [Fact]
    public async Task AnswerBeforeTheRequestsEnd_IsWholeAndTheRestUnwanted()
    {
        await using var server = new Http2TestServer();
        await using var peer = await Http2Peer.ConnectAsync(server.Port);
        await peer.SendAsync(new Http2Script().Request(1, "/early", false, "POST").Data(1, 100));
        Assert.Equal(["HEADERS 1 200", "DATA 1 5 END"], (await peer.ReadStreamAsync(1)).Select(f => f.ToString()));
        Assert.Equal("RST 1 None", (await peer.ReadMeaningfulAsync())!.ToString());
    }

    [Theory]
    [InlineData("/hints", "HEADERS 1 103|HEADERS 1 200|DATA 1 5 END")]
    [InlineData("/trailers", "HEADERS 1 200|DATA 1 5|HEADERS 1  END")]
    [InlineData("/bytes/0", "HEADERS 1 200 END")]
    public async Task PartsOfAnAnswer_ComeInOrder(string path, string expected)
    {
        await using var server = new Http2TestServer();
        await using var peer = await Http2Peer.ConnectAsync(server.Port);
        await peer.SendAsync(new Http2Script().Request(1, path));
        Assert.Equal(expected, string.Join('|', await peer.ReadStreamAsync(1)));
    }

    [Fact]
    public async Task Drain_TakesTwoStepsAndHarmsNobody()
    {
        await using var server = new Http2TestServer();
        await using var peer = await Http2Peer.ConnectAsync(server.Port);
        await peer.SendAsync(new Http2Script().Request(1, "/echo", false, "POST"));
        Assert.Equal("HEADERS 1 200", (await peer.ReadMeaningfulAsync())!.ToString());
        await server.OnLoopAsync(() => { foreach (var c in server.Connections) c.Drain(); return 0; });
        var first = await peer.ReadMeaningfulAsync();
        Assert.Equal((FrameType.GoAway, (uint)int.MaxValue), (first!.Type, first.Word()));
        var ping = await peer.ReadMeaningfulAsync();
        Assert.Equal(FrameType.Ping, ping!.Type);
        await peer.SendAsync(new Http2Script().Request(3)); // it was on its way
        Assert.Equal("DATA 3 5 END", (await peer.ReadStreamAsync(3))[^1].ToString());
        await peer.SendAsync(new Http2Script().Frame(FrameType.Ping, FrameFlags.Ack, 0, ping.Payload));
        var last = await peer.ReadMeaningfulAsync();
        Assert.Equal((FrameType.GoAway, 3u), (last!.Type, last.Word()));
        await peer.SendAsync(new Http2Script().Request(5).Data(1, "bye", true));
        Assert.Equal("DATA 1 3 END", (await peer.ReadMeaningfulAsync())!.ToString());
        Assert.Null(await peer.ReadMeaningfulAsync());
    }

    [Fact]
    public async Task PeerThatDoesNotHearOfADrain_IsNotServedForEver()
    {
        await using var server = new Http2TestServer(new Http2Options { DrainMicros = 30_000 });
        await using var peer = await Http2Peer.ConnectAsync(server.Port);
        await peer.SendAsync(new Http2Script().Request(1, "/hang"));
        await Eventually.TrueAsync(() => server.OnLoopAsync(() => server.Connections.Sum(c => c.OpenStreams) == 1));
        long began = await server.OnLoopAsync(() =>
        {
            foreach (var c in server.Connections) c.Drain();
            return server.Loop.NowMicros;
        });
        await Eventually.TrueAsync(() => server.OnLoopAsync(() => server.Loop.NowMicros - began > 60_000));
        await peer.SendAsync(new Http2Script().Request(3));
        Assert.Equal("DATA 3 5 END", (await peer.ReadStreamAsync(3))[^1].ToString());
        await peer.SendAsync(new Http2Script().Request(5).Reset(1)); // refused, and the last one gone
        while (await peer.ReadAsync() is { } frame) Assert.NotEqual(5, frame.StreamId);
        Assert.Equal(2, server.Stat("goaway_sent"));
    }

    [Fact]
    public async Task PeerThatAnswersNoPing_IsGivenUp()
    {
        await using var server = new Http2TestServer(
            new Http2Options { KeepAliveIntervalMicros = 20_000, KeepAliveTimeoutMicros = 200_000 });
        await using var silent = await Http2Peer.ConnectAsync(server.Port);
        await using var alive = await Http2Peer.ConnectAsync(server.Port);
        var answers = Task.Run(async () =>
        {
            for (int n = 0; n < 20 && await alive.ReadAsync() is { } frame;)
            {
                if (frame.Type != FrameType.Ping) continue;
                n++;
                await alive.SendAsync(new Http2Script().Frame(FrameType.Ping, FrameFlags.Ack, 0, frame.Payload));
            }
        });
        while (await silent.ReadAsync() is not null)
        {
        }
        await answers;
        Assert.False(alive.Ended);
        Assert.Equal(1, server.Stat("keepalive_timeout"));
    }

    [Fact]
    public async Task PeerThatDoesNotRead_HoldsLittleAndIsGivenUp()
    {
        await using var server = new Http2TestServer(new Http2Options { WriteTimeoutMicros = 1_500_000 });
        await using var peer = await Http2Peer.ConnectAsync(server.Port, receiveBuffer: 4096);
        var script = new Http2Script().Settings((SettingId.InitialWindowSize, 0x7FFF_FFFFu)).Window(0, int.MaxValue - 65535);
        for (int i = 0; i < 50; i++) script.Request(1 + 2 * i, "/bytes/1000000000");
        await peer.SendAsync(script);
        long most = 0;
        await Eventually.TrueAsync(async () =>
        {
            most = Math.Max(most, await server.OnLoopAsync(() => server.Loop.Buffers.Used));
            return server.Ended == 1;
        });
        Assert.InRange(most, 1, 1 << 20);
        Assert.Equal(1, server.Stat("tx_flush_timeout"));
        Assert.Equal(0, server.Stat("streams_active"));
        Assert.Equal(0, await server.OnLoopAsync(() => server.Loop.Buffers.Used));
    }

    [Fact]
    public async Task BodiesThatNobodyTakes_EndWhenMemoryIsSpent()
    {
        await using var server = new Http2TestServer(new Http2Options { InitialConnectionWindowSize = 16 << 20 }, memory: 1 << 20);
        await using var peer = await Http2Peer.ConnectAsync(server.Port);
        for (int id = 1; id < 200; id += 2)
        {
            var script = new Http2Script().Request(id, "/hang", false, "POST");
            for (int n = 0; n < 4; n++) script.Data(id, 16000);
            await peer.SendAsync(script);
        }
        await peer.SendAsync(new Http2Script().Ping(1));
        int refused = 0;
        while (await peer.ReadAsync() is { } frame && frame.Type != FrameType.Ping)
            refused += frame.ToString().StartsWith("RST", StringComparison.Ordinal)
                && frame.ToString().EndsWith("EnhanceYourCalm", StringComparison.Ordinal) ? 1 : 0;
        Assert.InRange(refused, 20, 99);
        Assert.InRange(await server.OnLoopAsync(() => server.Loop.Buffers.Used), 1, 4 << 20);
        Assert.Equal(0, server.Ended);
    }

    [Fact]
    public async Task PeerThatGoes_TakesItsStreamsWithIt()
    {
        await using var server = new Http2TestServer();
        await using (var peer = await Http2Peer.ConnectAsync(server.Port))
        {
            await peer.SendAsync(new Http2Script().Request(1, "/hang").Request(3, "/hang", false, "POST").Data(3, 5000)
                .Request(5, "/echo", false, "POST").Ping(1));
            while (await peer.ReadAsync() is { Type: not FrameType.Ping })
            {
            }
        }
        await Eventually.Async(() => server.Ended == 1, "the connection ends");
        Assert.Equal(0, server.Stat("streams_active"));
        Assert.Equal(0, await server.OnLoopAsync(() => server.Loop.Buffers.Used));
        Assert.Equal(3, await server.OnLoopAsync(() => server.Side.Free.Count));
    }
}
