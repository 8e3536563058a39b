using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>Every callback of every version comes when it should, with what it should.</summary>
public sealed class CallbackTests
{
    private const string Told = """(call $n "context_create" (local.get $ctx)) (call $n " parent" (local.get $a))""";

    private static WatGuest Teller(string abi) => new WatGuest(abi)
        .On("context_create", Told)
        .On("vm_start", """(call $n "vm_start" (local.get $a))""")
        .On("configure", """(call $n "configure" (local.get $a))""")
        .On("request_headers", """(call $n "request_headers" (local.get $ctx)) (call $n " end" (local.get $b))""")
        .On("request_body", """(call $n "request_body" (local.get $a)) (call $n " end" (local.get $b))""")
        .On("request_trailers", """(call $n "request_trailers" (local.get $a))""")
        .On("response_headers", """(call $n "response_headers" (local.get $ctx)) (call $n " end" (local.get $b))""")
        .On("response_body", """(call $n "response_body" (local.get $a)) (call $n " end" (local.get $b))""")
        .On("response_trailers", """(call $n "response_trailers" (local.get $a))""")
        .On("done", """(call $n "done" (local.get $ctx))""")
        .On("log", """(call $n "log" (local.get $ctx))""")
        .On("delete", """(call $n "delete" (local.get $ctx))""");

    [Theory]
    [InlineData("0_2_0")]
    [InlineData("0_2_1")]
    public async Task Stream_IsToldFromItsCreationToItsEnd(string abi)
    {
        await using var proxy = await WasmProxy.StartAsync(Teller(abi).Build(), ", configuration: abc", ", configuration: de");
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        await Eventually.Async(() => proxy.Said.Contains("delete: 2"), proxy.Log); // the client has its answer before that
        var said = proxy.Said;

        // The first lines are of the VM that tried the configuration, which no request has seen.
        Assert.Equal(["context_create: 1", " parent: 0", "vm_start: 2", "configure: 3"], said.Take(4));
        Assert.Equal(
        [
            "context_create: 1", " parent: 0", "vm_start: 2", "configure: 3",
            "context_create: 2", " parent: 1", "request_headers: 2", " end: 1", "response_headers: 2", " end: 0", "response_body: 4",
            " end: 1", "done: 2", "log: 2", "delete: 2",
        ], said.Skip(4));
    }

    [Fact]
    public async Task FormWithoutEndOfStream_IsThatOf010()
    {
        var guest = new WatGuest("0_1_0").WithTwoParameters("request_headers").WithTwoParameters("response_headers")
            .On("request_headers", """(call $n "request_headers" (i32.gt_s (local.get $a) (i32.const 3)))""")
            .On("response_headers", """(call $n "response_headers" (i32.gt_s (local.get $a) (i32.const 0)))""");

        Assert.Equal(["request_headers: 1", "response_headers: 1"], await guest.SaysAsync());
    }

    [Fact]
    public async Task Version010_MayHaveTheLongFormToo()
        => Assert.Equal(["end: 1"], await new WatGuest("0_1_0").On("request_headers", """(call $n "end" (local.get $b))""").SaysAsync());

    [Fact]
    public async Task BodiesAndTrailers_AreSeenInBothDirections()
    {
        await using var proxy = await WasmProxy.StartAsync(Teller("0_2_1").Build());
        proxy.Upstream.Answer = _ => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\netag: 1\r\n\r\n";

        var response =
            await proxy.AskAsync(
                "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\netag: 2\r\nx-more: 3\r\n\r\n");

        Assert.True(response.Status == 200, proxy.Log);
        var said = proxy.Said.Skip(8).ToList();
        Assert.Equal("request_headers: 2", said[2]);
        Assert.Contains("request_body: 3", said);
        Assert.Contains("request_trailers: 2", said);
        Assert.Contains("response_body: 5", said);
        Assert.Contains("response_trailers: 1", said);
        Assert.DoesNotContain(" end: 1", said);
    }

    [Fact]
    public async Task Instance_IsStartedAsAReactorOrAsACommand()
    {
        Assert.Equal(["_initialize", "main: 0"],
            (await new WatGuest().On("_initialize", """(call $say "_initialize")""").On("main", """(call $n "main" (local.get $a))""")
                .On("_start", """(call $say "_start")""").SaysAsync()).Take(2));
        Assert.Equal("_start", (await new WatGuest().On("_start", """(call $say "_start")""").On("main", """(call $say "main")""")
            .SaysAsync())[0]);
        Assert.Equal("main", (await new WatGuest().On("main", """(call $say "main")""").SaysAsync())[0]);
        Assert.Equal("section", (await new WatGuest().With("""(start $begin) (func $begin (call $say "section"))""").SaysAsync())[0]);
        Assert.Empty(await new WatGuest().On("_start", "(call $proc_exit (i32.const 0))").SaysAsync());
    }

    [Fact]
    public async Task Contexts_HaveNumbersOfTheirOwn_AndAreDeletedOnce()
    {
        var guest = new WatGuest().On("context_create", """(call $n "create" (local.get $ctx))""")
            .On("delete", """(call $n "delete" (local.get $ctx))""");
        await using var proxy = await WasmProxy.StartAsync(guest.Build());
        for (int i = 0; i < 3; i++) await proxy.GetAsync();
        await Eventually.Async(() => proxy.Said.Contains("delete: 4"), proxy.Log);

        Assert.Equal(["create: 1", "create: 1", "create: 2", "delete: 2", "create: 3", "delete: 3", "create: 4", "delete: 4"], proxy.Said);
    }

    [Fact]
    public async Task PluginContext_EndsWhenItsConfigurationGoes()
    {
        var guest = Teller("0_2_1");
        await using var proxy = await WasmProxy.StartAsync(guest.Build(), ", configuration: one");
        await proxy.GetAsync();
        await proxy.PublishAsync(guest.Build(), ", configuration: three");
        await Eventually.Async(() => proxy.Said.Contains("delete: 1"), proxy.Log);

        var said = proxy.Said.SkipWhile(s => s != "delete: 2").Skip(1).ToList();
        // The VM stays: the new plugin's context comes into it before the old one's goes.
        Assert.Equal(["context_create: 3", " parent: 0", "vm_start: 0", "configure: 5", "done: 1", "delete: 1"], said.Skip(4));
    }

    [Fact]
    public async Task Plugin_MayAskForTimeAtItsEnd()
    {
        var guest = new WatGuest()
            .On("done", """(if (i32.eq (local.get $ctx) (i32.const 1)) (then (call $say "later") (drop (call """
                + """$proxy_set_tick_period_milliseconds (i32.const 20))) (return (i32.const 0))))""")
            .On("tick", """(call $r "done" (call $proxy_done))""")
            .On("delete", """(call $n "delete" (local.get $ctx))""");
        await using var proxy = await WasmProxy.StartAsync(guest.Build());
        await proxy.PublishAsync(new WatGuest().Build());

        await Eventually.Async(() => proxy.Said.Contains("delete: 1"), proxy.Log);
        Assert.Equal(["later", "done: 0", "delete: 1"], proxy.Said);
    }
}
