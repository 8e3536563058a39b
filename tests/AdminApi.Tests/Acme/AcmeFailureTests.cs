using System.Net;
using System.Text.Json;
using Managed.TestKit;

namespace Managed.AdminApi.Tests.Acme;

/// <summary>An authority that is slow, dead, confused or hostile: the listener works in every case, and the certificate comes when it
/// can.</summary>
public sealed class AcmeFailureTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private const string Acme = "urn:ietf:params:acme:error:";

    private TestNode Node => fixture.Node;

    private static readonly Dictionary<string, (AcmeFault Fault, string Type)> Faults = new()
    {
        ["rate limit"] = (new(429, "rateLimited", "too many certificates", RetryAfter: "7200"), Acme + "rateLimited"),
        ["internal error"] = (new(500, "serverInternal"), Acme + "serverInternal"),
        ["bare 503"] = (new(503, Body: "<html>later</html>", ContentType: "text/html"), "http"),
        ["no JSON"] = (new(200, Body: "{\"status\":"), "malformed"),
        ["JSON of another kind"] = (new(200, Body: "[1,2]"), "malformed"),
        ["deep JSON"] = (new(200, Body: new string('[', 10_000)), "malformed"),
        ["wrong type"] = (new(200, Body: "<html></html>", ContentType: "text/html"), "malformed"),
        ["huge"] = (new(200, Body: new string(' ', 2 << 20)), "malformed"),
        ["redirect"] = (new(302, Location: "http://127.0.0.1:9/elsewhere"), "http"),
        ["never a good nonce"] = (new(400, "badNonce"), Acme + "badNonce"),
        ["hang"] = (new(Hangs: true), "timeout"),
    };

    [Theory]
    [InlineData("dir", "huge")]
    [InlineData("dir", "redirect")]
    [InlineData("dir", "no JSON")]
    [InlineData("dir", "hang")]
    [InlineData("nonce", "hang")]
    [InlineData("new-account", "never a good nonce")]
    [InlineData("new-account", "internal error")]
    [InlineData("new-order", "rate limit")]
    [InlineData("new-order", "deep JSON")]
    [InlineData("order", "bare 503")]
    [InlineData("authz", "JSON of another kind")]
    [InlineData("challenge", "internal error")]
    [InlineData("finalize", "wrong type")]
    [InlineData("cert", "huge")]
    [InlineData("cert", "wrong type")]
    public async Task CallThatFails_IsTold_AndTriedAgainLater_WithAWorkingListener(string call, string kind)
    {
        await using var one = await AcmeCase.BeginAsync(Node);
        var (fault, type) = Faults[kind];
        if (fault.Hangs)
            one.Manager.Limits = one.Manager.Limits with { Call = TimeSpan.FromMilliseconds(200) };
        one.Authority.Faults[call] = fault;
        await one.WantAsync();
        Assert.Equal(AcmeCase.Placeholder, await one.IssuerAsync());
        var status = await one.SettledAsync();
        Assert.Equal("failing", status.GetProperty("state").GetString());
        Assert.Equal(call == "cert" && kind == "wrong type" ? "certificate" : type, status.GetProperty("last_error").GetProperty("type")
            .GetString());
        Assert.InRange(status.GetProperty("next_attempt").GetDateTimeOffset() - one.Time.Now,
            fault.RetryAfter is null ? TimeSpan.FromMinutes(1) : TimeSpan.FromHours(2), TimeSpan.FromHours(2) + TimeSpan.FromSeconds(1));
        Assert.InRange(one.Authority.Calls.Count, 1, 25); // it is not hammered
        var before = one.Authority.Calls.Count;
        one.Manager.Look();
        await one.QuietAsync();
        Assert.Equal(before, one.Authority.Calls.Count); // nor sooner than was said

        one.Authority.Faults.Clear();
        one.Manager.Limits = one.Manager.Limits with { Call = TimeSpan.FromSeconds(30) };
        one.Time.Now = status.GetProperty("next_attempt").GetDateTimeOffset();
        status = await one.LookAsync();
        Assert.Equal("issued 0", $"{status.GetProperty("state")} {status.GetProperty("failures")}");
        await one.ShowsAsync(AcmeCase.Issuer);
    }

    [Fact]
    public async Task BadNonce_IsTriedAnew()
    {
        await using var one = await AcmeCase.BeginAsync(Node);
        one.Authority.BadNonces = 3;
        await one.WantAsync();
        Assert.Equal("issued", (await one.SettledAsync()).GetProperty("state").GetString());
    }

    [Fact]
    public async Task NameThatIsNotProved_IsToldWithTheAuthoritysWords_AndTheOtherWayIsTriedNext()
    {
        await using var one = await AcmeCase.BeginAsync(Node);
        using var events = new SseReader(Node, "events?types=certificate.renewal_failed");
        await events.FirstAsync();
        var port = one.Authority.TlsPort;
        one.Authority.TlsPort = one.Authority.HttpPort; // no TLS is there
        await one.WantAsync();
        var told = (await events.NextAsync("certificate.renewal_failed")).Json;
        Assert.Equal(Acme + "connection", told.GetProperty("type").GetString());
        Assert.StartsWith($"{one.Domain} is not proved by tls-alpn-01: ", told.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal("placeholder", told.GetProperty("serves").GetString());
        await one.QuietAsync();
        one.Time.Now += TimeSpan.FromMinutes(2);
        Assert.Equal("issued", (await one.LookAsync()).GetProperty("state").GetString());
        Assert.Equal(["tls-alpn-01", "http-01"], one.Authority.Proofs);
        Assert.NotEqual(0, port);
    }

    [Fact]
    public async Task AuthorityThatOffersNoneOfOurs_AndOneThatGivesAnotherCertificate_AreRefused()
    {
        await using var one = await AcmeCase.BeginAsync(Node);
        one.Authority.Offers = ["dns-01"];
        await one.WantAsync();
        Assert.Contains("by dns-01 alone", Error(await one.SettledAsync()), StringComparison.Ordinal);
        one.Authority.Offers = ["http-01", "tls-alpn-01"];
        using var other = System.Security.Cryptography.ECDsa.Create();
        foreach (var (mangled, words) in ((string, string)[])[
            (one.Authority.Issue(new(other), [one.Domain]), "of another key"),
                ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "no chain"),
            ("", "0 certificates")])
        {
            one.Authority.Mangle = _ => mangled;
            one.Time.Now += TimeSpan.FromDays(1.5);
            Assert.Contains(words, Error(await one.LookAsync()), StringComparison.Ordinal);
            Assert.Equal(AcmeCase.Placeholder, await one.IssuerAsync());
        }
    }

    [Fact]
    public async Task FailedRenewal_LeavesTheFormerCertificate_AndPausesGrow()
    {
        await using var one = await AcmeCase.BeginAsync(Node);
        await one.WantAsync();
        await one.ShowsAsync(AcmeCase.Issuer);
        await one.QuietAsync();
        one.Authority.Faults["new-order"] = new(500);
        one.Time.Now += one.Authority.Life * 0.7;
        var pauses = new List<TimeSpan>();
        for (var failures = 1; failures <= 5; failures++)
        {
            var status = await one.LookAsync();
            Assert.Equal(failures, status.GetProperty("failures").GetInt32());
            Assert.Equal("certificate", status.GetProperty("serves").GetString());
            var next = status.GetProperty("next_attempt").GetDateTimeOffset();
            pauses.Add(next - one.Time.Now);
            one.Time.Now = next;
        }
        for (var i = 0; i < pauses.Count; i++)
            Assert.InRange(pauses[i], TimeSpan.FromMinutes(1 << i), TimeSpan.FromMinutes(1 << i) * 1.2);
        Assert.Equal(AcmeCase.Issuer, await one.IssuerAsync());
        one.Authority.Faults["new-order"] = new(429, "rateLimited", RetryAfter: "90000");
        var limited = await one.LookAsync();
        Assert.InRange(limited.GetProperty("next_attempt").GetDateTimeOffset() - one.Time.Now, TimeSpan.FromSeconds(89_999),
            TimeSpan.FromSeconds(90_001));
        // Not even the operator's word counts against the authority's.
        var refused = (await Node.PostAsync($"acme_certificates/{await one.IdAsync()}/renew")).IsProblem(HttpStatusCode.TooManyRequests,
            "RATE_LIMITED");
        Assert.Equal(90_000, refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 2d);
    }

    private static string Error(JsonElement status) => status.GetProperty("last_error").GetProperty("detail").GetString()!;
}
