using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Traffic;

/// <summary>Short of memory or connections, what only waits has to go; what does something stays.</summary>
public sealed class PressureTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task IdleConnectionsAndSlowBodies_End_AndOthersStay(bool memory)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartLimitedAsync(EdgeDocument.To(up).ToString(), maxConnections: 3);
        await using var idle = await proxy.ConnectAsync();
        await using var slow = await proxy.ConnectAsync();
        await idle.GetAsync();
        Assert.Equal(200, (await idle.ReadAsync()).Status);
        await slow.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx");
        Assert.False(proxy.Server.Overload.IsPressed);

        proxy.Server.Overload.GraceMicros = 300_000;
        await using var busy = memory ? null : await proxy.ConnectAsync(); // the third of three
        if (memory) proxy.Server.Overload.Injected = 0.9;
        else await busy!.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000001\r\n\r\n{new string('x', 1_000_000)}");

        Assert.True(await idle.EndsAsync());
        Assert.Equal(408, (await slow.ReadAsync()).Status);
        if (busy is not null) Assert.Equal(200, (await busy.AskAsync("x")).Status);
        Assert.Equal((1, 1), (proxy.Stat("http.edge.downstream_cx_idle_timeout"), proxy.Stat("http.edge.downstream_rq_overload_close")));
    }
}
