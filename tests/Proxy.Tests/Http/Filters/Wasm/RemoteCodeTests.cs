using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Managed.Proxy.Bindings.Wasm;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>
/// Code behind a URL: fetched once, believed by its digest only, kept on disk; and everything that can go wrong on the way.
/// </summary>
public sealed class RemoteCodeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("managed-remote-").FullName;
    private readonly string _mark = Guid.NewGuid().ToString("N"); // a module in use anywhere in the process is not fetched
    private readonly byte[] _module;

    public RemoteCodeTests() => _module = new WatGuest().On("request_headers", $"(call $say \"{_mark}\")").Build();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Sha(byte[] code) => Convert.ToHexStringLower(SHA256.HashData(code));

    private static string Served(byte[] code, string headers = "") =>
        string.Create(CultureInfo.InvariantCulture,
            $"HTTP/1.1 200 OK\r\nContent-Type: application/wasm\r\nContent-Length: {code.Length}\r\n{headers}\r\n"
                + $"{Encoding.Latin1.GetString(code)}");

    private RecordingUpstream Serve() => Serve(_ => Served(_module));

    private static RecordingUpstream Serve(Func<UpstreamRequest, string?> code)
    {
        var server = RecordingUpstream.Start();
        server.Answer = r => r.Target.Contains(".wasm", StringComparison.Ordinal) ? code(r) : null;
        return server;
    }

    private string Yaml(int port, string uri = "http://code.test/filter.wasm", string cluster = ", cluster: up", string timeout = "20s",
        string? sha = null, string retry = "{num_retries: 0}", string vm = "", string route = "") => WasmProxy.Document(
        $"{{name: wasm, typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm, config: {{vm_config: "
            + $"{{code: {{remote: {{http_uri: {{uri: '{uri}', timeout: {timeout}{cluster}}}, sha256: {sha ?? Sha(_module)}"
                + $", retry_policy: {retry}}}}}{vm}}}}}}}}}", port, route);

    private Task<ProxyFixture> StartAsync(string yaml = "listeners: []", params IReadOnlyList<string> hosts)
        => ProxyFixture.StartAsync(yaml, 1, _folder, hosts);

    private static double Stat(ProxyFixture proxy, string name)
        => proxy.Server.Stats.Read().Single(s => s.Name == "wasm.remote_load_" + name).Value;

    private static string Errors(PublishResult result)
    {
        Assert.False(result.Applied);
        return string.Join("\n", result.Errors);
    }

    private async Task RunsAsync(ProxyFixture proxy)
    {
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Contains(proxy.Log.Lines, l => l.Contains(_mark, StringComparison.Ordinal));
    }

    [Fact]
    public async Task FirstVersion_WaitsForItsCode_WhateverItSays()
    {
        // A node that starts has nothing in service that a refusal would keep.
        await using var server = Serve();
        await using var proxy = await StartAsync(Yaml(server.Port, vm: ", nack_on_code_cache_miss: true"));
        await RunsAsync(proxy);
    }

    [Fact]
    public async Task CodeThroughACluster_IsFetchedOnce_AndRuns()
    {
        await using var server = Serve();
        await using var proxy = await StartAsync(Yaml(server.Port, "http://code.test:8080/a/filter.wasm?x=1"));
        await RunsAsync(proxy);
        var request = server.Requests[0];
        Assert.Equal(("GET", "/a/filter.wasm?x=1", "code.test:8080"), (request.Method, request.Target, request["host"]));
        Assert.Null(request["accept-encoding"]);

        await proxy.PublishAsync(Yaml(server.Port, route: ", timeout: 3s", sha: Sha(_module).ToUpperInvariant()));
        await RunsAsync(proxy);

        Assert.Single(server.Requests, r => r.Target.Contains(".wasm", StringComparison.Ordinal));
        Assert.Equal((1, 1, 1, 1, 0), (Stat(proxy, "cache_entries"), Stat(proxy, "cache_hits"), Stat(proxy, "cache_misses"),
            Stat(proxy, "fetch_successes"), Stat(proxy, "fetch_failures")));
        Assert.Single(proxy.Server.GuestVms());
    }

    [Fact]
    public async Task NetworkFilter_GetsItsCodeTheSameWay()
    {
        byte[] module = new WatGuest().On("new_connection", $"(call $say \"{_mark}\")").Build();
        await using var server = Serve(_ => Served(module));
        await using var proxy = await StartAsync($$"""
            clusters: [{name: up, endpoints: ["127.0.0.1:{{server.Port}}"]}]
            listeners:
            - name: edge
              address: 127.0.0.1:0
              filter_chains:
              - name: main
                filters:
                - {name: envoy.filters.network.wasm, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm, config: {vm_config: {code: {remote: {http_uri: {uri: "http://c/f.wasm", cluster: up, timeout: 20s}, sha256: {{Sha(module)}} } } } } } }
                - {name: envoy.filters.network.echo, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo} }
            """);
        await using var client = await proxy.ConnectAsync();
        await Eventually.Async(() => proxy.Log.Lines.Any(l => l.Contains(_mark, StringComparison.Ordinal)),
            "the module sees the connection");
    }

    [Fact]
    public async Task WithoutItsServer_CodeComesFromTheDisk_AndIsBelievedByItsDigestOnly()
    {
        string yaml = await ServedOnceAsync();
        string file = Path.Combine(_folder, Sha(_module) + ".wasm");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, new FileInfo(file).UnixFileMode);
        Assert.Empty(Directory.GetFiles(_folder, "*.new"));

        await ForgetModuleAsync();
        await HereAlreadyAsync(yaml);

        byte[] kept = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
        kept[^1] ^= 1;
        await File.WriteAllBytesAsync(file, kept, TestContext.Current.CancellationToken);
        await ForgetModuleAsync();
        await using var proxy = await StartAsync();
        Assert.Contains("could not be fetched", Errors(await proxy.TryPublishAsync(yaml)), StringComparison.Ordinal);
    }

    private async Task<string> ServedOnceAsync()
    {
        await using var server = Serve();
        string yaml = Yaml(server.Port);
        await using var proxy = await StartAsync(yaml);
        await RunsAsync(proxy);
        return yaml;
    }

    private async Task HereAlreadyAsync(string yaml)
    {
        await using var proxy = await StartAsync(yaml);
        await proxy.GetAsync();
        Assert.Contains(proxy.Log.Lines, l => l.Contains(_mark, StringComparison.Ordinal));
        Assert.Equal((1, 0), (Stat(proxy, "cache_hits"), Stat(proxy, "cache_misses")));
    }

    [Fact]
    public async Task CodeThatIsInUseFromElsewhere_IsFetchedAllTheSame_ForTheNextStart()
    {
        await using var server = Serve();
        await using var proxy = await StartAsync(WasmProxy.Yaml(_module, server.Port));
        await proxy.PublishAsync(Yaml(server.Port));
        Assert.Single(server.Requests);
        Assert.Equal(_module, await File.ReadAllBytesAsync(Path.Combine(_folder, Sha(_module) + ".wasm"),
            TestContext.Current.CancellationToken));

        // Once it was here, a cache that is emptied is no reason to refuse a change elsewhere.
        foreach (string file in Directory.GetFiles(_folder)) File.Delete(file);
        server.Answer = _ => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        await proxy.PublishAsync(Yaml(server.Port, route: ", timeout: 3s"));
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task WithoutADisk_CodeIsKeptInMemory()
    {
        await using var server = Serve();
        await using var proxy = await ProxyFixture.StartAsync("listeners: []");
        Assert.Contains("nowhere", Errors(await proxy.TryPublishAsync(Yaml(server.Port, route: "}, nowhere: {x: y"))),
            StringComparison.Ordinal);
        await ForgetModuleAsync();
        await proxy.PublishAsync(Yaml(server.Port));
        Assert.Single(server.Requests);
    }

    [Theory]
    [InlineData("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "it answers 404")]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: http://elsewhere.test/x?secret=1\r\nContent-Length: 0\r\n\r\n",
        "it answers 302, a redirect to http://elsewhere.test/x; redirects are not followed")]
    [InlineData("HTTP/1.1 204 No Content\r\n\r\n", "it answers 204")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",
        "content-encoding gzip, and nothing is decompressed")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 67108865\r\n\r\n", "larger than 64 MiB")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother",
        "its SHA-256 is d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\ncut", "ended prematurely")]
    [InlineData("no HTTP at all\r\n\r\n", "invalid")]
    public async Task WrongAnswer_RefusesTheVersionWithTheReason_AndNothingElseChanges(string answer, string reason)
    {
        await using var server = Serve(_ => answer);
        await using var proxy = await StartAsync(
            WasmProxy.Document("{name: lua, typed_config: {'@type': lua, inline_code: '--'}}", server.Port));
        string error = Errors(await proxy.TryPublishAsync(Yaml(server.Port)));
        Assert.Contains("code could not be fetched from http://code.test/filter.wasm (cluster up): ", error, StringComparison.Ordinal);
        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error, StringComparison.Ordinal);
        Assert.Contains("/code/remote/http_uri/uri", error, StringComparison.Ordinal);
        Assert.Contains(proxy.Log.Lines, l => l.Contains(reason, StringComparison.Ordinal));
        Assert.Equal(1, Stat(proxy, "fetch_failures"));
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public async Task AnswerThatNeverEnds_IsCutAtTheLimitOfSize()
    {
        await using var server = RecordingUpstream.Start();
        long sent = 0;
        server.Script = async peer =>
        {
            await peer.ReadUntilAsync("\r\n\r\n");
            await peer.SendAsync("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            byte[] much = new byte[1 << 20];
            while (true)
            {
                await peer.SendAsync(much);
                sent += much.Length;
            }
        };
        await using var proxy = await StartAsync();
        Assert.Contains("larger than 64 MiB", Errors(await proxy.TryPublishAsync(Yaml(server.Port, timeout: "60s"))),
            StringComparison.Ordinal);
        Assert.InRange(sent, 60 << 20, 80 << 20);
    }

    [Fact]
    public async Task ServerThatSaysNothing_OrAllTooSlowly_FailsAfterTheTimeout()
    {
        await using var server = RecordingUpstream.Start();
        server.Script = async peer =>
        {
            await peer.ReadUntilAsync("\r\n\r\n");
            if (peer.Number == 2) await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun");
            await peer.ReadUntilAsync("never");
        };
        await using var proxy = await StartAsync();
        string error =
            Errors(await proxy.TryPublishAsync(Yaml(server.Port, timeout: "0.3s",
                retry: "{num_retries: 1, retry_back_off: {base_interval: 0.01s}}")));
        Assert.Contains("no whole answer within 0.3 s (after 2 attempts)", error, StringComparison.Ordinal);
        Assert.Equal(2, server.Accepted);
    }

    [Fact]
    public async Task ServerThatIsNotThere_IsNamed()
    {
        int port = FreePort.Next();
        await using var proxy = await StartAsync();
        Assert.Contains("Connection refused", Errors(await proxy.TryPublishAsync(Yaml(port))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task FailedAttempts_AreRepeatedWithDoubledPauses()
    {
        var times = new List<long>();
        await using var server = Serve(_ =>
        {
            times.Add(Environment.TickCount64);
            return times.Count < 4 ? "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n" : Served(_module);
        });
        await using var proxy = await StartAsync(
            Yaml(server.Port, retry: "{num_retries: 3, retry_back_off: {base_interval: 0.1s, max_interval: 0.2s}}"));
        await RunsAsync(proxy);
        Assert.Equal(4, times.Count);
        Assert.True(times[1] - times[0] >= 95 && times[2] - times[1] >= 195 && times[3] - times[2] >= 195, string.Join(' ', times));
        Assert.True(times[3] - times[2] < 395 || times[2] - times[1] > 300, "the longest pause is 0.2 s");
        Assert.Equal((1, 0), (Stat(proxy, "fetch_successes"), Stat(proxy, "fetch_failures")));
    }

    [Fact]
    public async Task EndpointThatIsDown_IsPassedOver()
    {
        await using var server = Serve();
        int dead = FreePort.Next();
        await using var proxy = await StartAsync(Yaml(server.Port)
            .Replace($"endpoints: [\"127.0.0.1:{server.Port}\"]", $"endpoints: [\"127.0.0.1:{dead}\", \"localhost:{server.Port}\"]",
                StringComparison.Ordinal));
        Assert.Contains(server.Requests, r => r.Target == "/filter.wasm");
    }

    [Fact]
    public async Task UnixSocket_ServesCode()
    {
        string path = Path.Combine(_folder, "s");
        await using var server = RecordingUpstream.StartUnix(path);
        server.Answer = _ => Served(_module);
        await using var proxy = await StartAsync(Yaml(1).Replace("\"127.0.0.1:1\"", $"\"unix://{path}\"", StringComparison.Ordinal));
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task CodeNamedTwice_IsAskedForOnce_ThoughItFails()
    {
        await using var server = Serve(_ => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        await using var proxy = await StartAsync();
        string once = Yaml(server.Port), filter =
            once[once.IndexOf("{name: wasm", StringComparison.Ordinal)..once.IndexOf(", {name: router}", StringComparison.Ordinal)];
        string twice = once.Replace(filter, filter + ", " + filter.Replace("name: wasm", "name: again", StringComparison.Ordinal),
            StringComparison.Ordinal);
        Assert.Equal(2, (await proxy.TryPublishAsync(twice)).Errors.Count);
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task WithNack_TheVersionIsRefusedAtOnce_AndTheNextAttemptFindsTheCode()
    {
        var gate = new TaskCompletionSource();
        await using var server = Serve();
        server.OnHead = (_, _) => gate.Task;
        await using var proxy = await StartAsync();
        string yaml = Yaml(server.Port, vm: ", nack_on_code_cache_miss: true");
        foreach (string error in new[] { Errors(await proxy.TryPublishAsync(yaml)), Errors(await proxy.TryPublishAsync(yaml)),
            Errors(await proxy.TryPublishAsync(yaml)) })
        {
            Assert.Contains(
                "is not here yet and is being fetched from http://code.test/filter.wasm (cluster up): try again when it has arrived", error,
                    StringComparison.Ordinal);
            Assert.Contains("/code/remote/http_uri/uri", error, StringComparison.Ordinal);
        }
        gate.SetResult();
        await Eventually.Async(() => Stat(proxy, "cache_entries") == 1, "the code has arrived");
        await proxy.PublishAsync(yaml);
        Assert.Equal(1, server.Requests.Count(r => r.Target == "/filter.wasm"));
        Assert.Equal((3, 1), (Stat(proxy, "cache_misses"), Stat(proxy, "cache_hits")));
        await RunsAsync(proxy);
    }

    [Fact]
    public async Task WithNack_AFailureIsToldAndNotRepeatedBeforeTheBackOff()
    {
        bool found = false;
        await using var server = Serve(_ => found ? Served(_module) : "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        await using var proxy = await StartAsync();
        string Doc(string pause) => Yaml(server.Port, vm: ", nack_on_code_cache_miss: true",
            retry: $"{{num_retries: 0, retry_back_off: {{base_interval: {pause}, max_interval: {pause}}}}}");
        Errors(await proxy.TryPublishAsync(Doc("600s")));
        await Eventually.Async(() => Stat(proxy, "fetch_failures") == 1, "the fetch has failed");
        string error = Errors(await proxy.TryPublishAsync(Doc("600s")));
        // The failure is counted a moment before it is over.
        for (int again = 0; again < 1000 && error.Contains("being fetched", StringComparison.Ordinal); again++)
            error = Errors(await proxy.TryPublishAsync(Doc("600s")));
        Assert.Matches("it answers 404; it is not asked again for [56]\\d\\d s", error);
        Assert.Single(server.Requests);
        Assert.Equal(1, Stat(proxy, "cache_negative_hits"));

        found = true;
        Assert.Contains(
            "being fetched from http://code.test/filter.wasm (cluster up): try again when it has arrived; the last attempt failed: it "
                + "answers 404", Errors(await proxy.TryPublishAsync(Doc("0.001s"))), StringComparison.Ordinal);
        await Eventually.Async(() => Stat(proxy, "cache_entries") == 1, "the code has arrived");
        await proxy.PublishAsync(Doc("0.001s"));
    }

    [Fact]
    public async Task WithoutACluster_OnlyAHostOfTheListIsAsked()
    {
        await using var server = Serve();
        string Doc(string host) => Yaml(server.Port, $"http://{host}:{server.Port}/filter.wasm", cluster: "");
        await using (var proxy = await StartAsync())
        {
            string error = Errors(await proxy.TryPublishAsync(Doc("127.0.0.1")));
            Assert.Contains($"code may not be fetched from 127.0.0.1:{server.Port}", error, StringComparison.Ordinal);
            Assert.Contains("--code-fetch-hosts 127.0.0.1 (MANAGED_CODE_FETCH_HOSTS)", error, StringComparison.Ordinal);
        }
        await using (var proxy = await StartAsync("listeners: []", "*"))
        {
            Assert.Contains("127.0.0.1 is this machine's own, which has to be allowed by its name and not by a pattern",
                Errors(await proxy.TryPublishAsync(Doc("localhost"))), StringComparison.Ordinal);
            Assert.Contains("169.254.169.254 is a link-local address, which is never asked",
                Errors(await proxy.TryPublishAsync(Doc("169.254.169.254"))), StringComparison.Ordinal);
            Assert.Contains("169.254.169.254 is a link-local address, which is never asked",
                Errors(await proxy.TryPublishAsync(Doc("[::ffff:169.254.169.254]"))), StringComparison.Ordinal);
        }
        Assert.Equal(0, server.Accepted);
        await AllowedByNameAsync(Doc("localhost"), $"localhost:{server.Port}");
        // What is here needs no leave: the node has to start again whatever the list says by then.
        await ForgetModuleAsync();
        await HereAlreadyAsync(Doc("localhost"));
        Assert.Equal(1, server.Requests.Count(r => r.Target == "/filter.wasm"));
    }

    private async Task AllowedByNameAsync(string yaml, string host)
    {
        await using var proxy = await StartAsync("listeners: []", host);
        await proxy.PublishAsync(yaml);
        await RunsAsync(proxy);
    }

    [Fact]
    public async Task LinkLocalEndpointOfACluster_IsNotAsked()
    {
        await using var proxy = await StartAsync();
        string error = Errors(await proxy.TryPublishAsync(Yaml(1).Replace("127.0.0.1:1\"", "169.254.1.1:80\"", StringComparison.Ordinal)));
        Assert.Contains("169.254.1.1 is a link-local address", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sha256: 'abc'", "it is not 64 hexadecimal digits", "/sha256")]
    [InlineData("sha256: 'zz00000000000000000000000000000000000000000000000000000000000000'", "it is not 64 hexadecimal digits", "/sha256")]
    [InlineData("uri: 'ftp://h/x'", "is not a URL of http or https", "/uri")]
    [InlineData("uri: '/x'", "is not a URL of http or https", "/uri")]
    [InlineData("uri: 'file:///etc/passwd'", "is not a URL of http or https", "/uri")]
    [InlineData("uri: 'http://me:pw@h/x'", "credentials", "/uri")]
    [InlineData("cluster: upp", "cluster 'upp' does not exist", "/cluster")]
    [InlineData("cluster: empty", "cluster 'empty' has no endpoint that could be asked", "/cluster")]
    [InlineData("num_retries: 11", "10", "/num_retries")]
    [InlineData("num_retries: 0, retry_on: 5xx", "'retry_on' is not supported", "/retry_on")]
    [InlineData("timeout: 301s", "300", "/timeout")]
    public async Task WrongField_IsRefusedWithItsPlace(string field, string reason, string place)
    {
        await using var server = Serve();
        await using var proxy = await StartAsync();
        string name = field[..field.IndexOf(':', StringComparison.Ordinal)];
        string yaml = System.Text.RegularExpressions.Regex.Replace(Yaml(server.Port), $"\\b{name}: ('[^']*'|[^,}}]+)", field)
            .Replace("clusters:\n", "clusters:\n- {name: empty, endpoints: []}\n", StringComparison.Ordinal);
        string error = Errors(await proxy.TryPublishAsync(yaml));
        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.Contains(place, error, StringComparison.Ordinal);
        if (name == "cluster" && field.EndsWith("upp", StringComparison.Ordinal))
            Assert.Contains("did you mean 'up'?", error, StringComparison.Ordinal);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task WaitOfManyMinutes_IsRefused_UnlessNobodyWaits()
    {
        await using var server = Serve();
        await using var proxy = await StartAsync();
        string Doc(string vm) => Yaml(server.Port, timeout: "150s", retry: "{num_retries: 1, retry_back_off: {base_interval: 110s}}",
            vm: vm);
        string error = Errors(await proxy.TryPublishAsync(Doc("")));
        Assert.Contains("with all retries a fetch could take 410 s, and a version is not built for longer than 300 s", error,
            StringComparison.Ordinal);
        Assert.Contains("is not here yet", Errors(await proxy.TryPublishAsync(Doc(", nack_on_code_cache_miss: true"))),
            StringComparison.Ordinal);
        await Eventually.Async(() => Stat(proxy, "cache_entries") == 1, "the code has arrived");
    }

    // As after a restart: the process holds modules weakly, and a proxy that has ended lets go of them when its last chore has run. (What
    // used the module has to be in a method of its own, or its locals hold it.)
    private Task ForgetModuleAsync() => Eventually.Async(() =>
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return WasmModule.Find(Sha(_module)) is null;
    }, "the module is forgotten");
}
