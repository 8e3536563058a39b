using System.Security.Cryptography.X509Certificates;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;

/// <summary>x-forwarded-client-cert, over one proxy with a listener for each mode.</summary>
public sealed class ClientCertHeaderTests(ClientCertHeaderTests.Proxied proxied) : IClassFixture<ClientCertHeaderTests.Proxied>
{
    private const string Odd = "spiffe://test/a;Subject=\"CN=admin\",By=b";

    public static TheoryData<string, bool, string, string?> Modes() => new()
    {
        // mode, with a certificate, what the client says, what the upstream gets
        { "sanitize", true, "a", null },
        { "sanitize", false, "a", null },
        { "forward_only", true, "a", "a" },
        { "forward_only", false, "a", null },
        { "always_forward_only", true, "a", "a" },
        { "always_forward_only", false, "a", "a" },
        { "sanitize_set", false, "a", null },
        { "sanitize_set", true, "a", "By=spiffe://test/edge;Hash=HASH" },
        { "sanitize_set", true, "", "By=spiffe://test/edge;Hash=HASH" },
        { "append_forward", false, "a", null },
        { "append_forward", true, "", "By=spiffe://test/edge;Hash=HASH" },
        { "append_forward", true, "Hash=1", "Hash=1,By=spiffe://test/edge;Hash=HASH" },
        { "append_forward", true, "Hash=1\r\nx-forwarded-client-cert: Hash=2", "Hash=1,Hash=2,By=spiffe://test/edge;Hash=HASH" },
        { "some", true, "a", "By=spiffe://test/edge;Hash=HASH;Subject=\"CN=good\\\"\\,O=x,O=Example\";"
            + "URI=\"spiffe://test/a;Subject=%22CN=admin%22,By=b\";DNS=client.test;DNS=two.test" },
        { "all", true, "a", "By=spiffe://test/edge;Hash=HASH;Cert=\"PEM\";Chain=\"CHAIN\";Subject=\"CN=good\\\"\\,O=x,O=Example\"" },
    };

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Mode_SaysWhatTheUpstreamGets(string listener, bool certificate, string said, string? expected)
    {
        string field = said.Length > 0 ? $"x-forwarded-client-cert: {said}\r\n" : "";
        await using var client = await TlsYaml.ConnectAsync(proxied.Proxy.EndPoint(listener), "web.test",
            certificate ? proxied.Client : null);
        // Twice: what was written once for the connection is the same.
        string path = "/" + Guid.NewGuid().ToString("N");
        await client.WriteAsync(System.Text.Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nhost: a\r\n{field}\r\n"),
            TestContext.Current.CancellationToken);
        await TlsYaml.AskAsync(client, $"GET {path} HTTP/1.1\r\nhost: a\r\n{field}connection: close\r\n\r\n");
        expected = expected?.Replace("HASH", proxied.Issued.Sha256, StringComparison.Ordinal)
            .Replace("PEM", Encoded(proxied.Client.ExportCertificatePem() + "\n"), StringComparison.Ordinal)
            .Replace("CHAIN", Encoded(proxied.Client.ExportCertificatePem() + "\n"), StringComparison.Ordinal);
        var got = proxied.Upstream.Requests.Where(r => r.Target == path).Select(r => r["x-forwarded-client-cert"]).ToList();
        Assert.Equal([expected, expected], got);
    }

    [Fact]
    public async Task Http2_GetsTheSame()
    {
        using var handler = new SocketsHttpHandler();
        handler.SslOptions = new() { RemoteCertificateValidationCallback = (_, _, _, _) => true, ClientCertificates = [proxied.Client] };
        using var client = new HttpClient(handler) { DefaultRequestVersion = new Version(2, 0),
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        client.DefaultRequestHeaders.Add("x-forwarded-client-cert", "Hash=1");
        foreach (string path in (string[])["/first", "/second"])
        {
            using var answer = await client.GetAsync(new Uri($"https://127.0.0.1:{proxied.Proxy.Port("append_forward")}{path}"),
                TestContext.Current.CancellationToken);
            Assert.Equal($"Hash=1,By=spiffe://test/edge;Hash={proxied.Issued.Sha256}",
                Assert.Single(proxied.Upstream.Requests, r => r.Target == path)["x-forwarded-client-cert"]);
        }
    }

    private static string Encoded(string pem) => pem.Replace("\n", "%0A", StringComparison.Ordinal)
        .Replace(" ", "%20", StringComparison.Ordinal).Replace("+", "%2B", StringComparison.Ordinal)
        .Replace("/", "%2F", StringComparison.Ordinal).Replace("=", "%3D", StringComparison.Ordinal);

    public sealed class Proxied : IAsyncLifetime
    {
        private readonly TestAuthority _authority = new();

        public RecordingUpstream Upstream { get; } = RecordingUpstream.Start();
        public ProxyFixture Proxy { get; private set; } = null!;
        public TestCertificate Issued { get; private set; } = null!;
        public X509Certificate2 Client { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Issued = _authority.Issue("CN=\"good\"\",O=x\",O=Example", ["client.test", "two.test"], forClients: true,
                more: n => n.AddUri(new Uri(Odd)));
            Client = Issued.ForDotNet();
            var web = _authority.Issue("CN=web", ["web.test"], more: n => n.AddUri(new Uri("spiffe://test/edge")));
            string Listener(string name, string fields) => Edge.Listener(name, fields,
                "{name: all, domains: [\"*\"], routes: [{match: {prefix: /}, route: {cluster: up}}]}").Replace(
                "{name: main,", $"{{name: main, tls: {{certificates: [{TlsYaml.Certificate(web)}], "
                    + $"trusted_ca: {TlsYaml.Inline(_authority.Pem)}}},", StringComparison.Ordinal);
            string[] listeners =
            [
                .. ((string[])["sanitize", "forward_only", "append_forward", "sanitize_set", "always_forward_only"])
                    .Select(m => Listener(m, $"forward_client_cert_details: {m.ToUpperInvariant()},")),
                Listener("some", "forward_client_cert_details: SANITIZE_SET, "
                    + "set_current_client_cert_details: {subject: true, uri: true, dns: true},"),
                Listener("all", "forward_client_cert_details: SANITIZE_SET, "
                    + "set_current_client_cert_details: {subject: true, cert: true, chain: true},"),
            ];
            Proxy = await ProxyFixture.StartAsync($"clusters: [{{name: up, endpoints: [\"{Upstream.Address}\"]}}]\nlisteners:\n"
                + string.Concat(listeners.Select(l => $"- {l}\n")));
        }

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Upstream.DisposeAsync();
            Client.Dispose();
            _authority.Dispose();
        }
    }
}
