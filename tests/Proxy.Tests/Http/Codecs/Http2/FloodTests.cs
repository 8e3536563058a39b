using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Codecs.Http2;

/// <summary>Each attack ends its own connection with ENHANCE_YOUR_CALM and is counted; a neighbour is served meanwhile.</summary>
public sealed class FloodTests
{
    private static readonly (string Name, string Counter, Action<Http2Script> Before, Action<Http2Script, int> Each)[] All =
    [
        ("rapid reset", "inbound_reset_flood", _ => { }, (s, i) => s.Request(Id(i), "/hang").Reset(Id(i))),
        ("reset by a window of 0", "inbound_reset_flood", _ => { }, (s, i) => s.Request(Id(i), "/hang").Window(Id(i), 0)),
        ("reset by a window too large", "inbound_reset_flood", _ => { }, (s, i) => s.Request(Id(i), "/hang").Window(Id(i), int.MaxValue)),
        ("reset by DATA behind the end", "inbound_reset_flood", _ => { }, (s, i) => s.Request(Id(i), "/hang").Data(Id(i), 1)),
        ("reset by a malformed head", "inbound_reset_flood", _ => { }, (s, i) => s.Request(Id(i), "no path")),
        ("reset by its own priority", "inbound_reset_flood", _ => { },
            (s, i) => s.Request(Id(i), "/hang").Frame(FrameType.Priority, 0, Id(i), [0, 0, (byte)(Id(i) >> 8), (byte)Id(i), 1])),
        ("streams that are refused", "inbound_reset_flood", s =>
        {
            for (int i = 0; i < 100; i++) s.Request(Id(i), "/hang");
        }, (s, i) => s.Request(Id(100 + i), "/hang")),
        ("SETTINGS", "inbound_control_frames_flood", _ => { }, (s, _) => s.Settings()),
        ("SETTINGS that change all windows", "inbound_control_frames_flood", s =>
        {
            for (int i = 0; i < 100; i++) s.Request(Id(i), "/hang");
        }, (s, i) => s.Settings((SettingId.InitialWindowSize, (uint)i))),
        ("acknowledgements", "inbound_control_frames_flood", _ => { }, (s, _) => s.SettingsAck()),
        ("PING", "inbound_control_frames_flood", _ => { }, (s, _) => s.Ping()),
        ("answers to no PING", "inbound_control_frames_flood", _ => { }, (s, _) => s.Ping(ack: true)),
        ("unknown frames", "inbound_control_frames_flood", _ => { }, (s, _) => s.Frame((FrameType)99, 0, 0, 1)),
        ("resets of what is closed", "inbound_control_frames_flood", s => s.Request(1), (s, _) => s.Reset(1)),
        ("GOAWAY", "inbound_control_frames_flood", _ => { }, (s, _) => s.GoAway(0)),
        ("PRIORITY", "inbound_priority_frames_flood", _ => { }, (s, i) => s.Frame(FrameType.Priority, 0, 1 + 2 * i, 0, 0, 0, 0, 1)),
        ("WINDOW_UPDATE", "inbound_window_update_frames_flood", _ => { }, (s, _) => s.Window(0, 1)),
        ("WINDOW_UPDATE of a stream", "inbound_window_update_frames_flood", s => s.Request(1, "/hang"), (s, _) => s.Window(1, 1)),
        ("windows of one byte", "inbound_window_update_frames_flood",
            s => s.Settings((SettingId.InitialWindowSize, 0u)).Request(1, "/bytes/1000000"), (s, _) => s.Window(1, 1)),
        ("empty DATA", "inbound_empty_frames_flood", s => s.Request(1, "/hang", false, "POST"), (s, _) => s.Data(1, 0)),
        ("DATA of padding", "inbound_empty_frames_flood", s => s.Request(1, "/hang", false, "POST"),
            (s, _) => s.Frame(FrameType.Data, FrameFlags.Padded, 1, 3, 0, 0, 0)),
        ("empty CONTINUATION", "inbound_empty_frames_flood", s => s.Frame(FrameType.Headers, 0, 1, 0x82),
            (s, _) => s.Frame(FrameType.Continuation, 0, 1)),
        ("CONTINUATION without end", "header_overflow", s => s.Frame(FrameType.Headers, 0, 1, 0x82),
            (s, _) => s.Frame(FrameType.Continuation, 0, 1, 0x82)),
        ("CONTINUATION of much", "header_overflow", s => s.Frame(FrameType.Headers, 0, 1, 0x82),
            (s, _) => s.Frame(FrameType.Continuation, 0, 1, new byte[16384])),
    ];

    private static int Id(int i) => 1 + 2 * i;

    public static TheoryData<string> Names => [.. All.Select(a => a.Name)];

