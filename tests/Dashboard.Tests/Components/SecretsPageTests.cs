using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Managed.Dashboard.Components.Pages;

namespace Managed.Dashboard.Tests.Components;

public sealed class SecretsPageTests
{
    private const string List = "secrets?page_size=200", Document = "config";

    [Fact]
    public async Task Secrets_SayForWhomHowLongAndWhoUsesThem_AndNeverAKey()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer(List, new JsonObject
        {
            ["items"] = new JsonArray(
                Secret("shop", "tls_certificate", "certificate_chain", new JsonObject { ["inline_string"] = Certificate(40) }),
                Secret("old", "tls_certificate", "certificate_chain", new JsonObject { ["inline_string"] = Certificate(-3) }),
                Secret("filed", "tls_certificate", "certificate_chain", new JsonObject { ["filename"] = "/etc/tls/a.pem" }),
                Secret("ca", "validation_context", "trusted_ca", new JsonObject { ["inline_string"] = "no certificate" }),
                new JsonObject { ["name"] = "tickets", ["session_ticket_keys"] = new JsonObject() }),
        }.ToJsonString());
        api.Answer(Document, """
            {"listeners":[{"name":"edge","filter_chains":[{"transport_socket":{"typed_config":{"common_tls_context":
              {"tls_certificate_sds_secret_configs":[{"name":"shop"}]}}}}]},{"name":"shop"}],
             "clusters":[{"name":"up","transport_socket":{"typed_config":{"common_tls_context":
              {"combined_validation_context":{"validation_context_sds_secret_config":{"name":"ca"}}}}}}]}
            """);
        var page = context.Render<Secrets>();
        page.WaitForAssertion(() => Assert.Equal(["ca", "filed", "old", "shop", "tickets"],
            page.FindAll("tbody th").Select(t => t.TextContent.Trim())));
        var rows = page.FindAll("tbody tr").ToDictionary(r => r.QuerySelector("th")!.TextContent.Trim(),
            r => r.QuerySelectorAll("td").Select(c => c.TextContent.Trim()).ToList());
        Assert.Equal(["certificate and key", "shop.example, *.shop.example", "shop.example", "39", "edge"], rows["shop"]);
        Assert.Equal("expired", rows["old"][3]);
        Assert.Equal(["certificate and key", "file /etc/tls/a.pem", "—", "–", "nobody"], rows["filed"]);
        Assert.Equal(["trusted certificates", "—", "—", "–", "up"], rows["ca"]);
        Assert.Equal("session ticket keys", rows["tickets"][0]);
        Assert.Equal("/clusters/up", page.Find("tbody td a[href^='/clusters']").GetAttribute("href"));
        Assert.DoesNotContain("redacted", page.Markup);
    }

    [Fact]
    public async Task NoSecret_SaysWhatTheyAreFor()
    {
        var (context, api) = ScriptedApi.Create("viewer");
        await using var _ = context;
        api.Answer(List, """{"items":[]}""");
        var page = context.Render<Secrets>();
        page.WaitForAssertion(() => Assert.Contains("No secret yet", page.Markup));
        Assert.Empty(page.FindAll("a[href='/secrets/new']"));
    }

    private static JsonObject Secret(string name, string kind, string chain, JsonObject source) => new()
    {
        ["name"] = name,
        [kind] = new JsonObject { [chain] = source, ["private_key"] = new JsonObject { ["inline_string"] = "[redacted sha256:00]" } },
    };

    private static string Certificate(int days)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=shop.example", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("shop.example");
        names.AddDnsName("*.shop.example");
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-9), DateTimeOffset.UtcNow.AddDays(days));
        return certificate.ExportCertificatePem();
    }
}
