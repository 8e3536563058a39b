using System.Net;
using System.Net.Sockets;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.TakeOver;

/// <summary>
/// One process after another on the same data folder and the same sockets, under traffic of all kinds: what a client sees, and what of the
/// process before is still there. One test, because processes are dear.
/// </summary>
public sealed class TakeOverTests : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("managed-test-").FullName;
    private RunningNode? _node;

    [Fact]
    public async Task UpgradesUnderLoad_AsOtherWorkersAndAfterFailedOnes_FailNoRequestAndLoseNothing()
    {
        using var authority = new TestAuthority();
        string data = Path.Combine(_folder, "data"), socket = Path.Combine(_folder, "edge.sock"),
            session = Path.Combine(_folder, "session");
        string config = await WriteAsync("config.yaml", Document(authority, socket)),
            wrong = await WriteAsync("wrong.yaml", "listeners:\n- {name: tcp, address: nowhere}\n");
        var node = _node = await RunningNode.StartAsync(data, config, workers: 2);
        int port = node.Port("tcp"), tls = node.Port("tls");
        string admin = node.Admin, resumed = $"s_client -connect 127.0.0.1:{tls} -ign_eof";
        await TlsAsync($"{resumed} -sess_out {session}");

        EndPoint tcp = new IPEndPoint(IPAddress.Loopback, port), unix = new UnixDomainSocketEndPoint(socket);
        await using var traffic = new PacedTraffic([(tcp, true), (tcp, true), (unix, true), (tcp, false), (tcp, false), (unix, false)]);

        // One that cannot serve leaves everything to the one that does.
        await using (var failed = await RunningNode.StartAsync(data, wrong, 1, "--take-over"))
        {
            Assert.Equal(1, await failed.EndAsync());
            Assert.Contains("wrong.yaml", failed.Output);
        }
        await Eventually.TrueAsync(async () => (await node.CallAsync(HttpMethod.Put, "clusters/a", "{name: a, endpoints: [127.0.0.1:9]}"))
            .Status == 201, "changes are taken again");

        foreach (int workers in (int[])[1, 3])
        {
            await using var former = node; // also when something fails from here on
            var next = _node = await RunningNode.StartAsync(data, config, workers, "--take-over");
            Assert.Contains("Took over", next.Output);
            await traffic.FlowAsync();
            Assert.Equal(0, await node.EndAsync()); // what was open has ended within its time
            node = next;
            Assert.Equal((admin, port), (node.Admin, node.Port("tcp")));
            Assert.Equal(200, (await node.CallAsync(HttpMethod.Put, "clusters/b",
                $"{{name: b, connect_timeout: {workers}s, endpoints: [127.0.0.1:9]}}")).Status / 100 * 100);
            Assert.Contains($"\"workers\":{workers}", (await node.CallAsync(HttpMethod.Get, "status")).Body);
        }
        await traffic.StopAsync();
        Assert.Empty(traffic.Failures);
        Assert.Contains("Reused, TLSv1.3", await TlsAsync($"{resumed} -sess_in {session}"));
        Assert.Equal(200, (await node.CallAsync(HttpMethod.Get, "clusters/b")).Status);
    }

    [Fact]
    public async Task AskedToEndInTheMomentItHasTakenOver_ItEndsAsAnyOther_AndTheOneBeforeToo()
    {
        string data = Path.Combine(_folder, "data");
        string config = await WriteAsync("config.yaml",
            "listeners:\n- {name: tcp, address: '127.0.0.1:0', routes: [{match: {prefix: /}, direct_response: {status: 200} }]}\n");
        await using var former = await RunningNode.StartAsync(data, config, workers: 1);
        await using var next = RunningNode.Begin(data, config, 1, "--take-over", "--drain-time", "1s");
        next.SignalAt("Took over", "TERM");

        Assert.Equal(0, await next.EndAsync());
        Assert.Contains("Stopping", next.Output); // not cut off: it drained
        Assert.Equal(0, await former.EndAsync());
        var again = _node = await RunningNode.StartAsync(data, config, 1); // the folder is whole and free
        Assert.Equal(200, (await again.CallAsync(HttpMethod.Get, "versions")).Status);
    }

    public async ValueTask DisposeAsync()
    {
        if (_node is not null) await _node.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<string> WriteAsync(string name, string text)
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, name), text);
        return Path.Combine(_folder, name);
    }

    private static Task<string> TlsAsync(string arguments)
        => Tool.RunAsync("sh", $"-c \"printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' | openssl {arguments}\"");

    private static string Document(TestAuthority authority, string socket) => $$"""
        listeners:
        - {name: tcp, address: "127.0.0.1:0", routes: [{match: {prefix: /}, direct_response: {status: 200} }]}
        - {name: unix, address: "unix://{{socket}}", routes: [{match: {prefix: /}, direct_response: {status: 200} }]}
        - name: tls
          address: "127.0.0.1:0"
          tls: {certificates: [{{TlsYaml.Certificate(authority.Issue("CN=localhost", ["localhost"]))}}]}
          routes: [{match: {prefix: /}, direct_response: {status: 200} }]
        """;
}
