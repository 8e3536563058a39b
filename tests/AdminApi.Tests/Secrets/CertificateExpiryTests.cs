using System.Net;
using System.Text.Json;
using Managed.TestKit;

namespace Managed.AdminApi.Tests.Secrets;

/// <summary>What certificates there are and when they end: <c>/certs</c>, statistics, events.</summary>
public sealed class CertificateExpiryTests
{
    [Fact]
    public async Task Certificates_AreListedAndCounted_AndOneThatEndsSoonIsAnEvent()
    {
        using var authority = new TestAuthority();
        await using var node = await TestNode.StartAsync();
        Assert.Equal("{\"certificates\":[]}", (await node.GetAsync("/certs")).Body);
        Assert.Equal(uint.MaxValue, Value(await node.GetAsync("/stats?format=json"), "server.days_until_first_cert_expiring"));
        using var events = new SseReader(node, "events?types=certificate.expiring,certificate.expired");
        await events.FirstAsync();
        var until = DateTimeOffset.UtcNow.AddDays(3).AddHours(1);
        var (soon, own) = (authority.Issue("CN=soon", ["soon.test", "10.0.0.1"], until: until), authority.Issue("CN=own", ["own.test"]));
        (await node.PutAsync("listeners/tls", $$"""
            {"name":"tls","address":"127.0.0.1:0","stat_prefix":"tls","filter_chains":[{"filters":[{"name":"echo"}],
             "tls":{"certificates":[{{Pair(soon)}}],"trusted_ca":{{Text(authority.Pem)}} } }]}
            """)).Is(HttpStatusCode.Created);
        var told = (await events.NextAsync("certificate.expiring")).Json;
        Assert.Equal("soon.test", told.GetProperty("name").GetString());
        Assert.Equal("listener.tls", told.GetProperty("used_by").GetString());
        (await node.PutAsync("clusters/safe", $$"""
            {"endpoints":["127.0.0.1:9"],"tls":{"certificates":[{{Pair(own)}}],"sni":"x","trusted_ca":{{Text(authority.Pem)}} } }
            """)).Is(HttpStatusCode.Created);

        var certificates = (await node.GetAsync("/certs")).Json.GetProperty("certificates");
        Assert.Equal(2, certificates.GetArrayLength());
        var shown = certificates[0].GetProperty("cert_chain")[0];
        Assert.Equal(Convert.ToHexStringLower(soon.Serial), shown.GetProperty("serial_number").GetString());
        Assert.Equal("soon.test", shown.GetProperty("subject_alt_names")[0].GetProperty("dns").GetString());
        Assert.Equal("10.0.0.1", shown.GetProperty("subject_alt_names")[1].GetProperty("ip_address").GetString());
        Assert.Equal("3", shown.GetProperty("days_until_expiration").GetString());
        Assert.Single(certificates[0].GetProperty("ca_cert").EnumerateArray());
        var stats = await node.GetAsync("/stats?format=json");
        Assert.Equal(3, Value(stats, "server.days_until_first_cert_expiring"));
        Assert.Equal(until.ToUnixTimeSeconds(), Value(stats, "listener.tls.ssl.certificate.soon.test.expiration_unix_time_seconds"));
        Assert.True(Value(stats, "cluster.safe.ssl.certificate.own.test.expiration_unix_time_seconds") > until.ToUnixTimeSeconds());
        (await node.DeleteAsync("listeners/tls")).Is(HttpStatusCode.OK);
        Assert.DoesNotContain("soon.test", (await node.GetAsync("/stats?format=json")).Body); // names go with what they are of
    }

    private static double Value(Answer stats, string name) => stats.Json.GetProperty("stats").EnumerateArray()
        .Single(s => s.TryGetProperty("name", out var n) && n.GetString() == name).GetProperty("value").GetDouble();

    private static string Text(string text) => $$"""{"inline_string":{{JsonSerializer.Serialize(text)}} }""";

    private static string Pair(TestCertificate certificate) =>
        $$"""{"certificate_chain":{{Text(certificate.Chain)}},"private_key":{{Text(certificate.Key)}} }""";
}
