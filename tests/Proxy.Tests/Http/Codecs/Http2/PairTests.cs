using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.Proxy.Tests.Core.EventLoop;
using Xunit;

namespace Managed.Proxy.Tests.Http.Codecs.Http2;

/// <summary>Our client against our server, in memory on one loop.</summary>
public sealed class PairTests
{
    [Theory]
    [InlineData("/", 0, 5)]
    [InlineData("/echo", 0, 0)]
    [InlineData("/echo", 1, 1)]
    [InlineData("/echo", 300_000, 300_000)]
    [InlineData("/bytes/3000000", 0, 3_000_000)]
    [InlineData("/trailers", 100, 5)]
    [InlineData("/hints", 0, 5)]
    public void Request_IsAnswered(string path, int sends, int gets) => Run(new Http2Options(), async pair =>
    {
        var call = new TestCall(pair.Loop);
        Assert.True(await call.AskAsync(pair.Client, path, sends));
        Assert.Equal((200, gets), (call.Stream.Status, call.Received));
        Assert.Equal(path == "/trailers" ? "grpc-status: 0\n" : "", call.Stream.Trailers.ToString());
        Assert.Equal(path == "/hints", call.SawHints);
        call.Stream.Finish();
        return true;
    });

    [Fact]
    public void MoreThanThePeerAllows_WaitTheirTurn() => Run(new Http2Options { MaxConcurrentStreams = 3 }, async pair =>
    {
        Assert.True(await new TestCall(pair.Loop).AskAndFinishAsync(pair.Client, "/", 0)); // its settings have come with the answer
        var calls = Enumerable.Range(0, 20).Select(_ => new TestCall(pair.Loop).AskAndFinishAsync(pair.Client, "/echo", 1000)).ToArray();
        foreach (var call in calls) Assert.True(await call);
        Assert.Equal(0, pair.Side.Stat("stream_refused_errors"));
        Assert.Equal(21, pair.Side.Served);
        return true;
    });

    [Fact]
    public void RefusedStream_MayBeSentAgain() => Run(new Http2Options { MaxConcurrentStreams = 2 }, async pair =>
    {
        // Before the peer's settings are known.
        var calls = Enumerable.Range(0, 3).Select(_ => new TestCall(pair.Loop)).ToArray();
        var asked = calls.Select(c => c.AskAsync(pair.Client, "/echo", 100_000)).ToArray();
        Assert.True(await asked[0] && await asked[1]);
        Assert.False(await asked[2]);
        Assert.True(calls[2].Stream.IsRefused);
        foreach (var call in calls) call.Stream.Finish();
        return true;
    });

    [Fact]
    public void ServerThatGoesAway_FinishesWhatItHas() => Run(new Http2Options(), async pair =>
    {
        var first = new TestCall(pair.Loop);
        first.Begin(pair.Client, "/echo", ends: false);
        await first.Stream.ReadableAsync();
        pair.Server.Drain();
        Assert.True(await new TestCall(pair.Loop).AskAndFinishAsync(pair.Client, "/", 0)); // nobody is refused while it is under way
        while (!pair.Client.IsGoingAway) await pair.TurnAsync();
        Assert.Equal(0, pair.Client.Room);
        var late = new TestCall(pair.Loop);
        Assert.False(await late.AskAsync(pair.Client, "/", 0));
        Assert.True(late.Stream.IsRefused);
        late.Stream.Finish();
        first.Stream.End(null);
        Assert.True(await first.FinishAsync());
        return true;
    });

    [Fact]
    public void ResetByTheClient_ReachesTheServersConsumer() => Run(new Http2Options(), async pair =>
    {
        var call = new TestCall(pair.Loop);
        call.Begin(pair.Client, "/hang", ends: true);
        while (pair.Server.OpenStreams == 0) await pair.TurnAsync();
        call.Stream.Finish(Http2Error.Cancel);
        while (pair.Side.Served == 0) await pair.TurnAsync();
        Assert.Equal(1, pair.Side.Stat("rx_reset"));
        return true;
    });

