using Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream;

/// <summary>The time to drain is that of the newest version that has the listener, for connections that are open already too.</summary>
public sealed class DrainTimeoutTests
{
    private const string Gone = "clusters: [{name: up, endpoints: [\"127.0.0.1:1\"]}]";

    [Fact]
    public async Task AListenersLoweredTimeout_CutsAConnectionInTheMiddleOfARequest()
    {
        await using var up = RecordingUpstream.Start();
        up.Script = static async peer => await peer.ReadUntilAsync("never");
        string address = $"127.0.0.1:{FreePort.Next()}";
        string At(string time) => Edge.Document(up, listener: $", drain_timeout: {time}")
            .Replace("127.0.0.1:0", address, StringComparison.Ordinal);
        await using var proxy = await ProxyFixture.StartAsync(At("600s"));
        await using var client = await proxy.ConnectAsync();
        await client.GetAsync();
        await Eventually.Async(() => up.Open == 1, "the request is on its way");

        await proxy.PublishAsync(At("0.1s"));
        await proxy.PublishAsync(Gone);

        Assert.Empty(await client.ReadToEndAsync());
    }

    [Fact]
    public async Task AManagersLoweredTimeout_EndsAnIdleConnection()
    {
        await using var up = RecordingUpstream.Start();
        string address = $"127.0.0.1:{FreePort.Next()}";
        string At(string time) => Edge.Document(up, $"drain_timeout: {time},").Replace("127.0.0.1:0", address, StringComparison.Ordinal);
        await using var proxy = await ProxyFixture.StartAsync(At("600s"));
        await using var client = await proxy.ConnectAsync();
        await client.GetAsync();
        Assert.Equal(200, (await client.ReadAsync()).Status);

        await proxy.PublishAsync(At("0.1s"));
        await proxy.PublishAsync(Gone);

        Assert.True(await client.EndsAsync());
    }

    [Fact]
    public async Task AConnectionThatDrainsAlready_IsCutWhenTheListenersTimeoutIsLowered()
    {
        await using var up = RecordingUpstream.Start();
        up.Script = static async peer => await peer.ReadUntilAsync("never");
        string address = $"127.0.0.1:{FreePort.Next()}";
        string At(string time, string chain) => Edge.Document(up, listener: $", drain_timeout: {time}")
            .Replace("127.0.0.1:0", address, StringComparison.Ordinal)
            .Replace("name: main", "name: " + chain, StringComparison.Ordinal);
        await using var proxy = await ProxyFixture.StartAsync(At("600s", "first"));
        await using var client = await proxy.ConnectAsync();
        await client.GetAsync();
        await Eventually.Async(() => up.Open == 1, "the request is on its way");

        await proxy.PublishAsync(At("600s", "second"));
        await proxy.PublishAsync(At("0.1s", "second"));

        Assert.Empty(await client.ReadToEndAsync());
    }
}
