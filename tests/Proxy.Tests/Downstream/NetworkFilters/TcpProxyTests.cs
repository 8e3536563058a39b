using System.Globalization;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters;

public sealed class TcpProxyTests : IDisposable
{
    private readonly string _log = Path.Combine(Path.GetTempPath(), $"tcp-{Guid.NewGuid():N}.log");

    private string Document(string endpoint, string fields) => $$"""
        listeners:
        - name: edge
          address: "127.0.0.1:0"
          tcp_proxy: {stat_prefix: t, cluster: up, {{fields}}, access_log: [{name: file, typed_config: {path: {{_log}}, log_format: {text_format_source: {inline_string: "%ACCESS_LOG_TYPE% %BYTES_RECEIVED% %RESPONSE_FLAGS% %UPSTREAM_REQUEST_ATTEMPT_COUNT%\n"} } } }]}
        clusters: [{name: up, endpoints: ["{{endpoint}}"]}]
        """;

    private static string Nobody() => "127.0.0.1:" + FreePort.Next().ToString(CultureInfo.InvariantCulture);

    private string[] Lines() => File.Exists(_log) ? File.ReadAllLines(_log) : [];

    [Theory]
    [InlineData("access_log_options: {access_log_flush_interval: 20ms, flush_access_log_on_connected: true}")]
    [InlineData("access_log_flush_interval: 20ms, flush_access_log_on_connected: true")]
    public async Task Log_HasLinesOnTheWay(string fields)
    {
        await using var up = RecordingUpstream.Start();
        up.Script = async peer => { while ((await peer.ReadSomeAsync()).Length > 0) { } };
        await using var proxy = await ProxyFixture.StartAsync(Document(up.Address, fields));
        await using (var client = await proxy.ConnectAsync())
        {
            await client.SendAsync("hello");
            await Eventually.Async(() => Lines().Contains("TcpPeriodic 5 - 1"), "a line on the way");
        }
        await Eventually.Async(() => Lines() is [.., var last] && last.StartsWith("TcpConnectionEnd 5", StringComparison.Ordinal),
            "the end");
        Assert.Equal("TcpUpstreamConnected 0 - 1", Lines()[0]);
        Assert.Single(Lines(), l => l.StartsWith("TcpConnectionEnd", StringComparison.Ordinal));
    }

    [Fact]
    public async Task EndpointThatIsNotThere_IsTriedAsOftenAsSaid()
    {
        await using var proxy = await ProxyFixture.StartAsync(Document(Nobody(),
            "max_connect_attempts: 3, backoff_options: {base_interval: 20ms, max_interval: 30ms}"));
        await using var client = await proxy.ConnectAsync();
        Assert.Empty(await client.ReadToEndAsync());
        await Eventually.Async(() => Lines() is ["TcpConnectionEnd 0 UF 3"], "the line");
        Assert.Equal(3, proxy.Stat("cluster.up.upstream_cx_connect_fail"));
    }

    [Fact]
    public async Task WhoLeavesBetweenTwoAttempts_IsForgotten()
    {
        await using var proxy = await ProxyFixture.StartAsync(Document(Nobody(),
            "max_connect_attempts: 1000, backoff_options: {base_interval: 3600s}"));
        await using (var client = await proxy.ConnectAsync())
        {
            await Eventually.Async(() => proxy.Stat("cluster.up.upstream_cx_connect_fail") >= 1, "the first attempt");
            client.Socket.LingerState = new System.Net.Sockets.LingerOption(true, 0); // a reset: an end may be half of one
        }
        await Eventually.Async(() => proxy.Stat("tcp.t.downstream_cx_active") == 0, "it is gone");
    }

    [Fact]
    public async Task Life_EndsWithItsDuration()
    {
        await using var up = RecordingUpstream.Start();
        up.Script = async peer => { while ((await peer.ReadSomeAsync()).Length > 0) { } };
        await using var proxy = await ProxyFixture.StartAsync(Document(up.Address,
            "max_downstream_connection_duration: 50ms, max_downstream_connection_duration_jitter_percentage: {value: 100}"));
        await using var client = await proxy.ConnectAsync();
        Assert.True(await client.EndsAsync());
        Assert.Equal(1, proxy.Stat("tcp.t.max_downstream_connection_duration"));
    }

    [Fact]
    public async Task HashOfTheClient_LeadsToOneEndpoint()
    {
        var ups = new List<RecordingUpstream>();
        try
        {
            for (int i = 0; i < 4; i++)
            {
                ups.Add(RecordingUpstream.Start());
                string name = ((char)('a' + i)).ToString();
                ups[i].Script = async peer => await peer.SendAsync(name);
            }
            string endpoints = string.Join(", ", ups.Select(u => $"\"{u.Address}\""));
            await using var proxy = await ProxyFixture.StartAsync("listeners: [{name: edge, address: \"127.0.0.1:0\", tcp_proxy: "
                + $"{{cluster: up, hash_policy: [{{source_ip: {{}}}}]}}}}]\n"
                + $"clusters: [{{name: up, lb_policy: MAGLEV, endpoints: [{endpoints}]}}]");
            var seen = new HashSet<string>();
            for (int i = 0; i < 20; i++)
            {
                var from = new System.Net.IPEndPoint(System.Net.IPAddress.Parse($"127.0.0.{10 + i}"), 0);
                string? first = null;
                for (int again = 0; again < 2; again++)
                {
                    await using var client = await RawClient.ConnectAsync(proxy.EndPoint(), from);
                    string got = await client.ReadTextAsync(1);
                    Assert.Equal(first ??= got, got);
                }
                seen.Add(first!);
            }
            Assert.True(seen.Count > 1, "all clients went to one endpoint");
        }
        finally
        {
            foreach (var up in ups) await up.DisposeAsync();
        }
    }

    public void Dispose() => File.Delete(_log);
}
