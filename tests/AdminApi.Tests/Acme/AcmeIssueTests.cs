using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Managed.AdminApi.Tests.Secrets;
using Managed.TestKit;

namespace Managed.AdminApi.Tests.Acme;

/// <summary>An authority that does what it should: certificates come, are shown, and are renewed.</summary>
public sealed class AcmeIssueTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private TestNode Node => fixture.Node;

    [Fact]
    public async Task ListenerWithAChainInClearToo_ProvesByTls_AndNobodyThereWaitsForAClientHello()
    {
        await using var one = await AcmeCase.BeginAsync(Node);
        one.Authority.IsStuck = true;

        // No chain has a name: what comes from 127.0.0.2 is in clear, and its server speaks first.
        (await Node.PutAsync("listeners/" + one.Name, $$"""
            {"name":"{{one.Name}}","stat_prefix":"{{one.Name}}","address":"127.0.0.1:0","filter_chains":[
              {"name":"clear","filter_chain_match":{"source_prefix_ranges":[{"address_prefix":"127.0.0.2","prefix_len":32}]},
                "filters":[{"name":"direct_response","typed_config":{"response":{"inline_string":"hello"} } }]},
              {"name":"tls","filters":[{"name":"echo"}],"tls":{"acme":{"domains":["{{one.Domain}}"],
                "directory_url":"{{one.Authority.Directory}}","challenges":["tls-alpn-01"]} } }]}
            """)).Is(HttpStatusCode.OK);
        await Eventually.Async(() => one.Authority.Count("POST finalize") == 1, "the name to be proved");

        Assert.Equal(["tls-alpn-01"], one.Authority.Proofs);
        Assert.Equal("hello", await GreetedAsync(one.Port));
        one.Authority.IsStuck = false;
        one.Time.Now += TimeSpan.FromHours(1);
        one.Manager.Look();
        await one.ShowsAsync(AcmeCase.Issuer);
    }

    private static async Task<string> GreetedAsync(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0));
        await socket.ConnectAsync(IPAddress.Loopback, port);
        var bytes = new byte[16];
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(Eventually.Limit));
        return System.Text.Encoding.ASCII.GetString(bytes, 0, await socket.ReceiveAsync(bytes, limit.Token));
    }

    [Fact]
    public async Task NewCertificate_IsServedWithoutAVersion_AndItsKeyIsNowhere()
    {
        await using var one = await AcmeCase.BeginAsync(Node);
        using var events = new SseReader(Node, "events?types=certificate.issued");
        await events.FirstAsync();
        await one.WantAsync(""","email":"ops@one.test","challenges":["tls-alpn-01"]""");
        var version = await Node.ActiveVersionAsync();
        var told = (await events.NextAsync("certificate.issued")).Json;
        Assert.Equal(one.Domain, told.GetProperty("domains")[0].GetString());
        await one.ShowsAsync(AcmeCase.Issuer);

        var status = await one.SettledAsync();
        Assert.Equal("issued certificate 0",
            $"{status.GetProperty("state")} {status.GetProperty("serves")} {status.GetProperty("failures")}");
        Assert.Equal(one.Time.Now + one.Authority.Life * (2.0 / 3), status.GetProperty("renewal_time").GetDateTimeOffset(),
            TimeSpan.FromSeconds(3));
        Assert.Equal("mailto:ops@one.test", one.Authority.LastContact);
        Assert.Equal(["tls-alpn-01"], one.Authority.Proofs);
        Assert.Equal(version, await Node.ActiveVersionAsync());
        using var shown = await one.ShownAsync();
        Assert.Equal(Convert.ToHexStringLower(shown.SerialNumberBytes.Span), status.GetProperty("certificate").GetProperty("serial_number")
            .GetString());
        Assert.Contains(one.Domain, (await Node.GetAsync("/certs")).Body, StringComparison.Ordinal);

        var secrets = new SecretSearch();
        foreach (var record in Store().Records)
            secrets.Key("a certificate's key", record.Key!);
        secrets.Bytes("an account's key", Store().AccountOf($"{one.Authority.Directory}\nops@one.test\n").Key);
        secrets.NotInFolder(Path.Combine(Node.Folder, "data"));
        foreach (var path in new[] { "config", "acme_certificates", "versions", "/config_dump", "/certs", "config?format=expanded" })
            secrets.NotIn((await Node.GetAsync(path)).Body, path);
    }

    [Fact]
    public async Task SecretOfSeveralNames_IsProvedByHttp_PastRedirects_AndByTlsWhereChainsHaveNames()
    {
        await using var one = await AcmeCase.BeginAsync(Node);
        (await Node.PutAsync("listeners/edge", """
            {"name":"edge","address":"127.0.0.1:0","routes":[{"match":{"prefix":"/"},"redirect":{"https_redirect":true}}]}
            """)).Is(HttpStatusCode.OK);
        await one.PutAsync("");
        (await Node.PutAsync("secrets/" + one.Name, $$"""
            {"name":"{{one.Name}}","tls_certificate":{"acme":{"domains":["{{one.Domain}}","WWW.{{one.Domain}}."],"key_type":"RSA_2048",
             "directory_url":"{{one.Authority.Directory}}","challenges":["http-01"]} } }
            """)).Is(HttpStatusCode.Created);
        (await Node.PutAsync("secrets/other", $$"""
            {"name":"other","tls_certificate":{"acme":{"domains":["other.{{one.Domain}}"],"directory_url":"{{one.Authority.Directory}}"} } }
            """)).Is(HttpStatusCode.Created);
        Assert.Empty(one.Authority.Calls); // nobody uses them
        (await Node.PutAsync("listeners/" + one.Name, $$"""
            {"name":"{{one.Name}}","stat_prefix":"{{one.Name}}","address":"127.0.0.1:0","filter_chains":[
             {"filter_chain_match":{"server_names":["{{one.Domain}}"]},"filters":[{"name":"echo"}],"tls":{"certificates":["{{one.Name}}"]} },
             {"filter_chain_match":{"server_names":["other.{{one.Domain}}"]},"filters":[{"name":"echo"}],"tls":{"certificates":["other"]} }]}
            """)).Is(HttpStatusCode.OK);
        await one.ShowsAsync(AcmeCase.Issuer);
        await Eventually.TrueAsync(async () => await one.IssuerAsync("other." + one.Domain) == AcmeCase.Issuer);
        using var shown = await one.ShownAsync();
        Assert.NotNull(shown.GetRSAPublicKey());
        Assert.Equal([one.Domain, "www." + one.Domain],
            shown.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames().OrderBy(n => n.Length));
        Assert.Equal(["http-01", "http-01", "tls-alpn-01"], one.Authority.Proofs.Order());
        Assert.Equal(1, one.Authority.Accounts);
        // What nobody waits for is the routes' again.
        await using var client = await RawClient.ConnectAsync(new IPEndPoint(IPAddress.Loopback, one.Authority.HttpPort));
        await client.GetAsync("/.well-known/acme-challenge/abc", one.Domain);
        Assert.Equal(301, (await client.ReadAsync()).Status);
    }

    [Fact]
    public async Task Renewal_ComesAtTwoThirds_AndNoConnectionIsDropped()
    {
        await using var one = await AcmeCase.BeginAsync(Node);
        await one.WantAsync();
        await one.ShowsAsync(AcmeCase.Issuer);
        await one.QuietAsync();
        using var before = await one.ShownAsync();
        using var open = new TcpClient();
        await open.ConnectAsync(IPAddress.Loopback, one.Port);
        await using var tls = new SslStream(open.GetStream(), false, (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync(one.Domain);

        one.Time.Now += one.Authority.Life * 0.66;
        await one.LookAsync();
        Assert.Equal(1, one.Authority.Orders);
        one.Time.Now += one.Authority.Life * 0.01;
        await one.LookAsync();
        Assert.Equal(2, one.Authority.Orders);
        await Eventually.TrueAsync(async () =>
        {
            using var shown = await one.ShownAsync();
            return shown.SerialNumber != before.SerialNumber;
        });
        await tls.WriteAsync("still there"u8.ToArray());
        var answer = new byte[11];
        await tls.ReadExactlyAsync(answer);
        Assert.Equal("still there"u8, answer);
        Assert.Equal(1, one.Authority.Accounts);
    }

    [Fact]
    public async Task AuthoritysWindow_IsAskedFor_AndTheOrderNamesWhatItReplaces()
    {
        await using var one = await AcmeCase.BeginAsync(Node);
        var start = one.Time.Now.AddDays(3);
        one.Authority.Window = (start, start.AddHours(1));
        await one.WantAsync();
        await one.ShowsAsync(AcmeCase.Issuer);
        await one.QuietAsync();
        var status = await one.LookAsync(); // asks
        Assert.InRange(status.GetProperty("renewal_time").GetDateTimeOffset(), start.AddSeconds(-1), start.AddHours(1));
        one.Time.Now = start.AddHours(25);
        await one.LookAsync();
        Assert.Equal(2, one.Authority.Orders);
        Assert.Null(one.Authority.Replaces.First());
        Assert.Contains('.', one.Authority.Replaces.Last()!);
        await one.LookAsync(); // a window that is over for the new one too does not make it be renewed at once
        Assert.Equal(2, one.Authority.Orders);
    }

    [Fact]
    public async Task RenewedByCall_WhateverItsAge_AndUnknownNamesAre404()
    {
        await using var one = await AcmeCase.BeginAsync(Node);
        await one.WantAsync();
        await one.ShowsAsync(AcmeCase.Issuer);
        await one.QuietAsync();
        var answer = (await Node.PostAsync($"acme_certificates/{await one.IdAsync()}/renew")).Is(HttpStatusCode.Accepted);
        Assert.Equal("ordering", answer.Json.GetProperty("state").GetString());
        await one.QuietAsync();
        Assert.Equal(2, one.Authority.Orders);
        (await Node.PostAsync("acme_certificates/nobody/renew")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        (await Node.GetAsync("acme_certificates/nobody")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
    }

    [Fact]
    public async Task ChangedNames_AreANewOrder_AndTheFormerCertificateServesMeanwhile()
    {
        await using var one = await AcmeCase.BeginAsync(Node);
        await one.WantAsync();
        await one.ShowsAsync(AcmeCase.Issuer);
        await one.QuietAsync();
        one.Authority.IsStuck = true;
        var limits = one.Manager.Limits;
        one.Manager.Limits = limits with { Order = TimeSpan.FromMilliseconds(300) };
        await one.WantAsync(domains: $"[\"{one.Domain}\",\"new.{one.Domain}\"]");
        Assert.Equal(AcmeCase.Issuer, await one.IssuerAsync());
        Assert.Equal("failing former", await StateAsync(one));
        one.Authority.IsStuck = false;
        one.Manager.Limits = limits;
        one.Time.Now += TimeSpan.FromMinutes(2);
        await one.LookAsync();
        Assert.Equal("issued certificate", await StateAsync(one));
        Assert.Equal(2, one.Authority.Orders); // the stuck one was gone on with
    }

    [Fact]
    public async Task ExternalAccountAndTerms_AreBoundAndAgreedTo_AndNeverShown()
    {
        await using var one = await AcmeCase.BeginAsync(Node);
        const string key = "c2VjcmV0LW9mLXRoZS1leHRlcm5hbC1hY2NvdW50";
        one.Authority.ExternalKey = Convert.FromBase64String(key);
        one.Authority.HasTerms = true;
        await one.WantAsync();
        Assert.Contains("terms_of_service_agreed", (await one.SettledAsync()).GetProperty("last_error").GetProperty("detail").GetString()!,
            StringComparison.Ordinal);
        await one.WantAsync(",\"terms_of_service_agreed\":true,\"external_account_binding\":{\"kid\":\"k1\",\"hmac_key\":"
            + $$"""{"inline_string":"{{key}}"} }""");
        one.Time.Now += TimeSpan.FromMinutes(2);
        await one.LookAsync();
        await one.ShowsAsync(AcmeCase.Issuer);
        var secrets = new SecretSearch().Value("the external account's key", key);
        secrets.NotInFolder(Path.Combine(Node.Folder, "data"));
        secrets.NotIn((await Node.GetAsync("config")).Body + (await Node.GetAsync("/config_dump")).Body, "an answer");
    }

    private static async Task<string> StateAsync(AcmeCase one)
    {
        var status = await one.SettledAsync();
        return $"{status.GetProperty("state")} {status.GetProperty("serves")}";
    }

    private AdminApi.Acme.AcmeStore Store()
        => (AdminApi.Acme.AcmeStore)Node.Host.Services.GetService(typeof(AdminApi.Acme.AcmeStore))!;
}
