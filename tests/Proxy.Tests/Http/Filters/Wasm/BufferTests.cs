using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>Bodies: read in part and in whole, replaced, held, with the length that the message declares.</summary>
public sealed class BufferTests
{
    private const string Upload = "hello world";

    private static string Read(int start, int max)
        => $"""(call $r "get" (call $proxy_get_buffer_bytes (i32.const 0) (i32.const {start}) (i32.const {max}) (global.get $OUT) """
            + $"""(global.get $SIZE))) (call $v "b")""";
    private static string Write(int buffer, string start, string size, string text)
        => $"""(call $r "set" (call $proxy_set_buffer_bytes (i32.const {buffer}) (i32.const {start}) (i32.const {size}) "{text}"))""";

    [Theory]
    [InlineData(0, 100, "b = hello world")]
    [InlineData(6, 3, "b = wor")]
    [InlineData(6, 100, "b = world")]
    [InlineData(11, 1, "b = ")]
    [InlineData(100, 1, "b = ")]
    [InlineData(0, 0, "b = ")]
    public async Task Get_IsCutAtTheEnd(int start, int max, string expected)
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().On("request_body", Read(start, max)).Build());
        Assert.Equal(200, (await proxy.PostAsync(Upload)).Status);
        Assert.Equal(["get: 0", expected], proxy.Said);
    }

    [Fact]
    public async Task WrongArguments_AreRefused()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().On("request_headers", """
                (call $r "early" (call $proxy_get_buffer_bytes (i32.const 0) (i32.const 0) (i32.const 9) (global.get $OUT) (global.get $SIZE)))
                (call $r "set early" (call $proxy_set_buffer_bytes (i32.const 0) (i32.const 0) (i32.const 9) "x"))
                """).On("request_body", """
                (call $r "overflow" (call $proxy_get_buffer_bytes (i32.const 0) (i32.const -1) (i32.const 2) (global.get $OUT) (global.get $SIZE)))
                (call $r "type" (call $proxy_get_buffer_bytes (i32.const 9) (i32.const 0) (i32.const 2) (global.get $OUT) (global.get $SIZE)))
                (call $r "negative" (call $proxy_get_buffer_bytes (i32.const -1) (i32.const 0) (i32.const 2) (global.get $OUT) (global.get $SIZE)))
                (call $r "other" (call $proxy_get_buffer_bytes (i32.const 1) (i32.const 0) (i32.const 2) (global.get $OUT) (global.get $SIZE)))
                (call $r "tcp" (call $proxy_get_buffer_bytes (i32.const 2) (i32.const 0) (i32.const 2) (global.get $OUT) (global.get $SIZE)))
                (call $r "config" (call $proxy_set_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 2) "x"))
                (call $r "status" (call $proxy_get_buffer_status (i32.const 0) (global.get $OUT) (global.get $SIZE)))
                (call $n "size" (i32.load (global.get $OUT)))
                (call $r "no status" (call $proxy_get_buffer_status (i32.const 10) (global.get $OUT) (global.get $SIZE)))
                """).Build());
        Assert.Equal(200, (await proxy.PostAsync(Upload)).Status);
        Assert.Equal(["early: 1", "set early: 1", "overflow: 2", "type: 2", "negative: 2", "other: 1", "tcp: 1", "config: 2", "status: 0",
            "size: 11", "no status: 2"], proxy.Said);
    }

    [Theory]
    [InlineData("0", "0", "<", "<hello world")] // in front
    [InlineData("0", "-1", "new", "new")] // all of it
    [InlineData("0", "11", "", "")]
    [InlineData("11", "0", "!", "hello world!")] // behind
    [InlineData("-1", "-1", "!", "hello world!")]
    [InlineData("5", "1", "_", "hello_world")]
    [InlineData("2", "3", "LLO and more", "heLLO and more world")]
    public async Task Set_ReplacesAPart_AndTheLengthFollows(string start, string size, string text, string expected)
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().On("request_body", Write(0, start, size, text))
            .On("response_body", Write(1, start, size, text)).Build());
        proxy.Upstream.Answer = _ => "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello world";

        var response = await proxy.PostAsync(Upload);

        Assert.Equal(expected, response.Text);
        Assert.Equal($"{expected.Length}", response["content-length"]);
        var seen = Assert.Single(proxy.Upstream.Requests);
        Assert.Equal(expected, seen.Text);
        Assert.Equal($"{expected.Length}", seen["content-length"]);
    }

    [Fact]
    public async Task HeldBody_IsSeenAsAWhole()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest()
            .On("request_body",
                $"""(call $n "body" (local.get $a)) (if (i32.eqz (local.get $b)) (then (return (i32.const 1)))) {Read(0, 100)} """
                    + $"""{Write(0, "0", "-1", "all of it")}""").Build());
        await using var client = await proxy.Proxy.ConnectAsync();
        await client.SendAsync("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\nabc");
        await Managed.TestKit.Eventually.Async(() => proxy.Said.Contains("body: 3"), proxy.Log);
        await client.SendAsync("def");
        await Managed.TestKit.Eventually.Async(() => proxy.Said.Contains("body: 6"), proxy.Log);
        Assert.Empty(proxy.Upstream.Requests);
        await client.SendAsync("ghi");
        var response = await client.ReadAsync();

        Assert.Equal(200, response.Status);
        Assert.Equal(["body: 3", "body: 6", "body: 9", "get: 0", "b = abcdefghi", "set: 0"], proxy.Said);
        Assert.Equal("all of it", proxy.Upstream.Requests[0].Text);
    }

    [Fact]
    public async Task EachPieceOfAChunkedBody_CanBeChanged()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest()
            .On("response_body",
                """(if (local.get $a) (then (drop (call $proxy_set_buffer_bytes (i32.const 1) (i32.const 0) (i32.const 0) "["))))""")
                    .Build());
        proxy.Upstream.Answer = _ => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n";

        Assert.Equal("[a[b", (await proxy.GetAsync()).Text);
    }

    [Fact]
    public async Task BodyThatGrowsAfterItsLengthWasSent_FailsItsStreamAlone()
    {
        // The first piece goes unchanged, so the headers have gone with the declared length when the second one changes.
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().With("(global $seen (mut i32) (i32.const 0))")
            .On("response_body",
                """(if (global.get $seen) (then (drop (call $proxy_set_buffer_bytes (i32.const 1) (i32.const 0) (i32.const """
                    + """0) "more")))) (global.set $seen (i32.const 1))""").Build());
        var first = new TaskCompletionSource();
        proxy.Upstream.Script = async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc");
            await first.Task;
            await peer.SendAsync("def");
            await peer.ReadSomeAsync(); // stays open
        };
        await using var client = await proxy.Proxy.ConnectAsync();
        await client.GetAsync();
        await Eventually.Async(() => client.Socket.Available > 0, "the first piece to pass");
        first.SetResult();
        string all = System.Text.Encoding.ASCII.GetString(await client.ReadToEndAsync());

        Assert.EndsWith("abc", all, StringComparison.Ordinal);
        Assert.Contains(proxy.Said, s => s.Contains("content-length", StringComparison.Ordinal));
    }

    [Fact]
    public async Task PausedHeadersWithABody_GoOnWithTheChangedBody()
    {
        var guest = new WatGuest()
            .On("request_headers",
                """(drop (call $proxy_set_effective_context (i32.const 1))) (drop (call $proxy_set_tick_period_milliseconds """
                    + """(i32.const 10))) (global.set $who (local.get $ctx)) (return (i32.const 1))""")
            .With("(global $who (mut i32) (i32.const 0))")
            .On("tick", """(drop (call $proxy_set_tick_period_milliseconds (i32.const 0))) (drop (call $proxy_set_effective_context """
                + """(global.get $who))) (call $r "continue" (call $proxy_continue_stream (i32.const 0)))""")
            .On("request_body", Write(0, "0", "-1", "a longer body than before"));
        await using var proxy = await WasmProxy.StartAsync(guest.Build());

        Assert.Equal(200, (await proxy.PostAsync(Upload)).Status);
        Assert.Equal("a longer body than before", proxy.Upstream.Requests[0].Text);
        Assert.Equal(["continue: 0", "set: 0"], proxy.Said);
    }

    [Fact]
    public async Task HeldBodyOverTheLimit_IsAnswered413()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().On("request_body", "(return (i32.const 1))").Build());
        Assert.Equal(413, (await proxy.PostAsync(new string('x', 2 << 20))).Status);
    }
}