    [Theory, MemberData(nameof(Names))]
    public async Task Attack_EndsItsOwnConnection(string name)
    {
        var (_, counter, before, each) = All.Single(a => a.Name == name);
        await using var server = new Http2TestServer();
        await using var neighbour = await Http2Peer.ConnectAsync(server.Port);
        await neighbour.SendAsync(new Http2Script().Request(1));
        Assert.Equal("DATA 1 5 END", (await neighbour.ReadStreamAsync(1))[^1].ToString());
        await using var attacker = await Http2Peer.ConnectAsync(server.Port);
        var reading = Task.Run(async () =>
        {
            string? last = null;
            while (await attacker.ReadAsync() is { } frame)
                if (frame.Type == FrameType.GoAway) last = frame.ToString();
            return last;
        });
        var script = new Http2Script();
        before(script);
        await attacker.SendAsync(script);
        try
        {
            for (int i = 0; i < 20_000 && !reading.IsCompleted;)
            {
                script = new Http2Script();
                for (int n = 0; n < 50; n++) each(script, i++);
                await attacker.SendAsync(script);
            }
        }
        catch (System.Net.Sockets.SocketException)
        {
            // It was closed while we were still sending.
        }
        Assert.Equal("GOAWAY EnhanceYourCalm", await reading);
        await Eventually.Async(() => server.Ended == 1, "the attacker's connection ends");
        // Many at once are too many answers before they are too many questions.
        long counted = server.Stat(counter) + (counter == "inbound_control_frames_flood" ? server.Stat("outbound_control_flood") : 0);
        Assert.Equal(1, counted);
        await neighbour.SendAsync(new Http2Script().Request(3));
        Assert.Equal("DATA 3 5 END", (await neighbour.ReadStreamAsync(3))[^1].ToString());
        Assert.Equal(0, server.Stat("streams_active"));
        Assert.Empty(server.Caught);
    }

    // A byte each names a field of 4,000: answered with 431 at first, then no more.
    [Fact]
    public async Task HeadsThatGrowByTheTable_EndTheirConnection()
    {
        await using var server = new Http2TestServer();
        await using var peer = await Http2Peer.ConnectAsync(server.Port);
        byte[] literal = [.. Http2Script.Block("b: " + new string('b', 3900))];
        literal[0] = 0x40; // indexed
        byte[] request = [0x82, 0x86, 0x84, 0x41, 1, (byte)'a'];
        var script = new Http2Script().Frame(FrameType.Headers, FrameFlags.EndHeaders | FrameFlags.EndStream, 1, [.. request, .. literal]);
        byte[] bomb = [.. request[..3], 0x01, 1, (byte)'a', .. Enumerable.Repeat((byte)0xBE, 1000)];
        for (int i = 1; i <= 60; i++)
            script.Frame(FrameType.Headers, FrameFlags.EndHeaders | FrameFlags.EndStream, Id(i), bomb);
        await peer.SendAsync(script);
        int refused = 0;
        string? goAway = null;
        while (await peer.ReadMeaningfulAsync() is { } frame)
        {
            if (frame.Type == FrameType.GoAway) goAway = frame.ToString();
            if (frame.ToString().EndsWith(" 431", StringComparison.Ordinal)) refused++;
        }
        Assert.Equal("GOAWAY EnhanceYourCalm", goAway);
        Assert.InRange(server.Stat("header_overflow"), 20, 40);
        Assert.InRange(refused, 0, 40);
        Assert.Empty(server.Caught);
    }

    // What is asked for and not taken piles up: it has a limit of its own, before the answers are counted against the traffic.
    [Fact]
    public async Task AnswersThatAreNotTaken_EndTheConnection()
    {
        await using var server = new Http2TestServer(new Http2Options { MaxOutboundControlFrames = 100 });
        await using var peer = await Http2Peer.ConnectAsync(server.Port, receiveBuffer: 4096);
        var script = new Http2Script().Settings((SettingId.InitialWindowSize, 0x7FFF_FFFFu)).Window(0, int.MaxValue - 65535)
            .Request(1, "/bytes/1000000000");
        await peer.SendAsync(script);
        await Eventually.TrueAsync(async () =>
        {
            if (!peer.Ended)
            {
                try { await peer.SendAsync(new Http2Script().Ping().Ping().Ping().Ping().Ping()); }
                catch (System.Net.Sockets.SocketException) { }
            }
            return server.Ended == 1;
        });
        Assert.Equal(1, server.Stat("outbound_control_flood"));
    }

    // What honest peers do: many cancelled requests among more that are served, a PING for each DATA frame, windows opened by each of them.
    [Fact]
    public async Task HonestPeers_AreNotDisturbed()
    {
        await using var server = new Http2TestServer();
        await using var peer = await Http2Peer.ConnectAsync(server.Port);
        for (int i = 0; i < 1500; i++)
        {
            int id = Id(i);
            if (i % 3 == 0) { await peer.SendAsync(new Http2Script().Request(id, "/hang").Reset(id)); continue; }
            await peer.SendAsync(new Http2Script().Ping().Request(id, "/echo", false, "POST").Data(id, 3000, true));
            int got = 0;
            foreach (var frame in await peer.ReadStreamAsync(id)) got += frame.Type == FrameType.Data ? frame.Payload.Length : 0;
            Assert.Equal(3000, got);
            await peer.SendAsync(new Http2Script().Window(0, 3000));
        }
        Assert.Equal(0, server.Ended);
    }
}
