using System.Runtime.CompilerServices;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>
/// The examples of docs/examples/wasm as their sources say, built by their script: AssemblyScript with its public SDK, and plain C.
/// </summary>
public sealed class ExampleTests
{
    private static byte[] Module(string name)
    {
        string file = Path.Combine(Folder(), "build", name + ".wasm");
        Assert.True(File.Exists(file),
            $"{file} is not there: run 'bash docs/examples/wasm/build.sh', which tests/run.sh does before the tests");
        return File.ReadAllBytes(file);
    }

    private static string Folder([CallerFilePath] string here = "")
        => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../../../../docs/examples/wasm"));

    private static string Configured(string text) => ", configuration: " + WasmProxy.Quote(text);

    [Theory]
    [InlineData("c-hello/hello.c")]
    [InlineData("assemblyscript-hello/assembly/index.ts")]
    [InlineData("rust-hello/src/lib.rs")]
    [InlineData("cpp-hello/hello.cc")]
    public void Guide_ShowsTheExampleAsItIs(string source)
        => Assert.Contains(File.ReadAllText(Path.Combine(Folder(), source)) + "```\n",
            File.ReadAllText(Path.Combine(Folder(), "../../wasm.md")), StringComparison.Ordinal);

    [Theory]
    [InlineData("c-hello")]
    [InlineData("assemblyscript-hello")]
    public async Task Hello_AddsTheConfiguredText(string example)
    {
        await using var proxy = await WasmProxy.StartAsync(Module(example),
            ", name: hello, root_id: hello" + Configured("from " + example));
        for (int i = 0; i < 3; i++)
            Assert.Equal((200, "from " + example), await proxy.GetAsync() is var r ? (r.Status, r["x-hello"]) : default);
    }

    [Theory]
    [InlineData("c-hello")]
    [InlineData("assemblyscript-hello")]
    public async Task Hello_WithoutConfiguration_SaysWorld(string example)
    {
        await using var proxy = await WasmProxy.StartAsync(Module(example), ", root_id: hello");
        Assert.Equal("world", (await proxy.GetAsync())["x-hello"]);
    }

    // The VM stays and its old plugin ends in it, which must be no failure of the module.
    [Theory]
    [InlineData("c-hello")]
    [InlineData("assemblyscript-hello")]
    public async Task Hello_WhoseConfigurationChanges_GoesOnInItsVm(string example)
    {
        await using var proxy = await WasmProxy.StartAsync(Module(example), ", name: hello, root_id: hello" + Configured("one"));
        for (int i = 0; i < 4; i++)
        {
            await proxy.PublishAsync(Module(example), ", name: hello, root_id: hello" + Configured("now " + i));
            Assert.Equal((200, "now " + i), await proxy.GetAsync() is var r ? (r.Status, r["x-hello"]) : default);
        }
        Assert.Equal((0, 1), (proxy.Proxy.Stat("wasm.hello.traps"), proxy.Proxy.Stat("wasm.hello.vm_created")));
    }

    [Fact]
    public async Task AssemblyScriptApiKey_LetsKnownClientsThrough_AndAnswersTheOthers()
    {
        await using var proxy = await WasmProxy.StartAsync(Module("assemblyscript-api-key"),
            ", name: keys, root_id: api_key" + Configured("maria k-1\njoão k-2\n"));

        var known = await proxy.GetAsync(headers: "X-Api-Key: k-1\r\nX-Client: root\r\n");
        var second = await proxy.PostAsync("a body", headers: "x-api-key: k-2\r\n");
        var unknown = await proxy.PostAsync("a body", headers: "x-api-key: k-3\r\n");
        var none = await proxy.GetAsync();

        Assert.Equal((200, "api-key"), (known.Status, known["x-filter"]));
        Assert.Equal(200, second.Status);
        Assert.All([unknown, none], r => Assert.Equal((401, "an API key is needed\n", "ApiKey", "api-key"),
            (r.Status, r.Text, r["www-authenticate"], r["x-filter"])));
        Assert.Equal([("maria", null, ""), ("jo\u00c3\u00a3o", null, "a body")],
            proxy.Upstream.Requests.Select(r => (r["x-client"], r["x-api-key"], r.Text)));
        Assert.Equal(2, proxy.Proxy.Stat("wasmcustom.api_key.denied"));
    }

