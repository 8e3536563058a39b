using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.JwtAuthn;

/// <summary>Tokens of local keys: places, requirements, refusals, and what is passed on.</summary>
public sealed class JwtAuthnFilterTests(JwtAuthnFilterTests.Edge edge) : IClassFixture<JwtAuthnFilterTests.Edge>
{
    private const string Echo = "%REQ(:PATH)% [%REQ(authorization)%] [%REQ(x-claim)%] [%REQ(x-payload)%] "
        + "%DYNAMIC_METADATA(envoy.filters.http.jwt_authn)%";

    public sealed class Edge : IAsyncLifetime
    {
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Proxy = await ProxyFixture.StartAsync($$$$$$"""
            listeners:
            - name: edge
              address: 127.0.0.1:0
              filter_chains:
              - filters:
                - name: http_connection_manager
                  typed_config:
                    stat_prefix: edge
                    http_filters:
                    - name: jwt_authn
                      typed_config:
                        bypass_cors_preflight: true
                        providers:
                          a: {issuer: a, local_jwks: &keys {inline_string: '{{{{{{Tokens.Jwks}}}}}}'}}
                          b: {issuer: b, audiences: ["https://b.test/", other], local_jwks: *keys, from_headers: [{name: x-b, value_prefix: "B "}],
                            from_params: [jb], from_cookies: [cb], forward: true}
                          strict: {issuer: s, local_jwks: *keys, require_expiration: true, subjects: {prefix: "spiffe://"}, clock_skew_seconds: 1}
                          short: {issuer: t, local_jwks: *keys, max_lifetime: 60s, failed_status_in_metadata: why}
                          show: {issuer: c, local_jwks: *keys, forward_payload_header: x-payload, pad_forward_payload_header: true,
                            claim_to_headers: [{header_name: X-Claim, claim_name: sub}, {header_name: x-claim, claim_name: deep.n}],
                            payload_in_metadata: p, header_in_metadata: h, normalize_payload_in_metadata: {space_delimited_claims: [scope]},
                            jwt_cache_config: {jwt_cache_size: 2}}
                        requirement_map: {named: {provider_name: a}}
                        rules:
                        - {match: {prefix: /free}}
                        - {match: {path_separated_prefix: /a}, requires: {provider_name: a}}
                        - {match: {prefix: /b}, requires: {provider_name: b}}
                        - {match: {path: /aud}, requires: {provider_and_audiences: {provider_name: b, audiences: [special]}}}
                        - {match: {prefix: /strict}, requires: {provider_name: strict}}
                        - {match: {prefix: /t}, requires: {provider_name: short}}
                        - {match: {safe_regex: {regex: "/show.*"}}, requires: {provider_name: show}}
                        - {match: {prefix: /any}, requires: {requires_any: {requirements: [{provider_name: a}, {provider_name: b}]}}}
                        - {match: {prefix: /all}, requires: {requires_all: {requirements: [{provider_name: a}, {provider_name: b}]}}}
                        - {match: {prefix: /miss}, requires: {requires_any: {requirements: [{allow_missing: {}}, {provider_name: a}]}}}
                        - {match: {prefix: /either}, requires: {allow_missing: {}}}
                        - {match: {prefix: /fail}, requires: {allow_missing_or_failed: {}}}
                        - {match: {prefix: /h, headers: [{name: x-need}], query_parameters: [{name: q}]}, requires: {provider_name: a}}
                        - {match: {prefix: /name}, requirement_name: named}
                        filter_state_rules: {name: who, requires: {needs-a: {provider_name: a}}}
                    - {name: router}
                    route_config:
                      name: local
                      virtual_hosts:
                      - name: all
                        domains: ["*"]
                        routes:
                        - {match: {prefix: /route/named}, direct_response: {status: 200}, typed_per_filter_config: {jwt_authn: {requirement_name: named}}}
                        - {match: {prefix: /route/wrong}, direct_response: {status: 200}, typed_per_filter_config: {jwt_authn: {requirement_name: none}}}
                        - {match: {prefix: /a/off}, direct_response: {status: 200}, typed_per_filter_config: {jwt_authn: {"@type": envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig, disabled: true}}}
                        - {match: {prefix: /}, direct_response: {status: 200, body_format: {text_format: "{{{{{{Echo}}}}}}"}}}
            """);

        public ValueTask DisposeAsync() => Proxy.DisposeAsync();
    }

    private async Task<RawResponse> GetAsync(string path, params string[] fields)
        => await edge.Proxy.GetAsync(path, headers: string.Concat(fields.Select(f => f + "\r\n")));

    private static string Bearer(string token) => "authorization: Bearer " + token;

