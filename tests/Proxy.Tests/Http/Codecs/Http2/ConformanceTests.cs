using System.Text;
using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Codecs.Http2;

/// <summary>
/// What a server must answer to what a client must not do, by the sections of RFC 9113: the frames that are sent behind preface and
/// SETTINGS, and the frame that has to come. "alive": nothing is said and the connection answers a PING.
/// </summary>
public sealed class ConformanceTests : IAsyncLifetime
{
    private const FrameFlags EndHeaders = FrameFlags.EndHeaders, EndStream = FrameFlags.EndStream, Padded = FrameFlags.Padded,
        Ack = FrameFlags.Ack;
    private const ulong Marker = 0x6D61_726B;

    private static readonly byte[] Get = Http2Script.Block(":method: GET", ":scheme: http", ":authority: example.test", ":path: /");
    private static readonly byte[] Hang = Http2Script.Block(":method: GET", ":scheme: http", ":authority: example.test", ":path: /hang");

    private static readonly (string Name, Action<Http2Script> Send, string Expected)[] All =
    [
        ("3.4 a request", s => s.Request(1), "HEADERS 1 200"),
        ("4.1 a frame of unknown type", s => s.Frame((FrameType)0x16, 0, 0, new byte[8]).Request(1), "HEADERS 1 200"),
        ("4.1 flags without a meaning", s => s.Frame(FrameType.Ping, (FrameFlags)0x16, 0, new byte[8]).Request(1), "HEADERS 1 200"),
        ("4.1 the reserved bit", s => s.Raw([0, 0, 8, 6, 0, 0x80, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]).Request(1), "HEADERS 1 200"),
        ("4.2 the longest frame", s => s.Request(1, "/echo", false, "POST").Data(1, 16384, true), "HEADERS 1 200"),
        ("4.2 DATA too long", s => s.Request(1, "/echo", false, "POST").Data(1, 16385), "GOAWAY FrameSize"),
        ("4.2 HEADERS too long", s => s.Headers(1, true, ":method: GET", ":scheme: http", ":authority: example.test", ":path: /",
            "a: " + new string('a', 16384)), "GOAWAY FrameSize"),
        ("4.3 a block that is none", s => s.Frame(FrameType.Headers, EndHeaders | EndStream, 1, 0x40), "GOAWAY Compression"),
        ("4.3 PRIORITY within a block", s => s.Frame(FrameType.Headers, EndStream, 1, Get).Frame(FrameType.Priority, 0, 1, new byte[5]),
            "GOAWAY Protocol"),
        ("4.3 HEADERS of another stream within a block", s => s.Frame(FrameType.Headers, EndStream, 1, Get).Request(3), "GOAWAY Protocol"),
        ("4.3 an unknown frame within a block", s => s.Frame(FrameType.Headers, EndStream, 1, Get).Frame((FrameType)0x16, 0, 1),
            "GOAWAY Protocol"),
        ("5.1 idle: DATA", s => s.Data(1, 4, true), "GOAWAY Protocol"),
        ("5.1 idle: RST_STREAM", s => s.Reset(1), "GOAWAY Protocol"),
        ("5.1 idle: WINDOW_UPDATE", s => s.Window(1, 100), "GOAWAY Protocol"),
        ("5.1 idle: CONTINUATION", s => s.Frame(FrameType.Continuation, EndHeaders, 1, Get), "GOAWAY Protocol"),
        ("5.1 half-closed: DATA", s => s.Request(1, "/hang").Data(1, 4, true), "RST 1 StreamClosed"),
        ("5.1 half-closed: HEADERS", s => s.Request(1, "/hang").Request(1, "/hang"), "RST 1 StreamClosed"),
        ("5.1 half-closed: CONTINUATION", s => s.Request(1, "/hang").Frame(FrameType.Continuation, EndHeaders, 1, Get), "GOAWAY Protocol"),
        ("5.1 closed by a reset: DATA", s => s.Request(1, "/hang", false).Reset(1).Data(1, 4, true), "GOAWAY StreamClosed"),
        ("5.1 closed by a reset: HEADERS", s => s.Request(1, "/hang", false).Reset(1).Request(1), "GOAWAY StreamClosed"),
        ("5.1 closed by a reset: WINDOW_UPDATE", s => s.Request(1, "/hang", false).Reset(1).Window(1, 5).Request(3), "HEADERS 3 200"),
        ("5.1 closed by a reset: RST_STREAM", s => s.Request(1, "/hang", false).Reset(1).Reset(1).Request(3), "HEADERS 3 200"),
        ("5.1 closed: PRIORITY", s => s.Request(1, "/hang", false).Reset(1).Frame(FrameType.Priority, 0, 1, 0, 0, 0, 0, 9).Request(3),
            "HEADERS 3 200"),
        ("5.1.1 an even number", s => s.Request(2), "GOAWAY Protocol"),
        ("5.1.1 a smaller number", s => s.Request(5, "/hang").Request(3), "GOAWAY StreamClosed"),
        ("5.1.2 one stream too many", s => { for (int i = 0; i <= 10; i++) s.Request(1 + 2 * i, "/hang"); }, "RST 21 RefusedStream"),
        ("5.3.1 HEADERS that depend on themselves",
            s => s.Frame(FrameType.Headers, EndHeaders | EndStream | FrameFlags.Priority, 1, [0, 0, 0, 1, 9, .. Get]), "RST 1 Protocol"),
        ("5.3.1 PRIORITY of itself", s => s.Request(1, "/hang").Frame(FrameType.Priority, 0, 1, 0, 0, 0, 1, 9), "RST 1 Protocol"),
        ("5.5 an unknown setting", s => s.Settings(((SettingId)0x4242, 7u)).Request(1), "HEADERS 1 200"),
        ("6.1 DATA on stream 0", s => s.Data(0, 4), "GOAWAY Protocol"),
        ("6.1 padding as long as the frame", s => s.Request(1, "/hang", false).Frame(FrameType.Data, Padded, 1, 5, 0, 0, 0, 0),
            "GOAWAY Protocol"),
        ("6.1 padding without its length", s => s.Request(1, "/hang", false).Frame(FrameType.Data, Padded, 1), "GOAWAY FrameSize"),
        ("6.1 padding", s => s.Request(1, "/echo", false, "POST")
            .Frame(FrameType.Data, Padded | EndStream, 1, 3, (byte)'h', (byte)'i', 0, 0, 0), "DATA 1 2 END"),
        ("6.2 HEADERS on stream 0", s => s.Request(0), "GOAWAY Protocol"),
        ("6.2 padding longer than the block", s => s.Frame(FrameType.Headers, EndHeaders | EndStream | Padded, 1, [255, .. Get]),
            "GOAWAY Protocol"),
        ("6.2 padding and priority", s => s.Frame(FrameType.Headers, EndHeaders | EndStream | Padded | FrameFlags.Priority, 1,
            [2, 0, 0, 0, 0, 9, .. Get, 0, 0]), "HEADERS 1 200"),
        ("6.2 a block in pieces", s => s.Frame(FrameType.Headers, EndStream, 1, Get.AsSpan(0, 5))
            .Frame(FrameType.Continuation, 0, 1, Get.AsSpan(5, 9)).Frame(FrameType.Continuation, EndHeaders, 1, Get.AsSpan(14)),
                "HEADERS 1 200"),
        ("6.3 PRIORITY on stream 0", s => s.Frame(FrameType.Priority, 0, 0, new byte[5]), "GOAWAY Protocol"),
        ("6.3 PRIORITY of four bytes", s => s.Request(1, "/hang").Frame(FrameType.Priority, 0, 1, new byte[4]), "RST 1 FrameSize"),
        ("6.9 WINDOW_UPDATE of 0 for a stream that is closed", s => s.Request(1, "/hang").Reset(1).Window(1, 0), "GOAWAY Protocol"),
        ("5.3.1 PRIORITY of itself, closed", s => s.Request(1, "/hang").Reset(1).Frame(FrameType.Priority, 0, 1, 0, 0, 0, 1, 9),
            "GOAWAY Protocol"),
        ("6.3 PRIORITY of an idle stream", s => s.Frame(FrameType.Priority, 0, 7, 0, 0, 0, 1, 9).Request(1), "HEADERS 1 200"),
        ("6.4 RST_STREAM on stream 0", s => s.Reset(0), "GOAWAY Protocol"),
        ("6.4 RST_STREAM of three bytes", s => s.Request(1, "/hang").Frame(FrameType.RstStream, 0, 1, new byte[3]), "GOAWAY FrameSize"),
        ("6.5 an acknowledgement with a payload", s => s.Frame(FrameType.Settings, Ack, 0, new byte[6]), "GOAWAY FrameSize"),
        ("6.5 SETTINGS on a stream", s => s.Frame(FrameType.Settings, 0, 1, new byte[6]), "GOAWAY Protocol"),
        ("6.5 SETTINGS of five bytes", s => s.Frame(FrameType.Settings, 0, 0, new byte[5]), "GOAWAY FrameSize"),
        ("6.5.2 ENABLE_PUSH 2", s => s.Settings((SettingId.EnablePush, 2u)), "GOAWAY Protocol"),
        ("6.5.2 a window beyond 2^31", s => s.Settings((SettingId.InitialWindowSize, 0x8000_0000u)), "GOAWAY FlowControl"),
        ("6.5.2 frames of less than 16384", s => s.Settings((SettingId.MaxFrameSize, 16383u)), "GOAWAY Protocol"),
        ("6.5.2 frames of more than 2^24", s => s.Settings((SettingId.MaxFrameSize, 16777216u)), "GOAWAY Protocol"),
        ("6.5.3 SETTINGS are acknowledged", s => s.Settings((SettingId.MaxConcurrentStreams, 1u)), "Settings 0 0"),
        ("RFC 8441: taken back", s => s.Settings((SettingId.EnableConnectProtocol, 1u)).Settings((SettingId.EnableConnectProtocol, 0u)),
            "GOAWAY Protocol"),
        ("6.6 PUSH_PROMISE", s => s.Request(1, "/hang").Frame(FrameType.PushPromise, EndHeaders, 1, [0, 0, 0, 2, .. Get]),
            "GOAWAY Protocol"),
        ("6.7 a PING is answered", s => s.Ping(7), "Ping 0 8"),
        ("6.7 an answer without a PING", s => s.Ping(7, ack: true).Request(1), "HEADERS 1 200"),
        ("6.7 PING on a stream", s => s.Frame(FrameType.Ping, 0, 1, new byte[8]), "GOAWAY Protocol"),
        ("6.7 PING of six bytes", s => s.Frame(FrameType.Ping, 0, 0, new byte[6]), "GOAWAY FrameSize"),
        ("6.8 GOAWAY on a stream", s => s.Frame(FrameType.GoAway, 0, 1, new byte[8]), "GOAWAY Protocol"),
        ("6.8 GOAWAY too short", s => s.Frame(FrameType.GoAway, 0, 0, new byte[7]), "GOAWAY FrameSize"),
        ("6.8 after a GOAWAY of the client", s => s.GoAway(0).Request(1), "HEADERS 1 200"),
        ("6.9 WINDOW_UPDATE of 0", s => s.Window(0, 0), "GOAWAY Protocol"),
        ("6.9 WINDOW_UPDATE of 0 for a stream", s => s.Request(1, "/hang").Window(1, 0), "RST 1 Protocol"),
        ("6.9 WINDOW_UPDATE of three bytes", s => s.Frame(FrameType.WindowUpdate, 0, 0, new byte[3]), "GOAWAY FrameSize"),
        ("6.9.1 a connection's window beyond 2^31", s => s.Window(0, int.MaxValue).Window(0, int.MaxValue), "GOAWAY FlowControl"),
        ("6.9.1 a stream's window beyond 2^31", s => s.Request(1, "/hang").Window(1, int.MaxValue).Window(1, int.MaxValue),
            "RST 1 FlowControl"),
        ("6.9.2 a window of one byte", s => s.Settings((SettingId.InitialWindowSize, 1u)).Request(1), "DATA 1 1"),
        ("6.9.2 a window that opens by a setting",
            s => s.Settings((SettingId.InitialWindowSize, 0u)).Request(1).Settings((SettingId.InitialWindowSize, 2u)), "DATA 1 2"),
        ("6.9.2 a window that is changed before it is used",
            s => s.Settings((SettingId.InitialWindowSize, 3u)).Request(1, "/bytes/10").Settings((SettingId.InitialWindowSize, 1u))
                .Window(1, 4), "DATA 1 5"),
        ("6.9.2 a setting that makes a window too large",
            s => s.Request(1, "/hang").Window(1, int.MaxValue - 65535).Settings((SettingId.InitialWindowSize, 65536u)),
                "GOAWAY FlowControl"),
        ("6.9.1 more than the stream's window", s =>
        {
            s.Request(1, "/hang", false, "POST");
            for (int i = 0; i < 5; i++) s.Data(1, 16384);
        }, "RST 1 FlowControl"),
        ("6.10 CONTINUATION on stream 0", s => s.Frame(FrameType.Headers, EndStream, 1, Get)
            .Frame(FrameType.Continuation, EndHeaders, 0, 0x82), "GOAWAY Protocol"),
        ("6.10 CONTINUATION behind a whole block", s => s.Request(1, "/hang").Frame(FrameType.Continuation, EndHeaders, 1, 0x82),
            "GOAWAY Protocol"),
        ("6.10 CONTINUATION behind DATA", s => s.Request(1, "/hang", false, "POST").Data(1, 1)
            .Frame(FrameType.Continuation, EndHeaders, 1, 0x82), "GOAWAY Protocol"),
        ("8.1 a second head without an end", s => s.Request(1, "/echo", false, "POST").Headers(1, false, "x: y"), "RST 1 Protocol"),
        ("8.1 trailers", s => s.Request(1, "/echo", false, "POST").Data(1, 2).Headers(1, true, "x: y"), "HEADERS 1  END"),
        ("8.1 trailers with a pseudo-header", s => s.Request(1, "/echo", false, "POST").Data(1, 2).Headers(1, true, ":method: GET"),
            "RST 1 Protocol"),
        ("8.1.1 more DATA than the content-length", s => s.Request(1, "/echo", false, "POST", "content-length: 1").Data(1, 2),
            "RST 1 Protocol"),
        ("8.1.1 less DATA than the content-length", s => s.Request(1, "/echo", false, "POST", "content-length: 3").Data(1, 2, true),
            "RST 1 Protocol"),
        ("8.1.1 a content-length without a body", s => s.Request(1, "/", true, "POST", "content-length: 3"), "RST 1 Protocol"),
        ("8.1.1 the content-length, in two frames",
            s => s.Request(1, "/echo", false, "POST", "content-length: 4").Data(1, 2).Data(1, 2, true), "HEADERS 1 200"),
        ("9 DATA for a stream that we have reset",
            s => s.Request(1, "/hang", false, "POST").Window(1, 0).Data(1, 100).Headers(1, true, "x: y").Request(3), "HEADERS 3 200"),
    ];

