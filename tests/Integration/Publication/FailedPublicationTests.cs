using System.Net;
using System.Net.Sockets;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Publication;

public sealed class FailedPublicationTests
{
    [Fact]
    public async Task TheFifthListenerCannotBind_NothingChanges()
    {
        await using var up = RecordingUpstream.Start();
        var document = EdgeDocument.To(up).ToString();
        await using var proxy = await ProxyFixture.StartAsync(document, workers: 2);
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        var ports = Enumerable.Range(0, 4).Select(_ => FreePort.Next()).Append(((IPEndPoint)taken.LocalEndPoint!).Port).ToList();
        var five = string.Concat(ports.Select((p, i) =>
            $"- {{name: l{i}, address: \"127.0.0.1:{p}\", routes: [{{match: {{prefix: /}}, route: {{cluster: up}}}}]}}\n"));
        await using var traffic = new SteadyTraffic(() => proxy.EndPoint());
        await traffic.FlowAsync();

        var before = proxy.Server.Current;
        for (int i = 0; i < 10; i++)
        {
            var result = await proxy.TryPublishAsync(document.Replace("clusters:\n", five + "clusters:\n", StringComparison.Ordinal));
            var error = Assert.Single(result.Errors);
            Assert.Equal(("APPLY_FAILED", "#/listeners/5/address"), (error.Code, error.Pointer));
            Assert.Contains("l4", error.Detail, StringComparison.Ordinal);
        }
        await traffic.FlowAsync();

        Assert.Same(before, proxy.Server.Current);
        Assert.Single(proxy.Server.Listeners());
        await traffic.StopAsync();
        Assert.Empty(traffic.Failures);
        // The four that could be bound were given back.
        foreach (var port in ports.Take(4))
        {
            using var again = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            again.Bind(new IPEndPoint(IPAddress.Loopback, port));
        }
    }

    [Fact]
    public async Task EveryErrorOfADocument_IsToldAtOnceWithItsPlace()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());

        var result = await proxy.TryPublishAsync("""
            listeners:
            - name: edge
              address: 127.0.0.1:0
              routes:
              - {match: {prefix: /}, route: {cluster: wbe}}
              - {match: {safe_regex: {regex: "("}}, route: {cluster: web}}
            - name: edge
              address: 127.0.0.1:70000
              tls: {certificates: [x]}
              tcp_proxy: {cluster: none}
            clusters:
            - {name: web, endpoints: ["127.0.0.1:1"], health_checks: [{timeout: 1s}]}
            """);

        Assert.False(result.Applied);
        Assert.True(result.Errors.Count >= 5, string.Join("\n", result.Errors));
        Assert.All(result.Errors, e => Assert.True(e.Line > 0 && e.Column > 0 && e.Pointer.StartsWith('#'), e.ToString()));
        Assert.Contains(result.Errors, e => e.Hint?.Contains("'web'", StringComparison.Ordinal) == true);
        Assert.Equal(200, (await proxy.GetAsync()).Status);
    }
}
