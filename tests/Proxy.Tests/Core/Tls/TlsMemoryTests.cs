using System.Runtime.InteropServices;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Tests.Core.EventLoop;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Core.Tls;

/// <summary>What an idle connection takes, in OpenSSL and in the managed heap. Nothing else may allocate meanwhile.</summary>
[Collection(nameof(Alone))]
public sealed partial class TlsMemoryTests : IDisposable
{
    private readonly TestAuthority _authority = new();

    [Fact]
    public void IdleConnection_TakesLittle()
    {
        const int count = 200, most = 20 * 1024; // 15.4 KiB measured, 16 wanted
        var server = TlsHost.Server(_authority.Issue("CN=localhost", ["localhost"]),
            new TicketKeys(TimeSpan.FromHours(1), TimeProvider.System));
        var client = TlsHost.Client(sessions: 0);
        using var thread = new LoopThread();
        var kept = new List<TlsTransport>();
        long native = 0, managed = 0;
        thread.Run(() => RunAsync().Forget());

        async IoTask<bool> RunAsync()
        {
            await ConnectAsync(20);
            // The middle of some: the runtime takes and gives back beside us.
            var batches = new List<(long Native, long Managed)>();
            for (int batch = 0; batch < 7; batch++)
            {
                long before = NativeBytes(), heap = GC.GetTotalMemory(true);
                await ConnectAsync(count);
                batches.Add(((NativeBytes() - before) / count, (GC.GetTotalMemory(true) - heap) / count));
            }
            native = batches.Select(b => b.Native).Order().ElementAt(3);
            managed = batches.Select(b => b.Managed).Order().ElementAt(3);
            kept.ForEach(t => t.Close());
            thread.Done();
            return true;
        }

        async IoTask<bool> ConnectAsync(int many)
        {
            byte[] buffer = new byte[1000];
            for (int i = 0; i < many; i++)
            {
                var (near, far) = InMemoryTransport.Pair(thread.Loop);
                var accepted = TlsTransport.Accept(near, server, thread.Loop.Buffers)!;
                var connected = TlsTransport.Connect(far, client, thread.Loop.Buffers, "localhost")!;
                var accepting = accepted.HandshakeAsync();
                await connected.HandshakeAsync();
                await accepting;
                // A request and its answer, and then nothing.
                await connected.WriteAsync("request"u8.ToArray());
                int n = await accepted.ReadAsync(buffer);
                await accepted.WriteAsync(buffer.AsMemory(0, n));
                await connected.ReadAsync(buffer);
                connected.Close(reset: true);
                kept.Add(accepted);
            }
            return true;
        }
        Assert.Empty(thread.Caught);
        Assert.Equal(0, thread.Loop.Buffers.Used);
        // The pair of rings in memory stands for the kernel's buffers.
        managed -= 2 * InMemoryTransport.Capacity;
        TestContext.Current.SendDiagnosticMessage($"{native} bytes of OpenSSL and {managed} of the heap for an idle connection");
        Assert.InRange(native + Math.Max(0, managed), 1, most);
        server.Release();
        client.Release();
    }

    // What malloc has given out and not got back.
    private static long NativeBytes() => (long)mallinfo2().InUse;

    [LibraryImport("libc")] private static partial MallInfo mallinfo2();

    [StructLayout(LayoutKind.Sequential)]
    private struct MallInfo
    {
        public nuint Arena, OrdinaryBlocks, SmallBlocks, MappedRegions, Mapped, MostUsed, FastFree, InUse, Free, Trimmable;
    }

    public void Dispose() => _authority.Dispose();
}

[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
