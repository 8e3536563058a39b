using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Managed.Load.Product;

namespace Managed.Load.Runs;

/// <summary>
/// One HTTP/2 connection with a large download that its client reads slowly, a large upload that its upstream reads slowly, and many quick
/// streams: what is not taken waits at its sender, and the quick ones hardly notice.
/// </summary>
internal static class Http2LargeRun
{
    private const int PerSecond = 1 << 20; // what each slow reader takes, in bytes
    private static readonly SocketsHttpHandler s_transport = new() { UseProxy = false, EnableMultipleHttp2Connections = false };

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        long bytes = options.Count("count", 60, 2, 100_000) * (long)PerSecond;
        int streams = options.Count("connections", 50, 1, 90);
        using var scene = new Scene(options);
        using var slow = new SlowUpstream(bytes);
        var document = scene.Document.Whole(0);
        document["clusters"]!.AsArray().Add(new JsonObject { ["name"] = "slow", ["endpoints"] = new JsonArray($"127.0.0.1:{slow.Port}") });
        document["listeners"]![0]!["routes"]!.AsArray().Insert(0,
            JsonNode.Parse("""{"name":"slow","match":{"prefix":"/slow"},"route":{"cluster":"slow","timeout":"0s"}}"""));
        await using var managed = await scene.StartAsync(document, null);
        using var client = new HttpClient(s_transport) { Timeout = Timeout.InfiniteTimeSpan, DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            BaseAddress = new($"http://127.0.0.1:{scene.Document.Listener}") };
        await QuickAsync(client, streams, TimeSpan.FromSeconds(8));
        var quiet = await QuickAsync(client, streams, TimeSpan.FromSeconds(15));
        long before = ProcessFigures.Anonymous(managed.Id);
        var large = Task.WhenAll(DownAsync(client, bytes, verdict), UpAsync(client, bytes, verdict));
        await Task.Delay(TimeSpan.FromSeconds(2));
        var beside = new List<double>();
        long most = 0;
        while (!large.IsCompleted && beside.Count < 10_000_000)
        {
            beside.AddRange(await QuickAsync(client, streams, TimeSpan.FromSeconds(5)));
            most = Math.Max(most, ProcessFigures.Anonymous(managed.Id) - before);
            if (managed.HasExited) break;
        }
        verdict.Expect(!managed.HasExited, "the product ended:\n" + managed.LastLines);
        if (managed.HasExited) return;
        await large;
        beside.Sort();
        var (one, two) = (quiet[quiet.Count * 99 / 100], beside[beside.Count * 99 / 100]);
        verdict.Say(string.Create(CultureInfo.InvariantCulture,
            $"{bytes >> 20} MiB up and down at 1 MiB/s beside {streams} quick streams on one connection: ")
            + string.Create(CultureInfo.InvariantCulture, $"memory {most / 1048576.0:+0.0;-0.0;0.0} MB, ")
            + string.Create(CultureInfo.InvariantCulture, $"p99 of the quick ones {one:0.00} ms without and {two:0.00} ms with them ")
            + string.Create(CultureInfo.InvariantCulture, $"({quiet.Count} and {beside.Count} requests)"));
        verdict.Expect(most <= 8 << 20, $"memory grew by {most / 1048576.0:0.0} MB");
        verdict.Expect(two <= Math.Max(2 * one, 1), $"p99 of the quick streams is {two / one:0.0} × what it was");
    }

    // Each asks again when it was answered and has waited a little.
    private static async Task<List<double>> QuickAsync(HttpClient client, int streams, TimeSpan time)
    {
        var clock = Stopwatch.StartNew();
        var all = await Task.WhenAll(Enumerable.Range(0, streams).Select(async _ =>
        {
            var times = new List<double>();
            while (clock.Elapsed < time)
            {
                long began = Stopwatch.GetTimestamp();
                using var answer = await client.GetAsync("/load");
                answer.EnsureSuccessStatusCode();
                times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
                await Task.Delay(100);
            }
            return times;
        }));
        List<double> sorted = [.. all.SelectMany(t => t)];
        sorted.Sort();
        return sorted;
    }

    private static async Task DownAsync(HttpClient client, long bytes, Verdict verdict)
    {
        using var answer = await client.GetAsync("/slow", HttpCompletionOption.ResponseHeadersRead);
        await using var body = await answer.Content.ReadAsStreamAsync();
        long got = await Paced.ReadAsync(async buffer => await body.ReadAsync(buffer), PerSecond);
        verdict.Expect(got == bytes, $"{got} of {bytes} bytes came down");
    }

    private static async Task UpAsync(HttpClient client, long bytes, Verdict verdict)
    {
        using var answer = await client.PostAsync("/slow", new ZeroContent(bytes));
        string counted = await answer.Content.ReadAsStringAsync();
        verdict.Expect(counted == bytes.ToString(CultureInfo.InvariantCulture), $"{counted} of {bytes} bytes came up");
    }

    private static class Paced
    {
        public static async Task<long> ReadAsync(Func<Memory<byte>, Task<int>> read, int perSecond)
        {
            byte[] buffer = new byte[32 * 1024];
            var clock = Stopwatch.StartNew();
            long total = 0;
            for (int n; (n = await read(buffer)) > 0;)
            {
                total += n;
                double ahead = total / (double)perSecond - clock.Elapsed.TotalSeconds;
                if (ahead > 0.02) await Task.Delay(TimeSpan.FromSeconds(ahead));
            }
            return total;
        }
    }

    private sealed class ZeroContent(long bytes) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            byte[] piece = new byte[64 * 1024];
            for (long left = bytes; left > 0;)
            {
                int n = (int)Math.Min(left, piece.Length);
                await stream.WriteAsync(piece.AsMemory(0, n));
                left -= n;
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = bytes;
            return true;
        }
    }

    /// <summary>HTTP/1.1: a GET gets many bytes as fast as they are taken, a POST is read slowly and told how much it was.</summary>
    private sealed class SlowUpstream : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly long _bytes;

        public SlowUpstream(long bytes)
        {
            _bytes = bytes;
            _listener.Start();
            _ = AcceptAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public void Dispose() => _listener.Dispose();

        private async Task AcceptAsync()
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync();
                _ = Task.Run(async () =>
                {
                    using (client) await ServeAsync(client.GetStream());
                });
            }
        }

        private async Task ServeAsync(NetworkStream stream)
        {
            byte[] buffer = new byte[64 * 1024];
            int length = 0, end;
            while ((end = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8)) < 0)
            {
                int n = await stream.ReadAsync(buffer.AsMemory(length));
                if (n == 0) return;
                length += n;
            }
            long begun = length - end - 4;
            if (buffer.AsSpan().StartsWith("GET"u8))
            {
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {_bytes}\r\n\r\n"));
                for (long left = _bytes; left > 0; left -= buffer.Length)
                    await stream.WriteAsync(buffer.AsMemory(0, (int)Math.Min(left, buffer.Length)));
                return;
            }
            long rest = _bytes - begun;
            long read = rest == 0 ? 0 : await Paced.ReadAsync(async b =>
            {
                int n = rest == 0 ? 0 : await stream.ReadAsync(b[..(int)Math.Min(b.Length, rest)]);
                rest -= n;
                return n;
            }, PerSecond);
            string count = (begun + read).ToString(CultureInfo.InvariantCulture);
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {count.Length}\r\n\r\n{count}"));
        }
    }
}
