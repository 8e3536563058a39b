using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Filters.OAuth2;
using Managed.TestKit.Wasm;

namespace Managed.TestKit;

/// <summary>What goes over an <see cref="InMemoryPath"/>: the messages of both peers and what the connection manager is told.</summary>
/// <param name="Name">For people and for the command line.</param>
/// <param name="Request">As the client sends it.</param>
/// <param name="Response">As the upstream answers.</param>
/// <param name="Manager">Fields of the http_connection_manager, flow style.</param>
/// <param name="Filters">Items of http_filters in front of the router, each ending in a comma.</param>
/// <param name="Route">The action of the one route.</param>
public sealed record InMemoryPathCase(string Name, byte[] Request, byte[] Response, string Manager = "", string Filters = "",
    string Route = "route: {cluster: up}")
{
    private const string Fields = "host: example.test\r\nuser-agent: bench/1.0\r\naccept: */*\r\n";
    private const string Ok = "HTTP/1.1 200 OK\r\nserver: upstream\r\ncontent-type: text/plain\r\n";
    private static readonly string Body = new('x', 1000), Small = new('y', 64);

    private static readonly byte[] Get = Bytes($"GET /some/path?query=1 HTTP/1.1\r\n{Fields}\r\n");
    private static readonly byte[] Answer = Bytes($"{Ok}content-length: 64\r\n\r\n{Small}");

    /// <summary>Nothing but the router.</summary>
    public static InMemoryPathCase Plain { get; } = new("plain", Get, Answer);

    public static InMemoryPathCase Post { get; } = new("post",
        Bytes($"POST /form HTTP/1.1\r\n{Fields}content-type: text/plain\r\ncontent-length: 1000\r\n\r\n{Body}"),
            Bytes($"{Ok}content-length: 1000\r\n\r\n{Body}"));

    public static InMemoryPathCase Chunked { get; } = new("chunked",
        Bytes($"POST /form HTTP/1.1\r\n{Fields}transfer-encoding: chunked\r\n\r\n3e8\r\n{Body}\r\n40\r\n{Small}\r\n0\r\n\r\n"),
            Bytes($"{Ok}transfer-encoding: chunked\r\n\r\n3e8\r\n{Body}\r\n40\r\n{Small}\r\n0\r\n\r\n"));

    public static InMemoryPathCase HeaderMutation { get; } = new("header_mutation", Get, Answer, Filters: """
        {name: header_mutation, typed_config: {mutations: {request_mutations: [{append: {header: {key: x-path, value: "in %REQ(:PATH)%"}}}, {remove: accept}],
        response_mutations: [{append: {header: {key: x-code, value: "%RESPONSE_CODE%"}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}}]}}},
        """);

    /// <summary>A script with both hooks, each changing a header.</summary>
    public static InMemoryPathCase Lua { get; } = new("lua", Get, Answer, Filters: """
        {name: lua, typed_config: {inline_code: "function envoy_on_request(h) local hs = h:headers() hs:replace('x-lua', hs:get(':method')) end function envoy_on_response(h) h:headers():replace('x-lua', '1') end"}},
        """);

    /// <summary>All callbacks of a stream, with a header added in each direction.</summary>
    internal static byte[] HeaderModule { get; } = new WatGuest()
        .On("request_headers", """(drop (call $proxy_add_header_map_value (i32.const 0) "x-wasm" "1"))""")
            .On("response_headers", """(drop (call $proxy_add_header_map_value (i32.const 2) "x-wasm" "1"))""")
        .On("context_create", "").On("done", "").On("log", "").On("delete", "").Build();

    public static InMemoryPathCase Wasm { get; } = new("wasm", Get, Answer, Filters: WasmProxy.Filter(HeaderModule) + ",");

    /// <summary>The default line, to a file that keeps nothing.</summary>
    public static InMemoryPathCase AccessLog { get; } =
        new("access_log", Get, Answer, Manager: "access_log: [{name: file, typed_config: {path: /dev/null}}],");

    /// <summary>Answered by the route; no upstream.</summary>
    public static InMemoryPathCase DirectResponse { get; } =
        new("direct_response", Get, Answer, Route: "direct_response: {status: 200, body: {inline_string: hello}}");

    private static readonly string Token = Sign("""{"alg":"HS256"}""", """{"iss":"bench","sub":"jo"}""");

    /// <summary>
    /// Filters of access on a request that has all they ask for: a page of the same origin, a password, a token seen before.
    /// </summary>
    public static InMemoryPathCase Access { get; } = new("access",
        Bytes($"POST /some/path HTTP/1.1\r\n{Fields}origin: https://example.test\r\nauthorization: Basic am86cGFzczp3b3Jk\r\n"
            + $"x-token: {Token}\r\ncontent-length: 64\r\n\r\n{Small}"), Answer, Filters: """
        {name: cors}, {name: csrf, typed_config: {filter_enabled: {default_value: {numerator: 100}}}},
        {name: basic_auth, typed_config: {users: {inline_string: "jo:{SHA}JfOwpCDy5ASLqp0M24rdutzyYk8="}, forward_username_header: x-user}},
        {name: jwt_authn, typed_config: {providers: {p: {issuer: bench, from_headers: [{name: x-token}], claim_to_headers: [{header_name: x-sub, claim_name: sub}],
        local_jwks: {inline_string: '{"keys":[{"kty":"oct","k":"YmVuY2g"}]}'}}}, rules: [{match: {prefix: /}, requires: {provider_name: p}}]}},
        """, Route: "route: {cluster: up}, typed_per_filter_config: {cors: {allow_origin_string_match: [{suffix: .test}], expose_headers: x-a}}");

    /// <summary>Filters of traffic and data on a request that is let through by all of them.</summary>
    public static InMemoryPathCase Traffic { get; } = new("traffic",
        Bytes($"GET /some/path HTTP/1.1\r\n{Fields}x-tenant: a\r\n\r\n"), Answer, Filters: """
        {name: rbac, typed_config: {track_per_rule_stats: true, rules: {policies: {in: {permissions: [{and_rules: {rules: [{header: {name: x-tenant, string_match: {safe_regex: {regex: "[a-z]+"}}}}, {url_path: {path: {prefix: /some}}}]}}],
        principals: [{any: true}]}}}, shadow_rules: {action: DENY, policies: {out: {permissions: [{any: true}], principals: [{any: true}]}}}}},
        {name: set_metadata, typed_config: {metadata: [{metadata_namespace: n, value: {a: 1, b: {c: d}}}]}}, {name: cdn_loop, typed_config: {cdn_id: me}},
        {name: ip_tagging, typed_config: {ip_tags: [{ip_tag_name: all, ip_list: [{address_prefix: 0.0.0.0, prefix_len: 0}]}]}},
        {name: local_ratelimit, typed_config: {stat_prefix: rl, token_bucket: {max_tokens: 4294967295, fill_interval: 1s},
        descriptors: [{entries: [{key: tenant, value: a}], token_bucket: {max_tokens: 4294967295, fill_interval: 1s}}]}},
        """, Route: "route: {cluster: up, rate_limits: [{actions: [{request_headers: {header_name: x-tenant, descriptor_key: tenant}}]}]}");

    /// <summary>What an API has before it: a page of another origin, a role, a token seen before, a rate.</summary>
    public static InMemoryPathCase Guarded { get; } = new("guarded",
        Bytes($"GET /some/path HTTP/1.1\r\n{Fields}origin: https://a.test\r\nx-token: {Token}\r\n\r\n"), Answer, Filters: """
        {name: cors}, {name: rbac, typed_config: {rules: {policies: {in: {permissions: [{url_path: {path: {prefix: /some}}}], principals: [{any: true}]}}}}},
        {name: jwt_authn, typed_config: {providers: {p: {issuer: bench, from_headers: [{name: x-token}], jwt_cache_config: {jwt_cache_size: 100},
        local_jwks: {inline_string: '{"keys":[{"kty":"oct","k":"YmVuY2g"}]}'}}}, rules: [{match: {prefix: /}, requires: {provider_name: p}}]}},
        {name: local_ratelimit, typed_config: {stat_prefix: rl, token_bucket: {max_tokens: 4294967295, fill_interval: 1s},
        filter_enabled: {default_value: {numerator: 100}}, filter_enforced: {default_value: {numerator: 100}}}},
        """, Route: "route: {cluster: up}, typed_per_filter_config: {cors: {allow_origin_string_match: [{suffix: .test}]}}");

    /// <summary>An answer that is kept: the first request alone reaches the upstream.</summary>
    public static InMemoryPathCase CacheHit { get; } = new("cache_hit", Get,
        Bytes($"{Ok}cache-control: max-age=100000\r\ncontent-length: 64\r\n\r\n{Small}"), Filters: "{name: cache, typed_config: "
        + "{typed_config: {'@type': t/envoy.extensions.http.cache.simple_http_cache.v3.SimpleHttpCacheConfig}}},");

    /// <summary>An answer that is compressed on its way, by a context that is kept.</summary>
    public static InMemoryPathCase Compressor { get; } = new("compressor",
        Bytes($"GET /some/path HTTP/1.1\r\n{Fields}accept-encoding: gzip\r\n\r\n"), Answer,
        Filters: "{name: compressor, typed_config: {compressor_library: {name: gzip}}},");

    /// <summary>Filters that watch how requests go, none of which they refuse or change.</summary>
    public static InMemoryPathCase Limits { get; } = new("limits", Post.Request, Post.Response, Filters: """
        {name: custom_response, typed_config: {custom_response_matcher: {matcher_list: {matchers: [{predicate: {single_predicate: {input: {name: a, typed_config: {
        "@type": t/envoy.type.matcher.v3.HttpResponseStatusCodeClassMatchInput}}, value_match: {exact: 5xx}}}, on_match: {matcher: {}}}]}}}},
        {name: admission_control, typed_config: {success_criteria: {}}},
        {name: adaptive_concurrency, typed_config: {gradient_controller_config: {concurrency_limit_params: {concurrency_update_interval: 1s, min_concurrency_limit: 1000},
        min_rtt_calc_params: {interval: 3600s}}}},
        {name: bandwidth_limit, typed_config: {stat_prefix: bw, enable_mode: REQUEST_AND_RESPONSE, limit_kbps: 1000000000}},
        """);

    /// <summary>Somebody who has signed in: a session in cookies, two of them encrypted.</summary>
    public static InMemoryPathCase Session { get; } = new("session", SignedIn(), Answer, Filters: """
        {name: oauth2, typed_config: {config: {token_endpoint: {uri: "https://login.test/token", cluster: up, timeout: 3s}, authorization_endpoint: "https://login.test/",
        redirect_uri: "https://a/callback", redirect_path_matcher: {path: {exact: /callback}}, signout_path: {path: {exact: /signout}}, forward_bearer_token: true,
        credentials: {client_id: a, token_secret: {name: a, generic_secret: {secret: {inline_string: a}}},
        hmac_secret: {name: b, generic_secret: {secret: {inline_string: 0123456789abcdef}}}}}}},
        """);

    private static byte[] SignedIn()
    {
        var seal = new CookieSeal("0123456789abcdef"u8.ToArray());
        var cookie = new ByteWriter();
        cookie.Write("OauthHMAC="u8);
        seal.Sign("example.test\n99999999999\nacc\nidt\n"u8, cookie);
        cookie.Write("; OauthExpires=99999999999; BearerToken="u8);
        seal.Encrypt("acc"u8, "bearer"u8, cookie);
        cookie.Write("; other=1; IdToken="u8);
        seal.Encrypt("idt"u8, "id"u8, cookie);
        return Bytes($"GET /some/path HTTP/1.1\r\n{Fields}cookie: {Encoding.ASCII.GetString(cookie.Written)}\r\n\r\n");
    }

    /// <summary>The client speaks HTTP/2, and the upstream.</summary>
    public bool ByHttp2 { get; private init; }
    public bool ToHttp2 { get; private init; }

    public static IReadOnlyList<InMemoryPathCase> All { get; } =
    [
        Plain, Post, Chunked, HeaderMutation, Lua, Wasm, AccessLog, DirectResponse, Access, Traffic, Limits, Session, Compressor, Guarded,
        CacheHit,
        Plain with { Name = "h1-h2", ToHttp2 = true }, Plain with { Name = "h2-h1", ByHttp2 = true },
        Plain with { Name = "h2-h2", ByHttp2 = true, ToHttp2 = true },
    ];

    public override string ToString() => Name;

    /// <summary>Whether these bytes are one whole message of the case; it is not asked about two.</summary>
    internal static bool IsWhole(ReadOnlySpan<byte> message)
    {
        int head = message.IndexOf("\r\n\r\n"u8);
        if (head < 0) return false;
        int body = message.Length - head - 4;
        int field = message[..head].IndexOf("\r\ncontent-length: "u8);
        if (field < 0) return message[..head].IndexOf("\r\ntransfer-encoding: chunked"u8) < 0 || message.EndsWith("\r\n0\r\n\r\n"u8);
        int length = 0;
        for (int i = field + 18; i < head && message[i] is >= (byte)'0' and <= (byte)'9'; i++) length = length * 10 + message[i] - '0';
        return body == length;
    }

    private static string Sign(string header, string payload)
    {
        string signed = Base64Url.EncodeToString(Bytes(header)) + "." + Base64Url.EncodeToString(Bytes(payload));
        return signed + "." + Base64Url.EncodeToString(HMACSHA256.HashData("bench"u8, Bytes(signed)));
    }

    private static byte[] Bytes(string text) => Encoding.ASCII.GetBytes(text);
}
