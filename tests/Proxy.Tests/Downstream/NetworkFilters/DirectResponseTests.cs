using System.Net.Sockets;
using System.Text;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters;

/// <summary>The response of a chain that says fixed bytes, to clients that go on talking.</summary>
public sealed class DirectResponseTests
{
    // A reset would destroy it on its way; whoever writes after it would see one.
    [Fact]
    public async Task ClientThatSendsMuch_GetsTheResponseAndAnEndAndNoReset()
    {
        await using var proxy = await ProxyFixture.StartAsync("""
            listeners:
            - name: edge
              address: 127.0.0.1:0
              listener_filters: [{name: http_inspector}]
              filter_chains:
              - {name: main, filters: [{name: direct_response, typed_config: {response: {inline_string: bye}}}]}
            """);
        using var client = new TcpClient();
        await client.ConnectAsync(proxy.EndPoint());
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nx-long: " + new string('a', 30_000)));
        var answer = new byte[3];
        await stream.ReadExactlyAsync(answer);
        Assert.Equal("bye", Encoding.ASCII.GetString(answer));
        await stream.WriteAsync(new byte[10_000]); // a connection that was reset would fail here, or at its end
        client.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await stream.ReadAsync(answer));
    }
}
