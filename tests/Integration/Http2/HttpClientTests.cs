using System.Net;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Http2;

/// <summary>.NET's HTTP client and server, each by either protocol.</summary>
public sealed class HttpClientTests
{
    private static HttpRequestMessage Request(ProxyFixture proxy, bool http2, HttpMethod method, string path) =>
        new(method, $"http://127.0.0.1:{proxy.Port()}{path}")
        {
            Version = http2 ? HttpVersion.Version20 : HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Bodies_PassBothWays(bool http2)
    {
        await using var server = await KestrelServer.StartAsync();
        await using var proxy = await ProxyFixture.StartAsync(new EdgeDocument
            { Clusters = $"- {{name: up, endpoints: [\"127.0.0.1:{server.Port}\"], http2: true}}" }.ToString());
        using var client = new HttpClient();
        // The client does not read before all of this is out: as much as its and the server's windows hold.
        string body = string.Concat(Enumerable.Repeat("0123456789", 6_000));
        using var request = Request(proxy, http2, HttpMethod.Post, "/echo");
        request.Content = new StringContent(body);
        using var response = await client.SendAsync(request);
        Assert.Equal(body, await response.Content.ReadAsStringAsync());
        Assert.Equal(("HTTP/2", "t"), (response.Headers.GetValues("x-protocol").Single(),
            response.TrailingHeaders.GetValues("x-trailer").Single()));
    }

    [Theory]
    [InlineData("http2: true", "HTTP/2")]
    [InlineData("typed_extension_protocol_options: {h: {\"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3."
        + "HttpProtocolOptions, auto_config: {}}}", "HTTP/2")]
    [InlineData("http2: false", "HTTP/1.1")]
    public async Task ProtocolOverTls_IsWhatTheClusterSays(string cluster, string protocol)
    {
        using var authority = new TestAuthority();
        var certificate = authority.Issue("CN=service", ["127.0.0.1"]);
        await using var server = await KestrelServer.StartAsync(certificate);
        await using var proxy = await ProxyFixture.StartAsync(new EdgeDocument
        {
            Clusters = $"- {{name: up, endpoints: [\"127.0.0.1:{server.Port}\"], tls: {{trusted_ca: {TlsYaml.Inline(authority.Pem)}}}, {cluster}}}",
        }.ToString());
        using var client = new HttpClient();
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ =>
        {
            using var response = await client.SendAsync(Request(proxy, http2: true, HttpMethod.Get, "/protocol"));
            return await response.Content.ReadAsStringAsync();
        }));
        Assert.True(answers.All(a => a == protocol), answers.FirstOrDefault(a => a != protocol));
        if (protocol == "HTTP/2") Assert.Equal(1, proxy.Stat("cluster.up.upstream_cx_http2_total"));
    }
}