    [Theory]
    [InlineData("RS256", "rsa")]
    [InlineData("RS384", "rsa")]
    [InlineData("RS512", null)]
    [InlineData("PS256", "rsa")]
    [InlineData("PS384", null)]
    [InlineData("PS512", "rsa")]
    [InlineData("ES256", "P-256")]
    [InlineData("ES384", "P-384")]
    [InlineData("ES512", null)]
    [InlineData("HS256", "oct")]
    [InlineData("HS384", null)]
    [InlineData("HS512", "oct")]
    public async Task Algorithm_IsVerified(string alg, string? kid)
    {
        string token = Tokens.Sign("""{"iss":"a"}""", alg, kid);
        Assert.Equal(200, (await GetAsync("/a", Bearer(token))).Status);
        int letter = token.LastIndexOf('.') + 5; // of the signature
        string other = token[..letter] + (token[letter] == 'A' ? 'B' : 'A') + token[(letter + 1)..];
        Assert.Equal("Jwt verification fails", (await GetAsync("/a", Bearer(other))).Text);
    }

    public static TheoryData<string, string, int, string> Refusals => new()
    {
        { "/a", "", 401, "Jwt is missing" },
        { "/a", "x.y", 401, "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections" },
        { "/a", "x.y.z.w", 401, "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections" },
        { "/a", "..", 401, "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections" },
        { "/a", "e!.e30.AA", 401, "Jwt header is an invalid Base64url encoded" },
        { "/a", "e30=.e30.AA", 401, "Jwt header is an invalid Base64url encoded" },
        { "/a", Tokens.Url("[1]"u8) + ".e30.AA", 401, "Jwt header is an invalid JSON" },
        { "/a", "e30.e30.AA", 401, "Jwt header [alg] field is required and must be a string" },
        { "/a", Tokens.Sign("""{"iss":"a"}""", "none"), 401, "Jwt header [alg] is not supported" },
        { "/a", Tokens.Sign("{"), 401, "Jwt payload is an invalid JSON" },
        { "/a", Tokens.Sign(new string('[', 200) + new string(']', 200)), 401, "Jwt payload is an invalid JSON" },
        { "/a", Tokens.Sign("""{"iss":1}"""), 401, "Jwt payload [iss] field is not a string" },
        { "/a", Tokens.Sign("""{"iss":"a","exp":"soon"}"""), 401, "Jwt payload [exp] field is not an integer" },
        { "/a", Tokens.Sign("""{"iss":"a","aud":[1]}"""), 401, "Jwt payload [aud] field is not a string or string list" },
        { "/a", Tokens.Sign("""{"iss":"b"}"""), 401, "Jwt issuer is not configured" },
        { "/a", Tokens.Sign("""{"iss":"a"}""", "HS256", "unknown"), 401, "Jwks doesn't have key to match kid or alg from Jwt" },
        { "/a", Tokens.Sign("""{"iss":"a"}""", "HS256", "rsa"), 401, "Jwt verification fails" },
        { "/a", Tokens.SignWithPublicKey("""{"iss":"a"}"""), 401, "Jwt verification fails" },
        { "/a", Tokens.Sign($$"""{"iss":"a","exp":{{Tokens.Now - 3600}}}"""), 401, "Jwt is expired" },
        { "/a", Tokens.Sign($$"""{"iss":"a","nbf":{{Tokens.Now + 3600}}}"""), 401, "Jwt not yet valid" },
        { "/strict", Tokens.Sign("""{"iss":"s","sub":"spiffe://x"}"""), 401, "Jwt lifetime is not allowed" },
        { "/strict", Tokens.Sign($$"""{"iss":"s","sub":"x","exp":{{Tokens.Now + 3600}}}"""), 401, "Subject in Jwt is not allowed" },
        { "/strict", Tokens.Sign($$"""{"iss":"s","sub":"spiffe://x","exp":{{Tokens.Now - 30}}}"""), 401, "Jwt is expired" },
        { "/t", Tokens.Sign($$"""{"iss":"t","exp":{{Tokens.Now + 3600}}}"""), 401, "Jwt lifetime is not allowed" },
    };

    [Theory, MemberData(nameof(Refusals))]
    public async Task WrongToken_IsRefusedInEnvoysWords(string path, string token, int status, string says)
    {
        long denied = edge.Proxy.Stat("http.edge.jwt_authn.denied");
        var answer = token.Length == 0 ? await GetAsync(path) : await GetAsync(path, Bearer(token));
        Assert.Equal((status, says), (answer.Status, answer.Text));
        Assert.Equal($"Bearer realm=\"http://example.test{path}\"" + (token.Length == 0 ? "" : ", error=\"invalid_token\""),
            answer["www-authenticate"]);
        Assert.Equal(denied + 1, edge.Proxy.Stat("http.edge.jwt_authn.denied"));
    }

