using System.Security.Authentication;
using System.Text;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.Listener;

/// <summary>What listeners answer to an authority while an order is on its way, and to everybody else.</summary>
public sealed class ChallengeTests(ChallengeFixture fixture) : IClassFixture<ChallengeFixture>
{
    private readonly ProxyFixture _proxy = fixture.Proxy;

    [Theory]
    [InlineData("GET", "/.well-known/acme-challenge/tok-en_1", "a.test", true)]
    [InlineData("GET", "/.well-known/acme-challenge/tok-en_1", "A.TEST:80", true)]
    [InlineData("GET", "/.well-known/acme-challenge/tok-en_1", "b.test", false)]
    [InlineData("GET", "/.well-known/acme-challenge/tok-en_1", "xa.test", false)]
    [InlineData("GET", "/.well-known/acme-challenge/tok-en_2", "a.test", false)]
    [InlineData("GET", "/.well-known/acme-challenge/", "a.test", false)]
    [InlineData("GET", "/.well-known/acme-challenge/tok-en_1/x", "a.test", false)]
    [InlineData("GET", "/.well-known/acme-challenge/tok-en_1?x", "a.test", false)]
    [InlineData("GET", "/x/.well-known/acme-challenge/tok-en_1", "a.test", false)]
    [InlineData("POST", "/.well-known/acme-challenge/tok-en_1", "a.test", false)]
    public async Task Http_OnlyThePendingTokenAtItsHost_BeforeFiltersAndRoutes(string method, string path, string host, bool answered)
    {
        using (_proxy.Server.Acme.Challenges.AddHttp("tok-en_1", "a.test", "tok-en_1.thumb"u8.ToArray()))
            Assert.Equal(answered ? "200 application/octet-stream tok-en_1.thumb" : "403 text/plain rewritten", await AskAsync());
        Assert.Equal("403 text/plain rewritten", await AskAsync());

        async Task<string> AskAsync()
        {
            await using var client = await _proxy.ConnectAsync();
            await client.SendAsync($"{method} {path} HTTP/1.1\r\nHost: {host}\r\ncontent-length: 0\r\n\r\n");
            var response = await client.ReadAsync();
            return $"{response.Status} {response["content-type"]} {response.Text}";
        }
    }

    [Theory]
    [InlineData("one", "a.test", new[] { "acme-tls/1" }, "answer")]
    [InlineData("named", "a.test", new[] { "acme-tls/1" }, "answer")] // no chain has this name
    [InlineData("one", "a.test", new[] { "http/1.1", "acme-tls/1" }, "web")] // RFC 8737 section 3: it alone
    [InlineData("one", "a.test", new[] { "http/1.1" }, "web")]
    [InlineData("one", "b.test", new[] { "acme-tls/1" }, "web")] // as any client is served
    [InlineData("named", "b.test", new[] { "acme-tls/1" }, "")]
    [InlineData("named", "a.test", new[] { "h2" }, "")]
    [InlineData("raw", "a.test", new[] { "acme-tls/1" }, "")]
    public async Task Tls_OnlyThePendingHostByTheProtocolAlone_WhateverTheChains(string listener, string host, string[] alpn,
        string expected)
    {
        var (chain, key) = (Encoding.ASCII.GetBytes(fixture.Answer.Chain), Encoding.ASCII.GetBytes(fixture.Answer.Key));
        using (_proxy.Server.Acme.Challenges.AddTls("a.test", chain, key))
        {
            Assert.Equal(expected, await AskAsync());
            await using var client = await _proxy.ConnectAsync("mixed");
            // Nobody waits for a hello there.
            Assert.Equal("the server speaks first", Encoding.ASCII.GetString(await client.ReadToEndAsync()));
        }
        Assert.Equal(expected == "answer" ? listener == "one" ? "web" : "" : expected, await AskAsync());
        await Eventually.Async(() => _proxy.Server.Listeners().All(l => l.Connections == 0), "no connection to be left");

        async Task<string> AskAsync()
        {
            try
            {
                await using var tls = await TlsYaml.ConnectAsync(_proxy.EndPoint(listener), host, alpn: alpn);
                string subject = tls.RemoteCertificate!.Subject["CN=".Length..];
                if (subject != "answer") return subject;
                Assert.Equal("acme-tls/1", tls.NegotiatedApplicationProtocol.ToString());
                Assert.Equal(0, await tls.ReadAsync(new byte[1])); // and it closes
                return subject;
            }
            catch (Exception e) when (e is IOException or AuthenticationException)
            {
                return "";
            }
        }
    }
}

/// <summary>One proxy with the listeners of <see cref="ChallengeTests"/>.</summary>
public sealed class ChallengeFixture : IAsyncLifetime
{
    private readonly TestAuthority _authority = new(), _challenger = new("Challenge");

    public ProxyFixture Proxy { get; private set; } = null!;
    public TestCertificate Answer { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var web = _authority.Issue("CN=web", ["web.test"]);
        Answer = _challenger.Issue("CN=answer", ["a.test"]);
        string certificate = TlsYaml.Certificate(web);
        Proxy = await ProxyFixture.StartAsync($$"""
            listeners:
            - name: edge
              address: 127.0.0.1:0
              filter_chains:
              - filters:
                - name: http_connection_manager
                  typed_config:
                    stat_prefix: edge
                    local_reply_config: {body_format: {text_format_source: {inline_string: "rewritten"} } }
                    http_filters: [{name: rbac, typed_config: {rules: {action: DENY, policies: {all: {permissions: [{any: true}],
                      principals: [{any: true}]} } } } }, {name: router}]
                    route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /},
                        redirect: {https_redirect: true} }]}]}
            - {name: one, address: "127.0.0.1:0", tls: {certificates: [{{certificate}}]},
               routes: [{match: {prefix: /}, direct_response: {status: 200} }]}
            - {name: named, address: "127.0.0.1:0", filter_chains: [{filter_chain_match: {server_names: [web.test]},
                filters: [{name: echo}],
               tls: {certificates: [{{certificate}}], require_client_certificate: true, trusted_ca: {{TlsYaml.Inline(_authority.Pem)}} } }]}
            - {name: mixed, address: "127.0.0.1:0", filter_chains: [{filters: [{name: direct_response, typed_config: {response:
               {inline_string: "the server speaks first"} } }]}], default_filter_chain: {filters: [{name: echo}],
               tls: {certificates: [{{certificate}}]} } }
            - {name: raw, address: "127.0.0.1:0", filter_chains: [{filters: [{name: echo}]}]}
            """);
    }

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        _authority.Dispose();
        _challenger.Dispose();
    }
}
