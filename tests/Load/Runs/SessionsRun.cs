using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>
/// Long sessions through many publications: of those none changes the chain that a session is on, and each changes something beside it,
/// a listener, another chain, a route, a certificate.
/// </summary>
internal static class SessionsRun
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(30);

    private sealed record Session(string Name, Stream Stream);

    private sealed record Ports(int Socket, int Secure, int Raw, int Other, int Tunnel);

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int publications = options.Count("publications", 200, 1, 100_000);
        using var scene = new Scene(options);
        using var tunnel = new TunnelUpstream();
        var ports = new Ports(FreePort.Take(), FreePort.Take(), FreePort.Take(), FreePort.Take(), tunnel.Port);
        var (kept, other) = (CertificatesRun.Secret(0, 0), CertificatesRun.Secret(1, 0));
        await using var managed = await scene.StartAsync(Document(scene, ports, 0, kept, other), null);
        List<Session> sessions =
        [
            new("WebSocket", await UpgradedAsync(ports.Socket)), new("TLS", await SecureAsync(ports.Secure)),
            new("raw TCP", new NetworkStream(await ConnectAsync(ports.Raw), ownsSocket: true)),
        ];
        foreach (var session in sessions)
            verdict.Expect(await AnswersAsync(session, 0), $"{session.Name}: no answer before anything changed");
        int made = 0;
        for (int n = 1; n <= publications && sessions.Count > 0; n++)
        {
            if (n % 4 == 0) other = CertificatesRun.Secret(1, n);
            var answer = await managed.Admin.SendAsync(HttpMethod.Put, "config", Document(scene, ports, n, kept, other).ToJsonString(),
                (await managed.Admin.GetAsync("config")).ETag);
            if (answer.Status != 200) { verdict.Miss($"publication {n} was answered with {answer.Status}: {answer.Short}"); break; }
            made++;
            foreach (var session in sessions.ToList())
                if (!await AnswersAsync(session, n))
                {
                    verdict.Miss($"{session.Name} was dropped by publication {n}");
                    sessions.Remove(session);
                }
            if (n % 4 == 0 && await CertificatesRun.SerialAsync(ports.Other, 1) != CertificatesRun.Serial(1, n))
                verdict.Miss($"publication {n}: new handshakes do not get the new certificate");
        }
        verdict.Say($"{made} publications; held open: {string.Join(", ", sessions.Select(s => s.Name))}");
        foreach (var session in sessions) await session.Stream.DisposeAsync();
    }

    private static JsonObject Document(Scene scene, Ports ports, int n, JsonObject kept, JsonObject other)
    {
        var document = scene.Document.Whole(n, n % 3); // its filters and its routes change
        var listeners = document["listeners"]!.AsArray();
        document["clusters"]!.AsArray().Add(Parse($$$"""{"name": "tunnel", "endpoints": ["127.0.0.1:{{{ports.Tunnel}}}"]}"""));
        if (n % 2 == 1)
            document["clusters"]!.AsArray().Add(Parse($$$"""{"name": "more-{{{n}}}", "endpoints": ["127.0.0.1:{{{ports.Tunnel}}}"]}"""));
        document["secrets"] = new JsonArray(kept.DeepClone(), other.DeepClone());
        string terminal = """{"name": "tcp_proxy", "typed_config": {"stat_prefix": "t", "cluster": "tunnel"}}""";
        listeners.Add(Parse($$$"""
            {"name": "socket", "address": "127.0.0.1:{{{ports.Socket}}}", "filter_chains": [{"name": "main", "filters": [{"name":
             "http_connection_manager", "typed_config": {"stat_prefix": "s", "upgrade_configs": [{"upgrade_type": "websocket"}],
             "http_filters": [{"name": "router"}], "route_config": {"name": "socket", "virtual_hosts": [{"name": "all", "domains": ["*"],
             "routes": [{"match": {"path": "/n{{{n}}}"}, "direct_response": {"status": 204}},
              {"match": {"prefix": "/"}, "route": {"cluster": "tunnel"} } ]}]} } }]}]}
            """));
        string more = n % 3 == 0 ? "" : $$$"""
            , {"name": "more", "filter_chain_match": {"server_names": ["more{{{n}}}.test"]},
             "tls": {"certificates": ["{{{CertificatesRun.Name(1)}}}"]},
             "filters": [{{{terminal}}}]}
            """;
        listeners.Add(Parse($$$"""
            {"name": "secure", "address": "127.0.0.1:{{{ports.Secure}}}", "filter_chains": [{"name": "kept", "filter_chain_match":
             {"server_names": ["{{{CertificatesRun.Name(0)}}}"]}, "tls": {"certificates": ["{{{CertificatesRun.Name(0)}}}"]}, "filters":
             [{{{terminal}}}]}, {"name": "other", "filter_chain_match": {"server_names": ["{{{CertificatesRun.Name(1)}}}"]}, "tls":
             {"certificates": ["{{{CertificatesRun.Name(1)}}}"]}, "filters": [{{{terminal}}}]}{{{more}}}]}
            """));
        listeners.Add(Parse($$$"""
            {"name": "raw", "address": "127.0.0.1:{{{ports.Raw}}}", "filter_chains": [{"name": "main", "filters": [{{{terminal}}}]}]}
            """));
        listeners.Add(Parse($$$"""
            {"name": "other", "address": "127.0.0.1:{{{ports.Other}}}", "tls": {"certificates": ["{{{CertificatesRun.Name(1)}}}"]},
             "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}]}
            """));
        if (n % 2 == 0)
            listeners.Add(Parse($$$"""
                {"name": "now-and-then", "address": "127.0.0.1:0",
                 "routes": [{"match": {"prefix": "/{{{n}}}"}, "direct_response": {"status": 200}}]}
                """));
        return document;
    }

    private static JsonNode Parse(string json) => JsonNode.Parse(json)!;

    private static async Task<Socket> ConnectAsync(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, port);
        return socket;
    }

    private static async Task<Stream> UpgradedAsync(int port)
    {
        var stream = new NetworkStream(await ConnectAsync(port), ownsSocket: true);
        await stream.WriteAsync(Encoding.ASCII.GetBytes("GET /socket HTTP/1.1\r\nHost: load.test\r\nConnection: Upgrade\r\n"
            + "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
        var head = new List<byte>();
        while (!Encoding.ASCII.GetString([.. head]).EndsWith("\r\n\r\n", StringComparison.Ordinal))
            head.Add(stream.ReadByte() is >= 0 and var one ? (byte)one : throw new IOException("the upgrade was not answered"));
        return Encoding.ASCII.GetString([.. head]).StartsWith("HTTP/1.1 101", StringComparison.Ordinal) ? stream
            : throw new IOException("the upgrade was refused: " + Encoding.ASCII.GetString([.. head]));
    }

    private static async Task<Stream> SecureAsync(int port)
    {
        var tls = new SslStream(new NetworkStream(await ConnectAsync(port), ownsSocket: true));
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = CertificatesRun.Name(0), RemoteCertificateValidationCallback = (_, _, _, _) => true,
        });
        return tls;
    }

    // What is sent comes back.
    private static async Task<bool> AnswersAsync(Session session, int n)
    {
        byte[] sent = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{session.Name} after {n}\n"));
        var got = new byte[sent.Length];
        using var limit = new CancellationTokenSource(AnswerLimit);
        try
        {
            await session.Stream.WriteAsync(sent, limit.Token);
            await session.Stream.ReadExactlyAsync(got, limit.Token);
            return got.AsSpan().SequenceEqual(sent);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return false;
        }
    }
}