    [Fact]
    public async Task Realm_IsNotEndedByTheClient()
    {
        var answer = await GetAsync("/a/\"x?access_token=1");
        Assert.Equal("Bearer realm=\"http://example.test/a/_x\", error=\"invalid_token\"", answer["www-authenticate"]);
    }

    [Fact]
    public async Task OfSeveralTokens_AllHaveToBeGood()
    {
        string good = Tokens.Sign("""{"iss":"a"}""");
        Assert.Equal(200, (await GetAsync("/a?access_token=" + good, Bearer(good))).Status);
        Assert.Equal(401, (await GetAsync("/a?access_token=" + good, Bearer(good + "x"))).Status);
        Assert.Equal(401, (await GetAsync("/a?access_token=x" + good, Bearer(good))).Status);
        Assert.Equal(401, (await GetAsync("/a", Bearer(good), Bearer("a.b.c"))).Status);
    }

    [Fact]
    public async Task Token_IsTakenOutOfTheRequestUnlessItIsForwarded()
    {
        string a = Tokens.Sign("""{"iss":"a"}"""), b = Tokens.Sign("""{"iss":"b","aud":["x","b.test"]}""");
        Assert.StartsWith("/a?y=2&z [-] ", (await GetAsync($"/a?y=2&access_token={a}&z", Bearer(a))).Text);
        Assert.Equal(401, (await GetAsync("/b", Bearer(b))).Status); // it looks elsewhere
        Assert.Equal(200, (await GetAsync("/b", "x-b: B " + b)).Status);
        Assert.Equal(401, (await GetAsync("/b", "x-b: " + b)).Status);
        Assert.StartsWith($"/b?jb={b} ", (await GetAsync("/b?jb=" + b)).Text);
        Assert.Equal(200, (await GetAsync("/b?jb=" + b.Replace(".", "%2E"))).Status);
        Assert.Equal(200, (await GetAsync("/b", $"cookie: x=1; cb=\"{b}\"; y=2")).Status);
        Assert.Equal(200, (await GetAsync("/b", "cookie: x=1", $"cookie: cb={b}")).Status);
    }

    [Fact]
    public async Task Audience_IsOneOfTheProvidersOrOfTheRequirement()
    {
        string b = Tokens.Sign("""{"iss":"b","aud":"other"}"""), special = Tokens.Sign("""{"iss":"b","aud":["special"]}""");
        Assert.Equal(200, (await GetAsync("/b", "x-b: B " + b)).Status);
        Assert.Equal((403, "Audiences in Jwt are not allowed"), Both(await GetAsync("/b", "x-b: B " + special)));
        Assert.Equal(200, (await GetAsync("/aud", "x-b: B " + special)).Status);
        Assert.Equal(403, (await GetAsync("/aud", "x-b: B " + b)).Status); // remembered, and looked at again
    }

    [Fact]
    public async Task Claims_ArePassedOnAndClientsCannotSayThem()
    {
        string token = Tokens.Sign("""{"iss":"c","sub":"Jo","deep":{"n":7},"scope":"a b"}""");
        var answer = await GetAsync("/show", Bearer(token), "x-claim: forged", "x-payload: forged");
        string payload = token.Split('.')[1];
        Assert.StartsWith($"/show [-] [Jo] [{payload.PadRight((payload.Length + 3) / 4 * 4, '=')}] ", answer.Text);
        Assert.Contains("""{"h":{"alg":"HS256"},"p":{"iss":"c","sub":"Jo","deep":{"n":7},"scope":["a","b"]}}""", answer.Text);
        answer = await GetAsync("/free", "x-claim: forged", "x-payload: forged");
        Assert.StartsWith("/free [-] [-] [-] ", answer.Text); // nor where nothing is required
    }

