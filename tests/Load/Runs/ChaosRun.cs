using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>
/// Three upstreams, one of which is killed each second and comes back half a second later, under load with retries: how many requests
/// succeed, and whether a POST has arrived twice. The same beside HAProxy where there is one.
/// </summary>
internal static class ChaosRun
{
    private const int Clients = 8;
    private static readonly string[] HaProxies = ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"];

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        double seconds = options.Number("seconds", 60, 2, 3600);
        int rate = options.Count("rate", 1000, 8, 100_000);
        using var scene = new Scene(options);
        int port = FreePort.Take();
        var ups = new List<FragileUpstream>();
        var posts = new ConcurrentDictionary<string, int>();
        for (int i = 0; i < 3; i++)
        {
            ups.Add(new FragileUpstream(posts));
            ups[i].Start();
        }
        try
        {
            await using (await scene.StartAsync(Document(scene, port, ups), null))
            {
                var (sent, failed, twice) = Load("managed", port, ups, posts, seconds, rate, verdict);
                verdict.Expect(failed <= sent / 1000, $"{failed} of {sent} requests failed, more than one of 1,000");
                verdict.Expect(twice == 0, $"{twice} POSTs have arrived twice");
            }
            if (HaProxies.FirstOrDefault(File.Exists) is not { } other)
            {
                verdict.Say("haproxy is not installed: nothing to compare with");
                return;
            }
            posts.Clear();
            int otherPort = FreePort.Take();
            string config = Path.Combine(scene.Folder, "haproxy.cfg");
            await File.WriteAllTextAsync(config, OtherConfig(otherPort, ups));
            using var process = Process.Start(new ProcessStartInfo(other, ["-f", config, "-db"]) { RedirectStandardError = true })!;
            _ = process.StandardError.ReadToEndAsync();
            try
            {
                await Task.Delay(1000);
                Load("haproxy", otherPort, ups, posts, seconds, rate, verdict);
            }
            finally
            {
                process.Kill();
                await process.WaitForExitAsync();
            }
        }
        finally
        {
            foreach (var up in ups) up.Dispose();
        }
    }

    private static (long Sent, long Failed, int Twice) Load(string name, int port, List<FragileUpstream> ups,
        ConcurrentDictionary<string, int> posts, double seconds, int rate, Verdict verdict)
    {
        long sent = 0, failed = 0;
        bool stop = false;
        var clients = Enumerable.Range(0, Clients).Select(i => new Thread(() => Client(i))).ToList();
        foreach (var client in clients) client.Start();
        var clock = Stopwatch.StartNew();
        int kills = 0;
        for (; clock.Elapsed.TotalSeconds < seconds; kills++)
        {
            var up = ups[kills % ups.Count];
            Thread.Sleep(500);
            up.Kill();
            Thread.Sleep(500);
            up.Start();
        }
        Volatile.Write(ref stop, true);
        foreach (var client in clients) client.Join();
        int twice = posts.Values.Count(n => n > 1);
        verdict.Say(string.Create(CultureInfo.InvariantCulture,
            $"{name}: {sent} requests in {clock.Elapsed.TotalSeconds:0} s, {kills} kills: {failed} failed ("
                + $"{100.0 * (sent - failed) / sent:0.000} % succeeded), {posts.Count} POSTs arrived, {twice} of them twice"));
        return (sent, failed, twice);

        // Every tenth is a POST. A connection that ends is a failure only where a request was on it.
        void Client(int number)
        {
            var buffer = new byte[4096];
            TcpClient? connection = null;
            long interval = (long)(Stopwatch.Frequency * (double)Clients / rate), due = Stopwatch.GetTimestamp();
            for (int i = 0; !Volatile.Read(ref stop); i++)
            {
                due += interval;
                string request = i % 10 == 0
                    ? $"POST / HTTP/1.1\r\nhost: a.test\r\nx-id: {number}-{i}\r\ncontent-length: 4\r\n\r\nbody"
                    : "GET / HTTP/1.1\r\nhost: a.test\r\n\r\n";
                Interlocked.Increment(ref sent);
                if (!Exchange(ref connection, port, request, buffer)) Interlocked.Increment(ref failed);
                long ahead = due - Stopwatch.GetTimestamp();
                if (ahead > 0) Thread.Sleep((int)(ahead * 1000 / Stopwatch.Frequency)); else due = Stopwatch.GetTimestamp();
            }
            connection?.Dispose();
        }
    }

    private static bool Exchange(ref TcpClient? connection, int port, string request, byte[] buffer)
    {
        try
        {
            connection ??= new TcpClient("127.0.0.1", port) { NoDelay = true, ReceiveTimeout = 20_000 };
            connection.Client.Send(Encoding.ASCII.GetBytes(request));
            int length = 0;
            while (true)
            {
                int n = connection.Client.Receive(buffer, length, buffer.Length - length, SocketFlags.None);
                if (n == 0) break;
                length += n;
                string text = Encoding.Latin1.GetString(buffer, 0, length);
                int end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
                if (end < 0) continue;
                int at = text.IndexOf("content-length:", StringComparison.OrdinalIgnoreCase);
                int body = at < 0 ? 0 : int.Parse(text.AsSpan(at + 15, text.IndexOf('\r', at) - at - 15), CultureInfo.InvariantCulture);
                if (length < end + 4 + body) continue;
                bool good = text.StartsWith("HTTP/1.1 200", StringComparison.Ordinal);
                if (good && !text.Contains("connection: close", StringComparison.OrdinalIgnoreCase)) return true;
                connection.Dispose();
                connection = null;
                return good;
            }
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            // below
        }
        connection?.Dispose();
        connection = null;
        return false;
    }

    // A GET may be sent again whatever happened, a POST where it has not been seen.
    private static JsonObject Document(Scene scene, int port, List<FragileUpstream> ups)
    {
        var document = scene.Document.Whole(0);
        const string Hosts = """
            "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.05s"}, "num_retries": 5,
            "host_selection_retry_max_attempts": 5,
            "retry_host_predicate": [{"name": "envoy.retry_host_predicates.previous_hosts"}]
            """;
        document["listeners"]!.AsArray().Add(JsonNode.Parse($$"""
            {"name": "chaos", "address": "127.0.0.1:{{port}}", "routes": [
              {"match": {"prefix": "/", "headers": [{"name": ":method", "string_match": {"exact": "GET"} }]},
                "route": {"cluster": "fragile", "retry_policy": {"retry_on": "5xx,reset,connect-failure,refused-stream", {{Hosts}} } } },
              {"match": {"prefix": "/"},
                "route": {"cluster": "fragile", "retry_policy": {"retry_on": "connect-failure,refused-stream", {{Hosts}} } } }]}
            """));
        document["clusters"]!.AsArray().Add(JsonNode.Parse($$"""
            {"name": "fragile", "connect_timeout": "1s", "endpoints": [{{string.Join(',', ups.Select(u => $"\"127.0.0.1:{u.Port}\""))}}],
              "circuit_breakers": {"thresholds": [{"max_retries": 1000}]} }
            """));
        return document;
    }

    private static string OtherConfig(int port, List<FragileUpstream> ups) => $"""
        global
          nbthread 2
        defaults
          mode http
          timeout connect 1s
          timeout client 30s
          timeout server 15s
          retries 5
          option redispatch 1
          retry-on all-retryable-errors
        listen chaos
          bind 127.0.0.1:{port}
          http-request disable-l7-retry unless METH_GET
          balance roundrobin
        {string.Join('\n', ups.Select((u, i) => $"  server up{i} 127.0.0.1:{u.Port}"))}

        """;
}