    private readonly Http2TestServer _server = new(new Http2Options { MaxConcurrentStreams = 10, StreamErrorOnInvalidMessage = true });

    public static TheoryData<string> Names => [.. All.Select(c => c.Name)];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Assert.Empty(_server.Caught);
        GC.SuppressFinalize(this);
    }

    [Theory, MemberData(nameof(Names))]
    public async Task Frames_AreAnsweredAsTheRfcHasIt(string name)
    {
        var (_, send, expected) = All.Single(c => c.Name == name);
        await using var peer = await Http2Peer.ConnectAsync(_server.Port);
        var script = new Http2Script();
        send(script);
        await peer.SendAsync(script);
        var seen = new StringBuilder();
        while (await peer.ReadAsync() is { } frame)
        {
            string line = frame.ToString();
            if (line == expected || (line == expected + " END")) return;
            // What has to come comes before any other complaint.
            Assert.False(frame.Type is FrameType.RstStream or FrameType.GoAway && !name.StartsWith("9 ", StringComparison.Ordinal),
                $"{line} instead of {expected}");
            seen.AppendLine(line);
        }
        Assert.Fail($"no {expected} but: {seen}");
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nhost: a\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\rx")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\u0008\u0006\0\0\0\0\0\0\0\0\0\0\0\0\0")]
    public async Task BeginningThatIsNone_EndsTheConnection(string bytes)
    {
        await using var peer = await Http2Peer.ConnectAsync(_server.Port, greets: false);
        await peer.SendAsync(Encoding.Latin1.GetBytes(bytes));
        Assert.Equal("GOAWAY Protocol", (await peer.ReadMeaningfulAsync())?.ToString());
        Assert.Null(await peer.ReadMeaningfulAsync());
    }

    public static TheoryData<string, string, string> Rests => new()
    {
        { "more DATA than the content-length", "RST 1 Protocol", "content-length: 1" },
        { "less DATA than the content-length", "RST 1 Protocol", "content-length: 5" },
        { "trailers before the content-length is full", "RST 1 Protocol", "content-length: 5" },
        { "a second head without an end", "RST 1 Protocol", "" },
        { "trailers with a pseudo-header", "RST 1 Protocol", "" },
        { "what was announced", "HEADERS 3 200", "content-length: 4" },
        { "as much as it likes", "HEADERS 3 200", "" },
        { "trailers", "HEADERS 3 200", "" },
        { "windows beyond 2^31", "RST 1 FlowControl", "" },
        { "DATA behind its reset", "GOAWAY StreamClosed", "" },
        { "DATA behind its end", "GOAWAY StreamClosed", "" },
        { "HEADERS behind its end", "GOAWAY StreamClosed", "" },
    };

    // Sections 8.1 and 5.1: the answer was complete, the request was not, and its rest is still held to the rules.
    [Theory, MemberData(nameof(Rests))]
    public async Task RestOfARequestThatWasAnswered_IsHeldToTheRules(string rest, string expected, string length)
    {
        await using var peer = await Http2Peer.ConnectAsync(_server.Port);
        await peer.SendAsync(length.Length > 0 ? new Http2Script().Request(1, "/early", false, "POST", length)
            : new Http2Script().Request(1, "/early", false, "POST"));
        while ((await peer.ReadMeaningfulAsync())?.ToString() is var line && line != "RST 1 None") Assert.NotNull(line);
        var script = new Http2Script();
        switch (rest)
        {
            case "a second head without an end": script.Headers(1, false, "x: y"); break;
            case "trailers with a pseudo-header": script.Data(1, 2).Headers(1, true, ":method: GET"); break;
            case "trailers before the content-length is full": script.Data(1, 4).Headers(1, true, "x: y"); break;
            case "trailers": script.Data(1, 4).Headers(1, true, "x: y"); break;
            case "as much as it likes": script.Data(1, 4).Data(1, 4000).Data(1, 4); break;
            case "windows beyond 2^31": script.Window(1, int.MaxValue).Window(1, int.MaxValue); break;
            case "DATA behind its reset": script.Reset(1).Data(1, 4); break;
            case "DATA behind its end": script.Data(1, 4, true).Data(1, 4); break;
            case "HEADERS behind its end": script.Data(1, 4, true).Headers(1, true, "x: y"); break;
            default: script.Data(1, 2).Data(1, 2, true); break;
        }
        await peer.SendAsync(script.Request(3));
        string? answer = (await peer.ReadMeaningfulAsync())?.ToString();
        Assert.Equal(expected, answer);
    }

    [Fact]
    public async Task FramesByteByByte_AreRead()
    {
        await using var peer = await Http2Peer.ConnectAsync(_server.Port, greets: false);
        foreach (byte b in new Http2Script().Preface().Settings().Request(1, "/echo", false, "POST")
            .Frame(FrameType.Data, Padded | EndStream, 1, 2, 1, 2, 3, 0, 0).Bytes)
        {
            await peer.SendAsync(new[] { b });
            await Task.Yield();
        }
        var frames = await peer.ReadStreamAsync(1);
        Assert.Equal("HEADERS 1 200", frames[0].ToString());
        Assert.True(frames[^1].Ends);
        Assert.Equal([1, 2, 3], frames.Where(f => f.Type == FrameType.Data).SelectMany(f => f.Payload));
    }
}
