using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Managed.AdminApi.Versions;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Microsoft.Extensions.DependencyInjection;

namespace Managed.AdminApi.Tests.Versions;

/// <summary>
/// A node that starts while the server of its remote code is away: it serves what it can, says what is missing, and asks again until it has
/// it.
/// </summary>
public sealed class MissingCodeTests
{
    private readonly byte[] _module = new WatGuest()
        .On("response_headers", $"(drop (call $proxy_add_header_map_value (i32.const 2) \"x-stamp\" \"{Guid.NewGuid()}\"))").Build();

    [Theory]
    [InlineData("", 503)]
    [InlineData(", fail_open: true", 200)]
    public async Task FirstStart_ServesTheRest_AndTakesTheCodeWhenItsServerIsBack(string policy, int meanwhile)
    {
        int port = FreePort();
        await using var node = await TestNode.StartAsync(Document(port, policy));
        Assert.Equal(200, await StatusAsync(node, "plain"));
        Assert.Equal(meanwhile, await StatusAsync(node, "coded"));
        var ready = await node.GetAsync("/ready");
        Assert.Contains("DEGRADED: code could not be fetched from http://code.test/stamp.wasm", ready.Is(HttpStatusCode.OK).Body);
        Assert.Contains("serving " + Degradation.Incomplete, ready.Body);
        Assert.Contains("\"state\":\"degraded\"", (await node.GetAsync("status")).Body);

        await using var server = Serve(port);
        await Eventually.TrueAsync(async () => await StampAsync(node) is not null, "the code is there", 60);
        await Eventually.Async(() => node.Host.Services.GetRequiredService<ActiveConfiguration>().Degraded is null,
            "nothing is missing any more", 60);
        Assert.Equal(200, await StatusAsync(node, "coded"));
        Assert.DoesNotContain("DEGRADED", (await node.GetAsync("/ready")).Body);
        Assert.Equal(1, await node.ActiveVersionAsync());
    }

    [Fact]
    public async Task AnotherVersion_EndsTheAttempts()
    {
        int port = FreePort();
        await using var node = await TestNode.StartAsync(Document(port, ""));
        (await node.DeleteAsync("listeners/coded")).Is(HttpStatusCode.OK);
        Assert.Null(node.Host.Services.GetRequiredService<ActiveConfiguration>().Degraded);
        await using var server = Serve(port);
        (await node.PutAsync("clusters/more", """{"endpoints":["127.0.0.1:9"]}""")).Is(HttpStatusCode.Created);
        Assert.Equal(3, node.Host.Proxy.Current!.Version);
        Assert.Equal(200, await StatusAsync(node, "plain"));
    }

    private RecordingUpstream Serve(int port)
    {
        var server = RecordingUpstream.Start(new IPEndPoint(IPAddress.Loopback, port), "code");
        server.Answer = _ => $"HTTP/1.1 200 OK\r\nContent-Length: {_module.Length}\r\n\r\n{Encoding.Latin1.GetString(_module)}";
        return server;
    }

    private string Document(int port, string policy) => $$$"""
        listeners:
        - {name: plain, address: "127.0.0.1:0", routes: [{name: all, match: {prefix: /}, direct_response: {status: 200}}]}
        - name: coded
          address: 127.0.0.1:0
          http_filters:
          - name: wasm
            typed_config:
              config:
                vm_config: {code: {remote: {http_uri: {uri: "http://code.test/stamp.wasm", cluster: code, timeout: 20s}, sha256: {{{Convert.ToHexStringLower(SHA256.HashData(_module))}}}, retry_policy: {num_retries: 0} } } }
                name: stamp{{{policy.Replace(", ", "\n        ", StringComparison.Ordinal)}}}
          routes: [{name: all, match: {prefix: /}, direct_response: {status: 200}}]
        clusters: [{name: code, endpoints: ["127.0.0.1:{{{port}}}"]}]
        """;

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private static async Task<HttpResponseMessage> AskAsync(TestNode node, string listener)
    {
        using var http = new HttpClient();
        return await http.GetAsync(new Uri($"http://{node.Host.Proxy.Listeners().Single(l => l.Name == listener).BoundAddress}/"));
    }

    private static async Task<int> StatusAsync(TestNode node, string listener) => (int)(await AskAsync(node, listener)).StatusCode;

    private static async Task<string?> StampAsync(TestNode node)
        => (await AskAsync(node, "coded")).Headers.TryGetValues("x-stamp", out var values) ? values.Single() : null;
}
