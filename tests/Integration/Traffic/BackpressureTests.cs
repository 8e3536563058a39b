using System.Diagnostics;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Traffic;

/// <summary>A slow reader on either side holds the other back; memory does not grow with what is under way.</summary>
[Collection(nameof(AloneTests))]
public sealed class BackpressureTests
{
    private const long Size = 256L << 20;

    [Fact]
    public async Task ALargeResponseToASlowClient_DoesNotGrowMemory()
    {
        await using var up = RecordingUpstream.Start();
        long sent = 0;
        up.Script = async peer =>
        {
            await peer.ReadUntilAsync("\r\n\r\n");
            await peer.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Size}\r\n\r\n");
            var piece = new byte[1 << 16];
            for (long left = Size; left > 0; left -= piece.Length)
            {
                await peer.SendAsync(piece);
                Interlocked.Add(ref sent, piece.Length);
            }
        };
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());
        await using var client = await RawClient.ConnectAsync(proxy.EndPoint(), receiveBuffer: 65536);
        await client.GetAsync();
        await client.ReadBytesAsync(1);

        // The upstream must come to a halt with little more sent than the kernel's buffers hold.
        await StallsAsync(() => Interlocked.Read(ref sent));
        Assert.InRange(Interlocked.Read(ref sent), 1, 40L << 20);

        // Into one buffer: the garbage of the test itself would count as growth. The client keeps a little of what it has read.
        var buffer = new byte[1 << 20];
        GC.Collect();
        long before = Memory();
        long most = 0;
        for (long read = 0, looked = 0; read < Size - (1 << 20);)
        {
            int n = await client.Socket.ReceiveAsync(buffer.AsMemory());
            Assert.True(n > 0, "the response was cut");
            if ((read += n) - looked < 1 << 20) continue;
            looked = read;
            most = Math.Max(most, Memory());
        }
        Assert.InRange(most - before, long.MinValue, 64L << 20);
    }

    [Fact]
    public async Task ALargeUploadToASlowUpstream_DoesNotGrowMemory()
    {
        await using var up = RecordingUpstream.Start();
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        long got = 0;
        up.Script = async peer =>
        {
            await peer.ReadUntilAsync("\r\n\r\n");
            await go.Task;
            while (got < Size && await peer.ReadSomeAsync() is { Length: > 0 } piece) got += piece.Length;
            await peer.SendAsync(RecordingUpstream.Ok("all"));
        };
        await using var proxy = await ProxyFixture.StartAsync(
            (EdgeDocument.To(up) with { Routes = "- {match: {prefix: /}, route: {cluster: up, timeout: 0s}}" }).ToString());
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {Size}\r\n\r\n");
        long sent = 0;
        var sending = Task.Run(async () =>
        {
            var piece = new byte[1 << 16];
            for (long left = Size; left > 0; left -= piece.Length)
            {
                for (int done = 0; done < piece.Length;) done += await client.Socket.SendAsync(piece.AsMemory(done));
                Interlocked.Add(ref sent, piece.Length);
            }
        });

        await StallsAsync(() => Interlocked.Read(ref sent));
        Assert.InRange(Interlocked.Read(ref sent), 1, 40L << 20);
        long before = Memory();
        go.SetResult();
        long most = 0;
        await Eventually.Async(() =>
        {
            most = Math.Max(most, Memory());
            return sending.IsCompleted;
        }, "all to be sent");
        await sending;

        Assert.Equal("all", (await client.ReadAsync()).Text);
        Assert.InRange(most - before, long.MinValue, 64L << 20);
    }

    // Not a byte more for a fifth of a second.
    private static async Task StallsAsync(Func<long> value)
    {
        var end = Stopwatch.StartNew();
        long last = -1;
        while (value() != last || last == 0)
        {
            Assert.True(end.Elapsed.TotalSeconds < Eventually.Limit, "it never came to a halt");
            last = value();
            await Task.Delay(200);
        }
    }

    private static long Memory()
    {
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }
}

/// <summary>Tests that measure the process, or need it to themselves.</summary>
[CollectionDefinition(nameof(AloneTests), DisableParallelization = true)]
public sealed class AloneTests;