    [Theory]
    [InlineData("/any", "", 401)]
    [InlineData("/any", "a", 200)]
    [InlineData("/any", "b", 200)]
    [InlineData("/any", "bad", 401)]
    [InlineData("/all", "a", 401)]
    [InlineData("/all", "a b", 200)]
    [InlineData("/all", "bad b", 401)]
    [InlineData("/miss", "", 200)]
    [InlineData("/miss", "a", 200)]
    [InlineData("/miss", "bad", 401)]
    [InlineData("/either", "", 200)]
    [InlineData("/either", "a b", 200)]
    [InlineData("/either", "a badb", 401)]
    [InlineData("/either", "junk", 401)]
    [InlineData("/either", "stranger", 401)]
    [InlineData("/fail", "", 200)]
    [InlineData("/fail", "bad", 200)]
    [InlineData("/fail", "junk", 200)]
    [InlineData("/h", "", 200)] // the rule asks for more
    [InlineData("/h?q=1", "need", 401)]
    [InlineData("/h?q=1", "need a", 200)]
    [InlineData("/name", "", 401)]
    [InlineData("/name", "a", 200)]
    [InlineData("/route/named", "", 401)]
    [InlineData("/route/named", "a", 200)]
    [InlineData("/route/wrong", "a", 403)]
    [InlineData("/a/off", "", 200)]
    [InlineData("/other", "bad", 200)]
    public async Task Requirement_HoldsForWhatTheRequestHas(string path, string has, int status)
    {
        string[] fields = [.. has.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(what => what switch
        {
            "a" => Bearer(Tokens.Sign("""{"iss":"a"}""")),
            "b" => "x-b: B " + Tokens.Sign("""{"iss":"b","aud":"other"}"""),
            "badb" => "x-b: B " + Tokens.Sign("""{"iss":"b","aud":"other"}""") + "x",
            "bad" => Bearer(Tokens.Sign("""{"iss":"a","exp":1}""")),
            "stranger" => Bearer(Tokens.Sign("""{"iss":"z"}""")),
            "need" => "x-need: 1",
            _ => Bearer("junk"),
        })];
        Assert.Equal(status, (await GetAsync(path, fields)).Status);
    }

    [Fact]
    public async Task Preflight_NeedsNoToken()
    {
        await using var client = await edge.Proxy.ConnectAsync();
        const string head = "OPTIONS /a HTTP/1.1\r\nHost: a\r\norigin: https://x.test\r\n";
        Assert.Equal(200, (await client.AskAsync(head + "access-control-request-method: PUT\r\n\r\n")).Status);
        Assert.Equal(401, (await client.AskAsync(head + "\r\n")).Status);
    }

    [Fact]
    public async Task VerifiedToken_IsRemembered()
    {
        string token = Tokens.Sign("""{"iss":"c","sub":"once"}""");
        long hits = edge.Proxy.Stat("http.edge.jwt_authn.jwt_cache_hit");
        for (int i = 0; i < 3; i++) Assert.Contains("[once]", (await GetAsync("/show", Bearer(token))).Text);
        Assert.Equal(hits + 2, edge.Proxy.Stat("http.edge.jwt_authn.jwt_cache_hit"));
        foreach (string sub in new[] { "x", "y" }) await GetAsync("/show", Bearer(Tokens.Sign($$"""{"iss":"c","sub":"{{sub}}"}""")));
        await GetAsync("/show", Bearer(token)); // two are remembered, and it was the first to come
        Assert.Equal(hits + 2, edge.Proxy.Stat("http.edge.jwt_authn.jwt_cache_hit"));
    }

    [Theory]
    [InlineData("providers: {p: {issuer: x}}", "local_jwks")]
    [InlineData("rules: [{match: {prefix: /}, requires: {provider_name: none}}]", "provider 'none' does not exist")]
    [InlineData("rules: [{match: {prefix: /}, requirement_name: none}]", "'none' is not in requirement_map")]
    [InlineData("rules: [{match: {prefix: /}, requires: {extract_only_without_validation: {}}}]", "is not supported")]
    [InlineData("providers: {p: {remote_jwks: {http_uri: {uri: 'http://x/', cluster: none, timeout: 1s}}}}",
        "cluster 'none' does not exist")]
    [InlineData("providers: {p: {remote_jwks: {http_uri: {uri: 'x', cluster: none, timeout: 1s}}}}", "is no URL")]
    [InlineData("providers: {p: {local_jwks: {inline_string: '{}'}, from_headers: [{name: 'a b'}]}}", "is not a header name")]
    public void WrongConfiguration_IsRefused(string config, string says)
    {
        var built = edge.Proxy.Build("listeners: [{name: a, address: '127.0.0.1:0', routes: [], http_filters: [{name: jwt_authn, "
            + $"typed_config: {{{config}}}}}]}}]");
        Assert.Contains(built.Errors, e => e.Detail.Contains(says, StringComparison.Ordinal));
    }

    [Fact]
    public void KeySetThatIsNone_IsWarnedOfAndNothingPasses()
    {
        var built = edge.Proxy.Build("listeners: [{name: a, address: '127.0.0.1:0', routes: [], http_filters: [{name: jwt_authn, "
            + "typed_config: {providers: {p: {local_jwks: {inline_string: ACADADADADA}}}}}]}]");
        Assert.Empty(built.Errors);
        Assert.Contains(built.Warnings, w => w.Detail.Contains("no token of provider 'p' passes", StringComparison.Ordinal));
    }

    private static (int, string) Both(RawResponse answer) => (answer.Status, answer.Text);
}
