using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Tests.Core.EventLoop;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Core.Tls;

public sealed class TlsGarbageTests : IDisposable
{
    private readonly TestAuthority _authority = new();

    /// <summary>Whatever comes in place of a handshake ends it, and nothing is left: no buffer, no reference, no exception.</summary>
    [Fact]
    public void MutatedHellos_EndTheHandshakeAndLeaveNothing()
    {
        var random = new Random(14);
        var context = TlsHost.Server(_authority.Issue("CN=localhost", ["localhost"]));
        using var thread = new LoopThread();
        int ended = 0;
        const int rounds = 3000;
        thread.Run(() =>
        {
            for (int i = 0; i < rounds; i++) OneAsync(i).Forget();

            async IoTask<bool> OneAsync(int round)
            {
                var (near, far) = InMemoryTransport.Pair(thread.Loop);
                var server = TlsTransport.Accept(near, context, thread.Loop.Buffers)!;
                var handshake = server.HandshakeAsync();
                byte[] bytes = HelloBytes.Records(HelloBytes.Message("localhost", ["h2"], padding: round % 300), 1 + random.Next(600));
                for (int flips = 1 + random.Next(6); flips > 0; flips--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                for (int at = 0; at < bytes.Length && !near.IsClosed;)
                {
                    int n = Math.Min(bytes.Length - at, 1 + random.Next(400));
                    if (await far.WriteAsync(bytes.AsMemory(at, n)) < 0) break;
                    at += n;
                }
                far.ShutdownWrite();
                Assert.True(await handshake < 0);
                server.Close();
                far.Close();
                if (++ended == rounds) thread.Done();
                return true;
            }
        });
        Assert.Empty(thread.Caught);
        Assert.Equal(0, thread.Loop.Buffers.Used);
        context.Release();
        Assert.Equal(0, context.Pointer);
    }

    /// <summary>
    /// A byte changed anywhere after the handshake ends the connection with an error: never wrong data, never an end that looks right.
    /// </summary>
    [Fact]
    public void ChangedRecord_IsNeverTakenForData()
    {
        var server = TlsHost.Server(_authority.Issue("CN=localhost", ["localhost"]));
        var client = TlsHost.Client();
        using var thread = new LoopThread();
        var results = new List<int>();
        const int rounds = 58; // as many bytes as the record has
        thread.Run(() => RunAsync().Forget());

        async IoTask<bool> RunAsync()
        {
            for (int round = 0; round < rounds; round++)
            {
                var (near, middleNear) = InMemoryTransport.Pair(thread.Loop);
                var (middleFar, far) = InMemoryTransport.Pair(thread.Loop);
                bool changes = false;
                PumpAsync(middleNear, middleFar, _ => { }).Forget();
                PumpAsync(middleFar, middleNear, bytes => { if (changes) bytes[round % bytes.Length] ^= 1; }).Forget();
                var accepted = TlsTransport.Accept(near, server, thread.Loop.Buffers)!;
                var connected = TlsTransport.Connect(far, client, thread.Loop.Buffers, "localhost")!;
                var accepting = accepted.HandshakeAsync();
                Assert.Equal(0, await connected.HandshakeAsync());
                Assert.Equal(0, await accepting);
                changes = true;
                await connected.WriteAsync("some data that is changed on its way"u8.ToArray());
                connected.Close();
                results.Add(await accepted.ReadAsync(new byte[100]));
                accepted.Close();
                middleNear.Close();
                middleFar.Close();
            }
            thread.Done();
            return true;
        }
        Assert.Empty(thread.Caught);
        Assert.Equal(rounds, results.Count);
        Assert.All(results, r => Assert.True(r is -Libc.EProto or -Libc.EConnReset, $"{r}"));
        server.Release();
        client.Release();
    }

    [Fact]
    public void Traffic_AllocatesNothing()
    {
        var server = TlsHost.Server(_authority.Issue("CN=localhost", ["localhost"]));
        var client = TlsHost.Client();
        using var thread = new LoopThread();
        long allocated = -1;
        thread.Run(() => RunAsync().Forget());

        async IoTask<bool> RunAsync()
        {
            var (near, far) = InMemoryTransport.Pair(thread.Loop);
            var accepted = TlsTransport.Accept(near, server, thread.Loop.Buffers)!;
            var connected = TlsTransport.Connect(far, client, thread.Loop.Buffers, "localhost")!;
            var accepting = accepted.HandshakeAsync();
            await connected.HandshakeAsync();
            await accepting;
            byte[] buffer = new byte[20_000], message = new byte[15_000];
            for (int i = 0; i < 400; i++)
            {
                if (i == 200) allocated = GC.GetAllocatedBytesForCurrentThread();
                var writing = connected.WriteAsync(message.AsMemory(0, 300), message);
                for (int got = 0; got < 15_300;) got += await accepted.ReadAsync(buffer);
                await writing;
                writing = accepted.WriteAsync(message.AsMemory(0, 100), message.AsMemory(0, 200));
                for (int got = 0; got < 300;) got += await connected.ReadAsync(buffer);
                await writing;
            }
            allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
            accepted.Close();
            connected.Close();
            thread.Done();
            return true;
        }
        Assert.Empty(thread.Caught);
        Assert.InRange(allocated, 0, 2000); // for 200 rounds: nothing for each
        server.Release();
        client.Release();
    }

    private static async IoTask<bool> PumpAsync(InMemoryTransport from, InMemoryTransport to, Action<byte[]> change)
    {
        byte[] buffer = new byte[20_000];
        while (await from.ReadAsync(buffer) is > 0 and var n)
        {
            byte[] bytes = buffer[..n];
            change(bytes);
            await to.WriteAsync(bytes);
        }
        to.ShutdownWrite();
        return true;
    }

    public void Dispose() => _authority.Dispose();
}
