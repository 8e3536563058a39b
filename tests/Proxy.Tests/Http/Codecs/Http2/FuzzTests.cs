using System.Diagnostics;
using System.Globalization;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.Proxy.Http.Codecs.Http2.Hpack;
using Managed.Proxy.Http.Codecs.Http2.Messages;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Tests.Core.EventLoop;
using Managed.Proxy.Tests.Http.Codecs.Http2.Hpack;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Codecs.Http2;

/// <summary>
/// Random and broken input: nothing throws, nothing is read beyond its end, what was rented comes back, what is allocated stays within
/// the limits. MANAGED_FUZZ_SECONDS makes it longer, MANAGED_FUZZ_SEED begins elsewhere.
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private static readonly double Seconds = Number("MANAGED_FUZZ_SECONDS", 2.5);
    private static readonly int Seed = (int)Number("MANAGED_FUZZ_SEED", Environment.TickCount & 0xFFFFFF);

    private static double Number(string name, double otherwise)
        => double.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out double value) ? value : otherwise;

    [Fact]
    public void HeaderBlocks_NeitherThrowNorKeepMemory()
    {
        output.WriteLine($"seed {Seed}");
        var clock = Stopwatch.StartNew();
        int runs = 0;
        for (int seed = Seed; clock.Elapsed.TotalSeconds < Seconds; seed++, runs++)
        {
            var random = new Random(seed);
            var pool = HpackCodec.Pool();
            var encoder = new HpackEncoder(pool);
            var decoder = new HpackDecoder(pool);
            var reader = new RequestReader(decoder, pool);
            var headers = new HeaderMap();
            try
            {
                for (int i = 0; i < 30; i++)
                {
                    byte[] block = random.Next(3) == 0 ? RandomBytes(random, random.Next(300))
                        : HpackCodec.Encode(encoder, RandomLists.Next(random));
                    if (random.Next(2) == 0) Break(random, block);
                    // In an array of its very size, so that reading beyond it throws.
                    var verdict = random.Next(4) == 0 ? reader.ReadTrailers(block, headers)
                        : reader.Read(block, headers, random.Next(2) == 0);
                    Assert.True(headers.ByteSize <= 64 * 1024 && headers.Count <= 110);
                    if (verdict == MessageVerdict.Broken) break;
                }
                decoder.Release();
                encoder.Release();
                Assert.Equal(0, pool.Used);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
            }
        }
        output.WriteLine($"{runs} runs");
        Assert.True(runs > 100);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Frames_NeitherThrowNorKeepMemory(bool server)
    {
        output.WriteLine($"seed {Seed}");
        var clock = Stopwatch.StartNew();
        int runs = 0;
        long most = 0;
        for (int seed = Seed; clock.Elapsed.TotalSeconds < Seconds / 2; seed += 20)
        {
            using var thread = new LoopThread();
            int at = seed;
            thread.Run(() => ManyAsync().Forget());
            Assert.True(thread.Caught.Count == 0, $"seed {at}: {thread.Caught.FirstOrDefault()}");
            Assert.True(thread.Loop.Buffers.Used == 0, $"seed {at}: {thread.Loop.Buffers.Used} bytes stay rented");

            async IoTask<bool> ManyAsync()
            {
                for (; at < seed + 20; at++, runs++) most = Math.Max(most, await OneAsync(thread.Loop, new Random(at), server));
                thread.Done();
                return true;
            }
        }
        output.WriteLine($"{runs} runs, at most {most} bytes rented");
        Assert.InRange(most, 1, 4 << 20);
        Assert.True(runs >= 20);
    }

    private static async IoTask<long> OneAsync(Managed.Proxy.Core.EventLoop.EventLoop loop, Random random, bool server)
    {
        var pair = new TestPair(loop, new Http2Options { MaxConcurrentStreams = 20, AllowConnect = true, DelayedCloseMicros = 0 });
        var (near, far) = InMemoryTransport.Pair(loop);
        Http2Connection connection = server ? new TestServerConnection(pair.Side, near)
            : new Http2ClientConnection(loop, pair.Side.Cells, near, pair.Side.Options, pair.Side.Stats, false);
        bool over = false;
        RunAsync().Forget();
        ReadAsync().Forget();
        if (!server)
            for (int i = random.Next(1, 10); i > 0; i--) CallAsync().Forget();
        byte[] bytes = Frames(random, server).Bytes;
        if (random.Next(3) == 0) Break(random, bytes.AsSpan(server ? 24 : 0));
        long most = 0;
        for (int sent = 0; sent < bytes.Length && !over;)
        {
            int n = Math.Min(bytes.Length - sent, random.Next(4) == 0 ? random.Next(1, 20) : random.Next(1, 20_000));
            if (await far.WriteAsync(bytes.AsMemory(sent, n)) < 0) break;
            sent += n;
            most = Math.Max(most, loop.Buffers.Used);
            if (random.Next(3) == 0) await pair.TurnAsync();
        }
        far.Close(reset: random.Next(2) == 0);
        while (!over || connection.Attached > 0) await pair.TurnAsync();
        return most;

        async IoTask<bool> RunAsync()
        {
            await connection.RunAsync();
            near.Close();
            over = true;
            return true;
        }

        async IoTask<bool> ReadAsync()
        {
            var buffer = new byte[4096];
            while (await far.ReadAsync(buffer) > 0)
            {
            }
            return true;
        }

        async IoTask<bool> CallAsync() => await new TestCall(loop)
            .AskAndFinishAsync((Http2ClientConnection)connection, "/", random.Next(3) * 30_000);
    }

    private static Http2Script Frames(Random random, bool server)
    {
        var script = new Http2Script();
        if (server) script.Preface();
        script.Settings();
        var encoder = new HpackEncoder(HpackCodec.Pool());
        int next = 1;
        for (int n = random.Next(1, 60); n > 0; n--)
        {
            int id = random.Next(8) == 0 ? random.Next(40) : 1 + 2 * random.Next(Math.Max(1, next / 2));
            switch (random.Next(16))
            {
                case 0 or 1 or 2 when server:
                    string path = random.Next(6) switch { 0 => "/echo", 1 => "/bytes/" + random.Next(300_000), 2 => "/hang", 3 => "/early",
                        4 => "/trailers", _ => "/" };
                    script.Request(next, path, random.Next(2) == 0, "POST");
                    next += 2;
                    break;
                case 0 or 1 or 2:
                    script.Headers(id, random.Next(3) == 0, random.Next(3) == 0 ? ":status: 103" : ":status: 200", "x: y");
                    break;
                case 3 or 4 or 5:
                    script.Data(id, random.Next(5) == 0 ? 16384 : random.Next(2000), random.Next(4) == 0);
                    break;
                case 6:
                    script.Window(id, (uint)random.Next(random.Next(3) == 0 ? int.MaxValue : 70_000));
                    break;
                case 7:
                    script.Window(0, (uint)random.Next(100_000));
                    break;
                case 8:
                    script.Reset(id, (Http2Error)random.Next(14));
                    break;
                case 9:
                    script.Settings(((SettingId)random.Next(1, 9), (uint)random.Next(random.Next(2) == 0 ? 2 : 100_000)));
                    break;
                case 10:
                    script.Ping((ulong)random.NextInt64(), random.Next(2) == 0);
                    break;
                case 11:
                    var block = HpackCodec.Encode(encoder, RandomLists.Next(random));
                    int cut = random.Next(block.Length);
                    script.Frame(FrameType.Headers, random.Next(2) == 0 ? FrameFlags.EndStream : 0, next,
                        block.AsSpan(0, Math.Min(cut, 16384)));
                    script.Frame(FrameType.Continuation, FrameFlags.EndHeaders, next,
                        block.AsSpan(cut, Math.Min(block.Length - cut, 16384)));
                    next += 2;
                    break;
                case 12:
                    script.Headers(id, random.Next(3) != 0, "trailer: a");
                    break;
                case 13:
                    script.Frame((FrameType)random.Next(12), (FrameFlags)random.Next(256), id, RandomBytes(random, random.Next(40)));
                    break;
                case 14:
                    script.Frame(FrameType.Data, FrameFlags.Padded, id, [(byte)random.Next(6), .. RandomBytes(random, random.Next(10))]);
                    break;
                default:
                    if (random.Next(6) == 0) script.GoAway(random.Next(20));
                    break;
            }
        }
        return script;
    }

    private static byte[] RandomBytes(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private static void Break(Random random, Span<byte> bytes)
    {
        for (int n = random.Next(1, 4); n > 0 && bytes.Length > 0; n--)
            bytes[random.Next(bytes.Length)] = random.Next(3) == 0 ? (byte)0xFF : (byte)random.Next(256);
    }
}