    [Fact]
    public async Task AssemblyScriptApiKey_WithAWrongLine_RefusesTheVersion()
    {
        await using var proxy = await WasmProxy.StartAsync(Module("assemblyscript-api-key"),
            ", root_id: api_key" + Configured("maria k-1"));
        var result = await proxy.Proxy.TryPublishAsync(
            WasmProxy.Yaml(Module("assemblyscript-api-key"), proxy.Upstream.Port, ", root_id: api_key" + Configured("maria")));
        Assert.False(result.Applied);
        Assert.Contains("lines of the form 'name key'", proxy.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CHeaders_ChangesBothHeads_AndCounts()
    {
        await using var proxy = await WasmProxy.StartAsync(Module("c-headers"),
            Configured("x-frame-options: DENY\r\n\r\n x-two : b: c \n"));
        proxy.Upstream.Answer = r => r.Target == "/bad" ? "HTTP/1.1 503 No\r\ncontent-length: 2\r\nx-powered-by: a\r\n\r\nno" : null;

        var response = await proxy.GetAsync(headers: "x-internal-user: root\r\nX-Internal-Role: admin\r\nx-edge: forged\r\n");
        var failed = await proxy.GetAsync("/bad");

        Assert.Equal((200, "DENY", "b: c"), (response.Status, response["x-frame-options"], response["x-two"]));
        Assert.Equal((503, "no", "DENY", null), (failed.Status, failed.Text, failed["x-frame-options"], failed["x-powered-by"]));
        var asked = proxy.Upstream.Requests[0];
        Assert.Equal((null, null, "c-headers"), (asked["x-internal-user"], asked["x-internal-role"], asked["x-edge"]));
        Assert.Equal((2, 1), (proxy.Proxy.Stat("wasmcustom.c_headers.responses"), proxy.Proxy.Stat("wasmcustom.c_headers.errors")));
    }

    [Fact]
    public async Task CHeaders_WithALineThatIsNoField_RefusesTheVersion()
    {
        await using var proxy = await WasmProxy.StartAsync(Module("c-headers"));
        var result = await proxy.Proxy.TryPublishAsync(WasmProxy.Yaml(Module("c-headers"), proxy.Upstream.Port, Configured("no colon")));
        Assert.False(result.Applied);
        Assert.Contains(result.Errors, e => e.ToString().Contains("refuses its configuration", StringComparison.Ordinal));
    }

    [Fact]
    public async Task CAuthorize_AsksBeforeTheRequestGoesOn()
    {
        await using var proxy = await WasmProxy.StartAsync(Module("c-authorize"), Configured("up /check"));
        proxy.Upstream.Answer = r => r.Target != "/check" ? null : r["authorization"] == "Bearer good"
            ? "HTTP/1.1 200 OK\r\nx-user: maria\r\ncontent-length: 2\r\n\r\nok" : "HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n";

        var good = await proxy.PostAsync("a body", "/page?q=1", "Authorization: Bearer good\r\nx-user: root\r\n");
        var bad = await proxy.PostAsync("a body", "/page", "Authorization: Bearer bad\r\n");

        Assert.Equal((200, 403, "forbidden\n"), (good.Status, bad.Status, bad.Text));
        var asked = proxy.Upstream.Requests[0];
        Assert.Equal(("GET", "/check", "up", "POST", "/page?q=1"),
            (asked.Method, asked.Target, asked["host"], asked["x-method"], asked["x-path"]));
        var page = Assert.Single(proxy.Upstream.Requests, r => r.Target != "/check");
        Assert.Equal(("/page?q=1", "maria", "a body"), (page.Target, page["x-user"], page.Text));
    }

    [Fact]
    public async Task CAuthorize_WithoutAnAnswer_IsUnavailable()
    {
        await using var proxy = await WasmProxy.StartAsync(Module("c-authorize"), Configured("up /check"));
        proxy.Upstream.Answer = r => r.Target == "/check" ? "" : null;
        proxy.Upstream.Script = async peer => { await peer.ReadRequestAsync(); peer.Close(reset: true); };
        Assert.Equal((503, "not now\n"), await proxy.GetAsync() is var r ? (r.Status, r.Text) : default);
    }

    [Fact]
    public async Task CAuthorize_UnderManyRequests_AnswersEachForItself()
    {
        await using var proxy = await WasmProxy.StartAsync(Module("c-authorize"), Configured("up /check"));
        proxy.Upstream.Answer = r => r.Target != "/check" ? null
            : $"HTTP/1.1 200 OK\r\nx-user: {r["authorization"]}\r\ncontent-length: 0\r\n\r\n";
        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => proxy.GetAsync("/" + i, $"authorization: u{i}\r\n")));
        Assert.All(answers, r => Assert.Equal(200, r.Status));
        Assert.All(proxy.Upstream.Requests.Where(r => r.Target != "/check"), r => Assert.Equal("u" + r.Target[1..], r["x-user"]));
    }

    private static Task<ProxyFixture> StartTcpAsync(RecordingUpstream upstream) => ProxyFixture.StartAsync($$"""
        clusters:
        - {name: up, endpoints: ["{{upstream.Address}}"]}
        listeners:
        - name: edge
          address: 127.0.0.1:0
          filter_chains:
          - name: main
            filters:
            - {{WasmProxy.Filter(Module("c-tcp-prefix"), Configured("HELO ")).Replace("filters.http.wasm", "filters.network.wasm", StringComparison.Ordinal)}}
            - {name: tcp_proxy, typed_config: {stat_prefix: raw, cluster: up} }
        """);

    [Fact]
    public async Task CTcpPrefix_LetsBytesThroughOnceTheFirstAreRight()
    {
        await using var upstream = RecordingUpstream.Start();
        upstream.Script = async peer =>
        {
            string line = await peer.ReadUntilAsync("\n");
            await peer.SendAsync("got " + line);
            peer.Close();
        };
        await using var proxy = await StartTcpAsync(upstream);
        await using var client = await proxy.ConnectAsync();

        await client.SendSlowlyAsync("HELO a.example\n");

        Assert.Equal("got HELO a.example\n", await client.ReadTextAsync(19));
        Assert.True(await client.EndsAsync());
        Assert.Equal((15, 19), (proxy.Stat("wasmcustom.c_tcp_prefix.received"), proxy.Stat("wasmcustom.c_tcp_prefix.sent")));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("HELQ")]
    [InlineData("HEL", true)]
    public async Task CTcpPrefix_ClosesWhatBeginsOtherwise(string bytes, bool end = false)
    {
        int seen = 0;
        await using var upstream = RecordingUpstream.Start();
        upstream.Script = async peer => Interlocked.Add(ref seen, (await peer.ReadSomeAsync()).Length);
        await using var proxy = await StartTcpAsync(upstream);
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync(bytes);
        if (end) client.EndSending();

        Assert.True(await client.EndsAsync());
        Assert.Equal(1, proxy.Stat("wasmcustom.c_tcp_prefix.refused"));
        await Eventually.Async(() => upstream.Open == 0, "the upstream's connection ends");
        Assert.Equal(0, Volatile.Read(ref seen));
    }
}
