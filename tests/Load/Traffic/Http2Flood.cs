using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.TestKit;

namespace Managed.Load.Traffic;

/// <summary>One way to harm over HTTP/2: what a connection begins with and what it then sends without end.</summary>
/// <param name="Name">As in <c>--kind</c>.</param>
/// <param name="Before">Behind preface and SETTINGS.</param>
/// <param name="Each">Adds the frames of one more step; its number is that of this connection.</param>
internal sealed record Http2Flood(string Name, Action<Http2Script> Before, Action<Http2Script, int> Each)
{
    public static readonly Http2Flood[] All =
    [
        new("rapid-reset", _ => { }, (s, i) => s.Request(Id(i), "/load").Reset(Id(i))),
        new("made-you-reset", _ => { }, (s, i) => s.Request(Id(i), "/load").Window(Id(i), 0)),
        new("settings", _ => { }, (s, _) => s.Settings((SettingId.InitialWindowSize, 1000u))),
        new("ping", _ => { }, (s, _) => s.Ping()),
        new("priority", _ => { }, (s, i) => s.Frame(FrameType.Priority, 0, 1 + 2 * (i & 0xFFFF), 0, 0, 0, 0, 1)),
        new("window", _ => { }, (s, _) => s.Window(0, 1)),
        new("empty-data", s => s.Request(1, "/load", false, "POST"), (s, _) => s.Data(1, 0)),
        new("continuation", s => s.Frame(FrameType.Headers, 0, 1, 0x82), (s, _) => s.Frame(FrameType.Continuation, 0, 1, new byte[1000])),
        new("empty-continuation", s => s.Frame(FrameType.Headers, 0, 1, 0x82), (s, _) => s.Frame(FrameType.Continuation, 0, 1)),
        // An entry of 4,000 bytes in the table, named 1,000 times in each head.
        new("hpack-bomb", s => s.Frame(FrameType.Headers, FrameFlags.EndHeaders | FrameFlags.EndStream, 1, Indexed(4000)),
            (s, i) => s.Frame(FrameType.Headers, FrameFlags.EndHeaders | FrameFlags.EndStream, Id(i + 1), Again(1000))),
        new("large-heads", _ => { }, (s, i) => s.Request(Id(i), "/load", true, "GET", "a: " + new string('a', 16_000))),
        // Windows that stay shut: each answer waits.
        new("slow-reader", s => s.Settings((SettingId.InitialWindowSize, 0u)), (s, i) => s.Request(Id(i), "/load")),
        new("dribble", s => s.Settings((SettingId.InitialWindowSize, 0u)), (s, i) => s.Request(Id(i), "/load").Window(Id(i), 1)),
    ];

    public const string Command = "http2-flooder";

    private static int Id(int i) => 1 + 2 * i;

    public static Http2Flood Named(string name)
        => Array.Find(All, f => f.Name == name) ?? throw new UsageException($"--kind: there is no '{name}'");

    // :method GET, :scheme http, :path / by the static table, then a literal that is indexed.
    private static byte[] Indexed(int length)
    {
        byte[] block = [0x82, 0x86, 0x84, 0x41, 1, (byte)'a', 0x40, 1, (byte)'b', 0x7F, .. Length(length - 127), .. new byte[length]];
        block.AsSpan(block.Length - length).Fill((byte)'b');
        return block;
    }

    private static byte[] Again(int times)
    {
        byte[] block = [0x82, 0x86, 0x84, 0x01, 1, (byte)'a', .. new byte[times]];
        block.AsSpan(6).Fill(0xBE); // the newest entry
        return block;
    }

    private static List<byte> Length(int rest)
    {
        var bytes = new List<byte>();
        for (; rest >= 128; rest >>= 7) bytes.Add((byte)(rest & 127 | 128));
        bytes.Add((byte)rest);
        return bytes;
    }

    /// <summary>What an attack has come to.</summary>
    public sealed class Outcome
    {
        public long Steps { get; set; }
        public long Connections { get; set; }
        public long Refusals { get; set; }
        public Dictionary<string, int> Ends { get; init; } = [];
    }

    /// <summary>
    /// As <see cref="RunAsync(int, TimeSpan, long)"/>, in a process of its own: its garbage is not to stand still whoever measures.
    /// </summary>
    public async Task<Outcome> RunApartAsync(int port, TimeSpan time)
    {
        string[] arguments = [Command, "--kind", Name, "--port", port.ToString(CultureInfo.InvariantCulture),
            "--seconds", time.TotalSeconds.ToString(CultureInfo.InvariantCulture)];
        using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, arguments) { RedirectStandardOutput = true })!;
        string said = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return JsonSerializer.Deserialize<Outcome>(said.AsSpan(0, said.IndexOf('\n')))!;
    }

    /// <summary>That process.</summary>
    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        var time = TimeSpan.FromSeconds(options.Number("seconds", 1, 0.1, 3600));
        var outcome = await Named(options.Text("kind", "")).RunAsync(options.Count("port", 0, 1, 65_535), time);
        verdict.Say(JsonSerializer.Serialize(outcome));
    }

    /// <summary>Sends until the time is over, on one connection after another, each until it is closed.</summary>
    public async Task<Outcome> RunAsync(int port, TimeSpan time, long most = long.MaxValue)
    {
        var outcome = new Outcome();
        long end = Environment.TickCount64 + (long)time.TotalMilliseconds;
        while (Environment.TickCount64 < end && outcome.Steps < most)
        {
            Http2Peer peer;
            try
            {
                peer = await Http2Peer.ConnectAsync(port);
            }
            catch (SocketException)
            {
                outcome.Refusals++;
                await Task.Delay(50);
                continue;
            }
            await using (peer) await OnceAsync(peer, outcome, end, most);
        }
        return outcome;
    }

    private async Task OnceAsync(Http2Peer peer, Outcome outcome, long end, long most)
    {
        outcome.Connections++;
        var reading = Task.Run(async () =>
        {
            string last = "closed without a word";
            try
            {
                while (await peer.ReadAsync() is { } frame)
                    if (frame.Type == FrameType.GoAway) last = frame.ToString();
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                last = "open";
            }
            return last;
        });
        try
        {
            var script = new Http2Script();
            Before(script);
            await peer.SendAsync(script);
            for (int i = 0; !reading.IsCompleted && Environment.TickCount64 < end && outcome.Steps < most;)
            {
                script = new Http2Script();
                for (int n = 0; n < 20; n++) Each(script, i++);
                outcome.Steps += 20;
                await peer.SendAsync(script);
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // closed, or nothing more is taken, while it was still sending
        }
        if (Environment.TickCount64 >= end && !reading.IsCompleted) peer.Close(reset: true);
        string how = await reading;
        outcome.Ends[how] = outcome.Ends.GetValueOrDefault(how) + 1;
    }
}
