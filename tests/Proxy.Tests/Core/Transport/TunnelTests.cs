using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Tests.Core.EventLoop;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Core.Transport;

public sealed class TunnelTests
{
    [Fact]
    public void InterruptionOfAnEarlierReader_DoesNotCutIt()
    {
        using var thread = new LoopThread();
        bool? whole = null;
        string got = "";
        thread.Run(() => RunAsync().Forget());
        Assert.Equal("late", got);
        Assert.True(whole);
        Assert.Empty(thread.Caught);

        async IoTask<bool> RunAsync()
        {
            var (client, down) = InMemoryTransport.Pair(thread.Loop);
            var (server, up) = InMemoryTransport.Pair(thread.Loop);
            var tunnel = new Tunnel(thread.Loop, down, null, up, null, () => { });
            EndAsync(tunnel).Forget();
            for (int i = 0; i < 3; i++) down.CancelRead(Libc.EIntr);
            up.CancelRead(Libc.EIntr);
            await client.WriteAsync("late"u8.ToArray());
            var buffer = new byte[16];
            got = System.Text.Encoding.ASCII.GetString(buffer, 0, Math.Max(0, await server.ReadAsync(buffer)));
            client.ShutdownWrite();
            server.ShutdownWrite();
            return true;
        }

        async IoTask<bool> EndAsync(Tunnel tunnel)
        {
            whole = await tunnel.RunAsync();
            thread.Done();
            return true;
        }
    }

    [Fact]
    public void WhatThrowsInIt_EndsBothDirections()
    {
        using var thread = new LoopThread();
        bool? whole = null;
        thread.Run(() => RunAsync().Forget());
        Assert.False(whole);
        Assert.Single(thread.Caught);

        async IoTask<bool> RunAsync()
        {
            var (client, down) = InMemoryTransport.Pair(thread.Loop);
            var (_, up) = InMemoryTransport.Pair(thread.Loop);
            await client.WriteAsync("x"u8.ToArray());
            whole = await new Tunnel(thread.Loop, down, null, up, null, () => throw new InvalidOperationException("activity")).RunAsync();
            thread.Done();
            return true;
        }
    }
}
