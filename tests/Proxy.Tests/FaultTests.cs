using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Managed.Proxy.Core.FaultInjection;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests;

/// <summary>Faults are the process's: no other test may meet them.</summary>
[CollectionDefinition(nameof(FaultTests), DisableParallelization = true)]
public sealed class FaultCollection;

/// <summary>
/// Lets each point fail once, the first time it is passed, the second time and so on, while traffic of all kinds flows and versions come
/// and go. Nobody hangs; afterwards the next version is published and served, and everything that was taken has been given back.
/// </summary>
[Collection(nameof(FaultTests))]
public sealed partial class FaultTests
{
    // Of a point that is passed very often the first times show what there is; MANAGED_FAULT_TIMES=12 looks at more of them.
    private static readonly int MostTimes =
        int.TryParse(Environment.GetEnvironmentVariable("MANAGED_FAULT_TIMES"), out int times) && times > 0 ? times : 3;

    private sealed class InjectedFault(FaultPoint point) : Exception($"injected at {point}");

    public static TheoryData<string> Points => new(Enum.GetNames<FaultPoint>());

    [Theory]
    [MemberData(nameof(Points))]
    public async Task WhateverFails_IsGivenBack_AndTheProxyServes(string name)
    {
        var point = Enum.Parse<FaultPoint>(name);
        Assert.True(Faults.AreOn);
        await using var scene = await Scene.StartAsync();
        await scene.ServesAsync(); // whatever is made once is made
        string balance = await scene.SettledAsync();
        int times = 0;
        while (times < MostTimes && await FailsAsync(scene, point, times + 1, balance)) times++;
        Assert.NotEqual(0, times);
    }

