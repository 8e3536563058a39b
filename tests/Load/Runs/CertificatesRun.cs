using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Managed.Load.Product;

namespace Managed.Load.Runs;

/// <summary>
/// Many certificates as secrets on one listener: how long the version with them takes, what each costs once it is used, how long one that
/// is changed takes, and whether new handshakes get it while others go on.
/// </summary>
internal static class CertificatesRun
{
    private static readonly DateTimeOffset From = DateTimeOffset.UtcNow.AddDays(-1), Until = From.AddDays(90);

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int count = options.Count("count", 5000, 2, 5000), changes = options.Count("publications", 50, 2, 10_000),
            used = Math.Min(count, 1000), workers = 2;
        double limitKb = options.Number("limit-kb", 30, 1, 10_000), limitMs = options.Number("limit-ms", 50, 1, 100_000);
        using var scene = new Scene(options);
        await using var managed = await scene.StartAsync();
        var document = scene.Document.Whole(0);
        var secrets = new JsonArray([.. Enumerable.Range(0, count).Select(i => (JsonNode)Secret(i, 0))]);
        var first = document["listeners"]![0]!.DeepClone().AsObject();
        first["name"] = "secure";
        int port = Traffic.FreePort.Take();
        first["address"] = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");
        first["tls"] = new JsonObject { ["certificates"] = new JsonArray([.. Enumerable.Range(0, count).Select(i => (JsonNode)Name(i))]) };
        document["listeners"]!.AsArray().Add(first);
        document["secrets"] = secrets;
        string body = document.ToJsonString();

        long began = Stopwatch.GetTimestamp();
        var answer = await managed.Admin.SendAsync(HttpMethod.Put, "config", body, (await managed.Admin.GetAsync("config")).ETag);
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        if (answer.Status != 200) { verdict.Miss($"the document was answered with {answer.Status}: {answer.Short}"); return; }
        verdict.Say($"{count} certificates ({body.Length / 1e6:0.0} MB of JSON) in one version: {seconds:0.00} s (limit 3)");
        verdict.Expect(seconds <= 3, $"the version took {seconds:0.0} s");

        // Warm, so that what follows is the contexts' memory alone.
        foreach (int i in Enumerable.Range(0, 50)) await ShakeAsync(port, count - 1 - i % Math.Min(10, count), verdict);
        long before = ProcessFigures.Anonymous(managed.Id);
        for (int round = 0; round < 4 * workers; round++) // so that each worker has met each name
            foreach (int i in Enumerable.Range(0, used)) await ShakeAsync(port, i, verdict);
        double each = (ProcessFigures.Anonymous(managed.Id) - before) / 1024.0 / used / workers;
        verdict.Say($"{used} of them in use: {each:0.0} KiB each and worker (limit {limitKb:0})");
        verdict.Expect(each <= limitKb, $"a certificate in use costs {each:0.0} KiB");

        await ChangeAsync(managed, port, changes, count, limitMs, verdict);
    }

    // One at a time is changed, while handshakes for all names go on.
    private static async Task ChangeAsync(ManagedProcess managed, int port, int changes, int count, double limitMs, Verdict verdict)
    {
        using var stop = new CancellationTokenSource();
        long handshakes = 0;
        var wrong = new ConcurrentQueue<string>();
        var load = Enumerable.Range(0, 4).Select(k => Task.Run(async () =>
        {
            var random = new Random(k);
            while (!stop.IsCancellationRequested)
            {
                if (await SerialAsync(port, random.Next(count)) is null) wrong.Enqueue("a handshake or its request failed");
                Interlocked.Increment(ref handshakes);
                await Task.Delay(5);
            }
        })).ToArray();
        var times = new List<double>();
        for (int change = 1; change <= changes; change++)
        {
            int which = change * 31 % count;
            var secret = Secret(which, change);
            long began = Stopwatch.GetTimestamp();
            var answer = await managed.Admin.SendAsync(HttpMethod.Put, "secrets/" + Name(which), secret.ToJsonString());
            times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            if (answer.Status != 200) { verdict.Miss($"change {change} was answered with {answer.Status}: {answer.Short}"); break; }
            string? serial = await SerialAsync(port, which);
            verdict.Expect(serial == Serial(which, change), $"change {change}: the next handshake got {serial}");
        }
        await stop.CancelAsync();
        await Task.WhenAll(load);
        double median = Median.Of(times.Skip(Math.Min(10, times.Count / 2)));
        verdict.Say($"one changed: {median:0.0} ms (median; best {times.Min():0.0}, worst {times.Max():0.0}; limit {limitMs:0}); meanwhile "
            + $"{handshakes} handshakes with a request, {wrong.Count} failed");
        verdict.Expect(median <= limitMs, $"one changed certificate takes {median:0} ms");
        verdict.Expect(wrong.IsEmpty, $"{wrong.Count} handshakes failed");
    }

    private static async Task ShakeAsync(int port, int which, Verdict verdict)
    {
        string? serial = await SerialAsync(port, which);
        if (serial != Serial(which, 0)) verdict.Miss($"{Name(which)} got {serial ?? "no answer"}");
    }

    // A handshake with the name, and one request over it; the serial number of the certificate, null when either failed.
    internal static async Task<string?> SerialAsync(int port, int which)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Loopback, port);
            using var tls = new SslStream(new NetworkStream(socket));
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = Name(which),
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
            }, limit.Token);
            using var certificate = new X509Certificate2(tls.RemoteCertificate!);
            string serial = certificate.SerialNumber;
            await tls.WriteAsync("GET /x HTTP/1.1\r\nHost: load.test\r\nConnection: close\r\n\r\n"u8.ToArray(), limit.Token);
            var answer = new byte[4096];
            int n = await tls.ReadAtLeastAsync(answer, 12, throwOnEndOfStream: false, limit.Token);
            return Encoding.ASCII.GetString(answer, 0, n).StartsWith("HTTP/1.1 200", StringComparison.Ordinal) ? serial : null;
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException
            or System.Security.Authentication.AuthenticationException)
        {
            return null;
        }
    }

    internal static string Name(int which) => string.Create(CultureInfo.InvariantCulture, $"n{which}.load.test");

    internal static string Serial(int which, int edition) => Convert.ToHexString(SerialBytes(which, edition));

    private static byte[] SerialBytes(int which, int edition)
        => [1, (byte)(which >> 8), (byte)which, (byte)(edition >> 8), (byte)edition];

    internal static JsonObject Secret(int which, int edition)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + Name(which), key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(Name(which));
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(request.SubjectName, X509SignatureGenerator.CreateForECDsa(key), From, Until,
            SerialBytes(which, edition));
        return new JsonObject
        {
            ["name"] = Name(which),
            ["tls_certificate"] = new JsonObject
            {
                ["certificate_chain"] = new JsonObject { ["inline_string"] = certificate.ExportCertificatePem() },
                ["private_key"] = new JsonObject { ["inline_string"] = key.ExportPkcs8PrivateKeyPem() },
            },
        };
    }
}