    [Fact]
    public void LostConnection_FailsItsStreams() => Run(new Http2Options(), async pair =>
    {
        var call = new TestCall(pair.Loop);
        call.Begin(pair.Client, "/hang", ends: true);
        while (pair.Server.OpenStreams == 0) await pair.TurnAsync();
        pair.ServerTransport.Close(reset: true);
        Assert.False(await call.FinishAsync());
        return true;
    });

    // Any mixture of requests, sizes, windows and resets: everybody comes to an end and nothing stays rented.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void AnyMixture_ComesToItsEnd(int seed)
    {
        var random = new Random(seed);
        var options = new Http2Options
        {
            InitialStreamWindowSize = random.Next(2) == 0 ? 1000 : 65536, InitialConnectionWindowSize = 65536 + random.Next(1 << 20),
            HpackTableSize = random.Next(3) * 300, MaxConcurrentStreams = random.Next(1, 30),
        };
        Run(options, async pair =>
        {
            Assert.True(await new TestCall(pair.Loop).AskAndFinishAsync(pair.Client, "/", 0));
            int served = 0, left = 12;
            for (int i = 0; i < 12; i++) Work(new Random(seed * 100 + i)).Forget();
            while (left > 0) await pair.TurnAsync();
            Assert.True(served > 100);
            return true;

            async IoTask<bool> Work(Random mine)
            {
                var call = new TestCall(pair.Loop);
                for (int n = 0; n < 40; n++)
                {
                    string path = mine.Next(5) switch { 0 => "/", 1 => "/bytes/" + mine.Next(200_000), 2 => "/trailers", 3 => "/early",
                        _ => "/echo" };
                    if (mine.Next(6) == 0)
                    {
                        call.Begin(pair.Client, path, ends: mine.Next(2) == 0);
                        for (int turns = mine.Next(4); turns > 0; turns--) await pair.TurnAsync();
                        call.Stream.Finish(Http2Error.Cancel);
                        continue;
                    }
                    if (await call.AskAndFinishAsync(pair.Client, path, mine.Next(3) == 0 ? 0 : mine.Next(150_000))) served++;
                }
                left--;
                return true;
            }
        });
    }

    [Theory]
    [InlineData("/", 0)]
    [InlineData("/echo", 100)]
    [InlineData("/echo", 40_000)]
    public void SteadyState_AllocatesNothing(string path, int sends) => Run(new Http2Options(), async pair =>
    {
        var calls = Enumerable.Range(0, 8).Select(_ => new TestCall(pair.Loop)).ToArray();
        var asked = new IoTask<bool>[calls.Length];
        long least = long.MaxValue;
        for (int round = 0; round < 40 && least > 0; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int n = 0; n < 50; n++)
            {
                for (int i = 0; i < calls.Length; i++) asked[i] = calls[i].AskAndFinishAsync(pair.Client, path, sends);
                for (int i = 0; i < calls.Length; i++) Assert.True(await asked[i]);
            }
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        Assert.Equal(0, least);
        return true;
    });

    internal static void Run(Http2Options options, Func<TestPair, IoTask<bool>> test)
    {
        using var thread = new LoopThread();
        var pair = new TestPair(thread.Loop, options);
        Exception? failure = null;
        thread.Run(() => Body().Forget());
        if (failure is not null) throw failure;
        Assert.Empty(thread.Caught);
        Assert.Equal(0, pair.Side.Stat("streams_active"));
        Assert.Equal(0, pair.Side.Stat("protocol_error"));
        Assert.Equal(0, thread.Loop.Buffers.Used);

        async IoTask<bool> Body()
        {
            pair.Start();
            try
            {
                await test(pair);
            }
            catch (Exception e)
            {
                failure = e;
            }
            pair.ClientTransport.Close();
            while (failure is null && pair.Running > 0) await pair.TurnAsync();
            thread.Done();
            return true;
        }
    }
}