    // False: the point was not passed so often.
    private static async Task<bool> FailsAsync(Scene scene, FaultPoint point, int nth, string balance)
    {
        int passed = 0, failed = 0;
        // A version is gone back to only where something else has failed.
        int broken = point == FaultPoint.TakeBack ? 0 : 1;
        Faults.Handler = p =>
        {
            if (p == FaultPoint.Committed && Interlocked.Exchange(ref broken, 1) == 0) throw new InjectedFault(p);
            if (p != point || Interlocked.Increment(ref passed) != nth) return;
            Interlocked.Increment(ref failed);
            throw new InjectedFault(p);
        };
        try
        {
            await scene.PlayAsync();
        }
        finally
        {
            Faults.Handler = null;
        }
        string where = $"{point}, time {nth}: ";
        await scene.ResetAsync(where);
        string now = "";
        try
        {
            await Eventually.TrueAsync(async () => (now = await scene.SettledAsync()) == balance, where);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"{where}before\n{balance}\nnow\n{now}\n{string.Join('\n', scene.Log.Take(5))}");
        }
        return failed > 0;
    }

    /// <summary>Upstreams, a proxy in front of them, and clients that use every kind of it.</summary>
    private sealed class Scene : IAsyncDisposable
    {
        private static readonly byte[] Guest = new WatGuest().On("downstream_data", "").Build();
        private static readonly TimeSpan Hangs = TimeSpan.FromSeconds(40);

        private readonly RecordingUpstream _up = RecordingUpstream.Start(), _other = RecordingUpstream.Start("other"),
            _tcp = RecordingUpstream.Start("tcp");
        private readonly string _log = Path.GetTempFileName();
        private readonly int _old = FreePort.Next(), _new = FreePort.Next();
        private ProxyFixture _proxy = null!;

        public IReadOnlyList<string> Log => _proxy.Log.Lines;

        public static async Task<Scene> StartAsync()
        {
            var scene = new Scene();
            scene._tcp.Script = async peer =>
            {
                while (await peer.ReadSomeAsync() is { Length: > 0 } piece) await peer.SendAsync(piece);
            };
            scene._proxy = await ProxyFixture.StartWithAsync(scene.Document(1), log => new ProxyOptions
            {
                Workers = 2, LoggerFactory = log, ResolveName = static _ => [IPAddress.Loopback],
                AcknowledgeTimeout = TimeSpan.FromSeconds(30),
            });
            scene._proxy.MayCrash = true;
            return scene;
        }

        // What the second has that the first has not, and the other way round: listener, cluster with a name, endpoint, limits, guest code.
        private string Document(int version) => $$"""
            listeners:
            - name: edge
              address: 127.0.0.1:0
              access_log: [{name: file, typed_config: {path: {{_log}} } }]
              filter_chains:
              - name: main
                filters:
                - name: http_connection_manager
                  typed_config:
                    stat_prefix: edge
                    access_log: [{name: file, typed_config: {path: {{_log}} } }]
                    http_filters:
                    - {name: lua, typed_config: {default_source_code: {inline_string: "function envoy_on_response(h) h:headers():add('x-v', '{{version}}') end"} } }
                    - {name: fault, typed_config: {max_active_faults: {{version}} } }
                    - {name: router}
                    route_config:
                      name: web
                      virtual_hosts:
                      - {name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: up, timeout: 20s} }]}
            - name: raw
              address: 127.0.0.1:0
              filter_chains:
              - name: main
                filters:
                - {{WasmProxy.Filter(Guest, ", name: guard").Replace("filters.http.wasm", "filters.network.wasm", StringComparison.Ordinal)}}
                - {name: tcp_proxy, typed_config: {stat_prefix: raw, cluster: tcp, access_log: [{name: file, typed_config: {path: {{_log}} } }] } }
            - {name: v{{version}}, address: "127.0.0.1:{{(version == 1 ? _old : _new)}}", routes: [{match: {prefix: /}, route: {cluster: named} }]}
            clusters:
            - {name: up, endpoints: ["{{(version == 1 ? _up : _other).Address}}"], circuit_breakers: {thresholds: [{max_requests: {{100 + version}} }]} }
            - {name: tcp, endpoints: ["{{_tcp.Address}}"]}
            - {name: named, type: STRICT_DNS, endpoints: ["localhost:{{_up.Port}}"]}
            - {name: only{{version}}, type: STRICT_DNS, endpoints: ["v{{version}}.test:{{_up.Port}}"]}
            """;

        /// <summary>
        /// Traffic on the first version, the second, traffic on that. Whatever is refused or cut is; nobody waits for ever.
        /// </summary>
        public async Task PlayAsync()
        {
            await TrafficAsync(_old);
            // an idle connection whose listener goes
            await using (await TryConnectAsync(new IPEndPoint(IPAddress.Loopback, _old))) await PublishAsync(2);
            await TrafficAsync(_new);
            await Eventually.Async(() => _proxy.Server.Generations().Count == 1, "the other version to go");
        }

        /// <summary>The first version is back and serves.</summary>
        public async Task ResetAsync(string where)
        {
            await _proxy.Server.PublishAsync(_proxy.Build(Document(2)).Snapshot!);
            var result = await _proxy.Server.PublishAsync(_proxy.Build(Document(1)).Snapshot!);
            Assert.True(result.Applied, $"{where}{string.Join("; ", result.Errors)}");
            await ServesAsync();
        }

        /// <summary>Every way through it works, on both workers.</summary>
        public async Task ServesAsync()
        {
            for (int i = 0; i < 8; i++)
            {
                await using var client = await ConnectAsync(_proxy.EndPoint());
                var answer = await client.AskAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
                Assert.Equal((200, "1"), (answer.Status, answer["x-v"]));
                await using var raw = await ConnectAsync(_proxy.EndPoint("raw"));
                await raw.SendAsync("hello");
                Assert.Equal("hello", await raw.ReadTextAsync(5));
                await using var old = await ConnectAsync(new IPEndPoint(IPAddress.Loopback, _old));
                Assert.Equal(200, (await old.AskAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).Status);
            }
        }

        private async Task PublishAsync(int version)
        {
            try
            {
                await _proxy.TryPublishAsync(Document(version)).WaitAsync(Hangs + Hangs);
            }
            catch (InjectedFault)
            {
                // a build says so to whoever asked for it
            }
        }

        private async Task TrafficAsync(int port)
        {
            foreach (var to in new[] { _proxy.EndPoint(), new IPEndPoint(IPAddress.Loopback, port), _proxy.EndPoint("raw") })
            {
                bool raw = to.Equals(_proxy.EndPoint("raw"));
                await TryAsync(to, async client =>
                {
                    if (raw)
                    {
                        await client.SendAsync("hello");
                        await client.ReadTextAsync(5);
                        return;
                    }
                    await client.AskAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
                    await client.AskAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
                    await client.AskAsync("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
                });
                // The client goes in the middle.
                await TryAsync(to, async client => await client.SendAsync(raw ? "half"
                    : "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nabc"));
                await TryAsync(to, async client => await client.AskAsync("nonsense\r\n\r\n"), skip: raw);
            }
        }

        private static async Task TryAsync(IPEndPoint to, Func<RawClient, Task> use, bool skip = false)
        {
            if (skip) return;
            try
            {
                await using var client = await ConnectAsync(to);
                await use(client);
            }
            catch (Exception e) when (e is SocketException or WireException)
            {
                // refused or cut
            }
        }

        private static async Task<RawClient> ConnectAsync(IPEndPoint to) => await RawClient.ConnectAsync(to, patience: Hangs);

        private static async Task<RawClient?> TryConnectAsync(IPEndPoint to)
        {
            try { return await ConnectAsync(to); } catch (SocketException) { return null; }
        }

        /// <summary>All that is counted, when no client is there and no upstream holds a connection open.</summary>
        public async Task<string> SettledAsync()
        {
            foreach (var upstream in new[] { _up, _other, _tcp }) upstream.CloseConnections();
            await _proxy.PassAsync(10, worker: 0);
            await _proxy.PassAsync(10, worker: 1);
            var server = _proxy.Server;
            var stats = server.Stats.Read();
            var lines = new List<string>
            {
                $"generations {string.Join(' ', server.Generations().Select(g => $"{g.Connections} {g.Streams}"))}",
                $"connections {string.Join(' ', server.Workers().Select(w => w.Connections))}, of the process "
                    + $"{server.Overload.Connections.Open}",
                $"names {stats.Count(s => !Code().IsMatch(s.Name))}, guests {server.GuestVms().Count}, listeners "
                    + $"{server.Listeners().Count}",
                $"buffers {string.Join(' ', Enumerable.Range(0, 2).Select(i => server.WorkerAt(i).Loop.Buffers.Used))}",
                $"sockets {Directory.EnumerateFiles("/proc/self/fd").Count(IsSocket)}",
            };
            foreach (var cluster in server.Current!.Clusters.Values.OrderBy(c => c.Name))
            {
                var state = cluster.State;
                lines.Add($"{cluster.Name}: {state.Connections} {state.Requests} {state.Pending} " +
                    string.Join(' ', cluster.Endpoints.All.Select(e => $"{e.Text} {e.ActiveConnections} {e.ActiveRequests}")));
            }
            lines.AddRange(stats.Where(s => s.Name.EndsWith("_active", StringComparison.Ordinal) && s.Value != 0).OrderBy(s => s.Name)
                .Select(s => $"{s.Name} {s.Value}"));
            return string.Join('\n', lines);
        }

        private static bool IsSocket(string fd)
        {
            try
            {
                return File.ResolveLinkTarget(fd, returnFinalTarget: false)?.Name.StartsWith("socket:", StringComparison.Ordinal) == true;
            }
            catch (IOException) { return false; } // closed meanwhile
        }

        public async ValueTask DisposeAsync()
        {
            await _proxy.DisposeAsync();
            foreach (var upstream in new[] { _up, _other, _tcp }) await upstream.DisposeAsync();
            File.Delete(_log);
        }
    }

    // Codes get their names when they first occur, and keep them.
    [GeneratedRegex(@"upstream_rq_\d\d\d$")]
    private static partial Regex Code();
}
