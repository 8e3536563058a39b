using System.Globalization;
using System.Net.Sockets;
using Managed.Proxy.Bindings.Wasm;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm.Conformance;

/// <summary>
/// Random guests under real traffic: the process lives, streams that have nothing to do with them are answered, and everything that is
/// counted comes back to zero. MANAGED_FUZZ_SECONDS makes it longer, MANAGED_FUZZ_SEED begins elsewhere.
/// </summary>
public sealed class FuzzTests
{
    private static readonly double Seconds = Number("MANAGED_FUZZ_SECONDS", 4);
    private static readonly int Seed = (int)Number("MANAGED_FUZZ_SEED", 1);
    private static readonly string[] Plugins =
        ["vm_start", "configure", "tick", "queue_ready", "http_call_response", "foreign_function", "grpc_receive_initial_metadata",
            "grpc_receive", "grpc_receive_trailing_metadata", "grpc_close"];

    private static double Number(string name, double otherwise)
        => double.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out double value) ? value : otherwise;

    private const string Limits = "limits: {cpu_per_call: 0.2s, memory: 1MiB, calls: 20, shared_data: 64KiB}";

    private readonly Dictionary<string, int> _guests = [];

    private byte[] Guest(int seed, string[] callbacks)
    {
        byte[] module = new FuzzGuest(seed).Build([.. Plugins, .. callbacks]);
        _guests[WasmModule.DigestOf(module)] = seed;
        return module;
    }

    private static string Policy(int seed) => (seed % 3) switch { 0 => "FAIL_OPEN", 1 => "FAIL_CLOSED", _ => "FAIL_RELOAD" };

    // A second listener shares the worker and has no plugin.
    private static string Quiet(string document) => document + """

        - name: quiet
          address: 127.0.0.1:0
          filter_chains:
          - name: main
            filters: [{name: http_connection_manager, typed_config: {stat_prefix: quiet, http_filters: [{name: router}], route_config: {name: q, virtual_hosts: [{name: q, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: quiet} } }] }] } } }]
        """;

    [Fact]
    public async Task RandomGuests_OnStreams_CostNobodyElse()
    {
        await using var upstream = RecordingUpstream.Start();
        upstream.Answer = request => request.Target.Length % 2 == 0 ? null
            : "HTTP/1.1 200 OK\r\nx-upstream: up\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\netag: 1\r\n\r\n";
        await using var proxy = await ProxyFixture.StartAsync(
            Quiet(WasmProxy.Document("", upstream.Port).Replace("http_filters: [, ", "http_filters: [", StringComparison.Ordinal)));
        await RunAsync(proxy, async seed =>
        {
            string filters = string.Join(", ", Enumerable.Range(0, 1 + seed % 2)
                .Select(i => WasmProxy.Filter(Guest(seed * 2 + i, Lives.OfStreams),
                    $", name: fuzz, failure_policy: {Policy(seed + i)}, {Limits}", ", vm_id: fuzz", $"wasm{i}")));
            var result = await proxy.TryPublishAsync(Quiet(WasmProxy.Document(filters, upstream.Port)));
            if (!result.Applied)
            {
                Assert.All(result.Errors, e => Assert.DoesNotContain("internal error", e.ToString(), StringComparison.Ordinal));
                return;
            }
            await Task.WhenAll(Enumerable.Range(0, 8).Select(i => RequestAsync(proxy, i)));
        });
        Assert.Equal(0, proxy.Stat("http.edge.downstream_rq_active"));
    }

    [Fact]
    public async Task RandomGuests_OnConnections_CostNobodyElse()
    {
        using var upstream = new TcpListener(System.Net.IPAddress.Loopback, 0);
        upstream.Start();
        _ = EchoAsync(upstream);
        int port = ((System.Net.IPEndPoint)upstream.LocalEndpoint).Port;
        await using var proxy = await ProxyFixture.StartAsync(
            Quiet(WasmTcp.Document("{name: wasm}", port).Replace("{name: wasm}, ", "", StringComparison.Ordinal)));
        await RunAsync(proxy, async seed =>
        {
            string filters = string.Join(", ", Enumerable.Range(0, 1 + seed % 2)
                .Select(i => WasmProxy.Filter(Guest(seed * 2 + i, Lives.OfConnections),
                    $", name: fuzz, failure_policy: {Policy(seed + i)}, {Limits}", ", vm_id: fuzz", $"wasm{i}")));
            var result = await proxy.TryPublishAsync(Quiet(WasmTcp.Document(filters, port)));
            if (!result.Applied)
            {
                Assert.All(result.Errors, e => Assert.DoesNotContain("internal error", e.ToString(), StringComparison.Ordinal));
                return;
            }
            await Task.WhenAll(Enumerable.Range(0, 8).Select(i => ConnectionAsync(proxy, i)));
        });
        Assert.Equal(0, proxy.Stat("tcp.raw.downstream_cx_active"));
    }

    private static readonly string[] Gauges =
        ["http.edge.downstream_rq_active", "http.edge.downstream_cx_active", "tcp.raw.downstream_cx_active",
            "cluster.up.upstream_rq_active", "cluster.up.upstream_cx_active"];

    private async Task RunAsync(ProxyFixture proxy, Func<int, Task> round)
    {
        var unobserved = new List<Exception>();
        void Note(object? sender, UnobservedTaskExceptionEventArgs e) { lock (unobserved) unobserved.Add(e.Exception); }
        TaskScheduler.UnobservedTaskException += Note;
        long end = Environment.TickCount64 + (long)(Seconds * 1000);
        int seed = Seed;
        for (; Environment.TickCount64 < end || seed < Seed + 5; seed++)
        {
            try
            {
                await round(seed);
                Assert.Equal("quiet", (await proxy.GetAsync(listener: "quiet")).Text);
                Assert.Empty(proxy.Log.Crashes);
            }
            catch (Exception e) when (e is not Xunit.Sdk.IAssertionException || !e.Message.StartsWith("seed ", StringComparison.Ordinal))
            {
                Assert.Fail($"seed {seed}: {e}");
            }
        }
        Assert.All(proxy.Log.Lines, line => Assert.DoesNotContain("internal error", line, StringComparison.Ordinal));
        // Everything of the guests goes with their configuration.
        await proxy.PublishAsync("listeners: []");
        try
        {
            await Eventually.Async(() => proxy.Server.GuestVms().Count == 0 && proxy.Stat("wasm.fuzz.vm_active") == 0
                && Gauges.All(g => proxy.Stat(g) == 0), "", seconds: 20);
        }
        catch (TimeoutException)
        {
            Assert.Fail(
                $"left after seed {seed - 1}: {proxy.Stat("wasm.fuzz.vm_active")} VMs ("
                    + $"{string.Join("; ", proxy.Server.GuestVms().Select(v => $"guest {_guests.GetValueOrDefault(v.Digest)} {v.State}, {v.Active} active"))}), {string.Join(", ", Gauges.Select(g => $"{g} {proxy.Stat(g)}"))}");
        }
        GC.Collect();
        GC.WaitForPendingFinalizers();
        TaskScheduler.UnobservedTaskException -= Note;
        lock (unobserved) Assert.DoesNotContain(unobserved, e => e.ToString().Contains("at Managed.Proxy.", StringComparison.Ordinal));
    }

    // Every answer and every end will do, if only it comes: a guest may pause its stream for ever, so nobody waits long.
    private static async Task RequestAsync(ProxyFixture proxy, int kind)
    {
        try
        {
            await using var client = await ClientAsync(proxy);
            await client.SendAsync((kind % 4) switch
            {
                0 => $"GET /{new string('x', kind)} HTTP/1.1\r\nHost: h\r\nx-a: one\r\n\r\n",
                1 => "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world",
                2 => "POST /bb HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\netag: 2\r\n\r\n",
                _ => "POST /bb HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\nnever all of",
            });
            if (kind % 4 == 3 || kind == 4) await Task.Delay(5);
            else await WaitAsync(client, 60);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // closed by the guest
        }
    }

    private static async Task ConnectionAsync(ProxyFixture proxy, int kind)
    {
        try
        {
            await using var client = await ClientAsync(proxy);
            if (kind > 0) await client.SendAsync(new string('x', kind * 400));
            if (kind % 3 == 1) client.EndSending();
            await WaitAsync(client, 30);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // closed by the guest
        }
    }

    // It ends with a reset: an end alone would let a stream wait on for what its guest may still do.
    private static async Task<RawClient> ClientAsync(ProxyFixture proxy)
    {
        var client = await RawClient.ConnectAsync(proxy.Port());
        client.Socket.LingerState = new LingerOption(true, 0);
        return client;
    }

    private static async Task WaitAsync(RawClient client, int milliseconds)
    {
        using var limit = new CancellationTokenSource(milliseconds);
        await client.Socket.ReceiveAsync(new byte[1000], SocketFlags.None, limit.Token);
    }

    private static async Task EchoAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                var socket = await listener.AcceptSocketAsync();
                _ = Task.Run(async () =>
                {
                    using (socket)
                    {
                        byte[] buffer = new byte[4096];
                        try { while (await socket.ReceiveAsync(buffer) is var n and > 0) await socket.SendAsync(buffer.AsMemory(0, n)); }
                        catch (SocketException) { }
                    }
                });
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
    }
}
