using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Rbac;

public sealed class RbacFilterTests(RbacFilterTests.Table table) : IClassFixture<RbacFilterTests.Table>
{
    private const string Anybody = "principals: [{any: true}]", Anything = "permissions: [{any: true}]";

    /// <summary>Rules that let a request in when they match, the request, and whether they do.</summary>
    private static readonly (string Policy, string Path, string[] Fields, bool Matches)[] Cases =
    [
        (Asks("any: true"), "/", [], true),
        (Asks("header: {name: x-role, string_match: {exact: admin}}"), "/", ["x-role: admin"], true),
        (Asks("header: {name: x-role, string_match: {exact: admin}}"), "/", ["x-role: user"], false),
        (Asks("header: {name: x-role, string_match: {exact: admin}}"), "/", ["x-role: user", "x-role: admin"], false),
        (Asks("header: {name: x-role, string_match: {contains: admin}}"), "/", ["x-role: user", "x-role: admin"], true),
        (Asks("header: {name: ':method', string_match: {exact: GET}}"), "/", [], true),
        (Asks("url_path: {path: {exact: /a}}"), "/a?b=c", [], true),
        (Asks("url_path: {path: {exact: /a}}"), "/a/b", [], false),
        (Asks("url_path: {path: {prefix: /ADMIN, ignore_case: true}}"), "/admin/x", [], true),
        (Asks("url_path: {path: {safe_regex: {regex: '/v[0-9]+'}}}"), "/v12", [], true),
        (Asks("url_path: {path: {safe_regex: {regex: '/v[0-9]+'}}}"), "/v12/x", [], false),
        (Asks("destination_ip: {address_prefix: 127.0.0.0, prefix_len: 8}"), "/", [], true),
        (Asks("destination_ip: {address_prefix: 10.0.0.0, prefix_len: 8}"), "/", [], false),
        (Asks("destination_port: 1"), "/", [], false),
        (Asks("destination_port_range: {start: 1, end: 65536}"), "/", [], true),
        (Asks("destination_port_range: {start: 1, end: 2}"), "/", [], false),
        (Asks("requested_server_name: {exact: ''}"), "/", [], true),
        (Asks("requested_server_name: {prefix: a}"), "/", [], false),
        (Asks("not_rule: {url_path: {path: {exact: /a}}}"), "/a", [], false),
        (Asks("and_rules: {rules: [{url_path: {path: {exact: /a}}}, {header: {name: x}}]}"), "/a", ["x: 1"], true),
        (Asks("and_rules: {rules: [{url_path: {path: {exact: /a}}}, {header: {name: x}}]}"), "/a", [], false),
        (Asks("or_rules: {rules: [{url_path: {path: {exact: /a}}}, {header: {name: x}}]}"), "/b", ["x: 1"], true),
        (Asks("or_rules: {rules: [{url_path: {path: {exact: /a}}}, {header: {name: x}}]}"), "/b", [], false),
        (Asks(Meta("value: {string_match: {exact: one}}")), "/", ["x-meta: one"], true),
        (Asks(Meta("value: {string_match: {exact: one}}")), "/", ["x-meta: two"], false),
        (Asks(Meta("value: {string_match: {exact: one}}, invert: true")), "/", ["x-meta: two"], true),
        (Asks(Meta("value: {present_match: true}")), "/", ["x-meta: two"], true),
        (Asks(Meta("value: {present_match: true}")), "/", [], false),
        (Asks(Meta("value: {present_match: false}")), "/", [], true),
        (Asks(Meta("value: {null_match: {}}")), "/", [], false),
        (Asks(Meta("value: {or_match: {value_matchers: [{bool_match: true}, {string_match: {prefix: t}}]}}")), "/", ["x-meta: two"], true),
        (Asks(Meta("value: {double_match: {exact: 3}}", "number")), "/", [], true),
        (Asks(Meta("value: {double_match: {range: {start: 3, end: 4}}}", "number")), "/", [], true),
        (Asks(Meta("value: {double_match: {range: {start: 2, end: 3}}}", "number")), "/", [], false),
        (Asks(Meta("value: {bool_match: true}", "truth")), "/", [], true),
        (Asks(Meta("value: {bool_match: false}", "truth")), "/", [], false),
        (Asks(Meta("value: {list_match: {one_of: {string_match: {exact: b}}}}", "list")), "/", [], true),
        (Asks(Meta("value: {list_match: {one_of: {string_match: {exact: c}}}}", "list")), "/", [], false),
        (Asks(Meta("value: {present_match: true}", "list")), "/", [], false),
        (Asks("sourced_metadata: {metadata_source: ROUTE, metadata_matcher: {filter: team, path: [{key: a}, {key: b}], "
            + "value: {double_match: {exact: 7}}}}"), "/", [], true),
        (Asks("sourced_metadata: {metadata_source: ROUTE, metadata_matcher: {filter: team, path: [{key: c}], "
            + "value: {list_match: {one_of: {bool_match: true}}}}}"), "/", [], true),
        (Asks("sourced_metadata: {metadata_matcher: {filter: team, path: [{key: a}], value: {present_match: true}}}"), "/", [], false),
        (Who("remote_ip: {address_prefix: 9.9.9.9, prefix_len: 32}"), "/", ["x-forwarded-for: 9.9.9.9"], true),
        (Who("remote_ip: {address_prefix: 127.0.0.1, prefix_len: 32}"), "/", ["x-forwarded-for: 9.9.9.9"], false),
        (Who("direct_remote_ip: {address_prefix: 127.0.0.1, prefix_len: 32}"), "/", ["x-forwarded-for: 9.9.9.9"], true),
        (Who("source_ip: {address_prefix: 127.0.0.1, prefix_len: 32}"), "/", ["x-forwarded-for: 9.9.9.9"], true),
        (Who("remote_ip: {address_prefix: '::', prefix_len: 0}"), "/", [], false),
        (Who("authenticated: {}"), "/", [], false),
        (Who("header: {name: x-user, present_match: true}"), "/", ["x-user: a"], true),
        (Who("url_path: {path: {suffix: .css}}"), "/a.css?x", [], true),
        (Who("metadata: {filter: envoy.filters.http.lua, path: [{key: m}], value: {string_match: {exact: one}}}"), "/",
            ["x-meta: one"], true),
        (Who("filter_state: {key: who, string_match: {exact: 10.1.2.3}}"), "/", ["x-state: 10.1.2.3"], true),
        (Who("filter_state: {key: who, string_match: {exact: 10.1.2.3}}"), "/", [], false),
        (Who("filter_state: {key: who, address_match: {ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}]}}"), "/",
            ["x-state: 10.1.2.3"], true),
        (Who("filter_state: {key: who, address_match: {ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}], invert_match: true}}"), "/",
            ["x-state: 10.1.2.3"], false),
        (Who("not_id: {any: true}"), "/", [], false),
        (Who("and_ids: {ids: [{header: {name: a}}, {header: {name: b}}]}"), "/", ["a: 1", "b: 1"], true),
        (Who("or_ids: {ids: [{header: {name: a}}, {header: {name: b}}]}"), "/", ["b: 1"], true),
    ];

    public static TheoryData<int> Rows => [.. Enumerable.Range(0, Cases.Length)];

    private static string Whole(string yaml) => yaml.Replace("ANYBODY", Anybody, StringComparison.Ordinal)
        .Replace("ANYTHING", Anything, StringComparison.Ordinal);

    private static string Asks(string rule) => $"{{permissions: [{{{rule}}}], {Anybody}}}";
    private static string Who(string rule) => $"{{{Anything}, principals: [{{{rule}}}]}}";
    private static string Meta(string test, string key = "m")
        => $"metadata: {{filter: envoy.filters.http.lua, path: [{{key: {key}}}], {test}}}";

    /// <summary>One proxy with all cases: a route for each, once with ALLOW and once with DENY.</summary>
    public sealed class Table : IAsyncLifetime
    {
        internal LiveProxy Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            var routes = Cases.SelectMany((c, i) => new[] { "ALLOW", "DENY" }.Select(action =>
                $"{{name: {action}{i}, match: {{prefix: /, headers: [{{name: x-case, string_match: {{exact: '{action}{i}'}}}}]}}, "
                + "metadata: {filter_metadata: {team: {a: {b: 7}, c: [false, true]}}}, direct_response: {status: 200}, "
                + $"typed_per_filter_config: {{rbac: {{rbac: {{rules: {{action: {action}, policies: {{p: {c.Policy}}}}}}}}}}}}}"));
            Proxy = await LiveProxy.StartAsync("""
                {name: lua, typed_config: {inline_code: "function envoy_on_request(h) local m = h:streamInfo():dynamicMetadata() local x = h:headers():get('x-meta') if x then m:set('envoy.filters.http.lua', 'm', x) end m:set('envoy.filters.http.lua', 'number', 3) m:set('envoy.filters.http.lua', 'truth', true) m:set('envoy.filters.http.lua', 'list', {'a', 'b'}) local s = h:headers():get('x-state') if s then h:streamInfo():filterState():set('who', s) end end"}},
                {name: rbac}
                """, string.Join(", ", routes), more: "use_remote_address: false");
        }

        public async ValueTask DisposeAsync() => await Proxy.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task Policy_LetsInOrKeepsOutWhatItMatches(int row)
    {
        var (_, path, fields, matches) = Cases[row];
        string allowed = await table.Proxy.GetAsync(path, [$"x-case: ALLOW{row}", .. fields]);
        string denied = await table.Proxy.GetAsync(path, [$"x-case: DENY{row}", .. fields]);
        Assert.StartsWith(matches ? "HTTP/1.1 200" : "HTTP/1.1 403", allowed);
        Assert.StartsWith(matches ? "HTTP/1.1 403" : "HTTP/1.1 200", denied);
    }

    private const string Notes = "{name: noted, match: {prefix: /}, direct_response: {status: 200}, "
        + "response_headers_to_add: [{header: {key: x-shadow, value: '%DYNAMIC_METADATA(envoy.filters.http.rbac:nextshadow_engine_result)% "
        + "%DYNAMIC_METADATA(envoy.filters.http.rbac:nextshadow_effective_policy_id)%'}}, {header: {key: x-enforced, value: "
        + "'%DYNAMIC_METADATA(envoy.filters.http.rbac:enforced_engine_result)%'}}, {header: {key: x-hint, value: "
        + "'%DYNAMIC_METADATA(envoy.common:access_log_hint)%'}}]" + "}";

    [Fact]
    public async Task ShadowRules_OnlyNoteAndCount()
    {
        await using var proxy = await LiveProxy.StartAsync(Whole("""
            {name: rbac, typed_config: {track_per_rule_stats: true, shadow_rules_stat_prefix: next, rules_stat_prefix: now.,
              rules: {policies: {in: {permissions: [{not_rule: {url_path: {path: {exact: /out}}}}], ANYBODY}}},
              shadow_rules: {action: DENY, policies: {z: { ANYTHING, ANYBODY }, "a b": {permissions: [{url_path: {path: {exact: /x}}}], ANYBODY}}}}}
            """), Notes);
        string first = await proxy.GetAsync("/x");
        Assert.Contains("x-shadow: denied a b\r\n", first);
        Assert.DoesNotContain("x-enforced", first); // it has the prefix of the rules
        Assert.Contains("x-shadow: denied z\r\n", await proxy.GetAsync("/y"));
        string refused = await proxy.GetAsync("/out");
        Assert.StartsWith("HTTP/1.1 403", refused);
        Assert.EndsWith("\r\n\r\nRBAC: access denied", refused);
        Assert.Equal((2, 1, 0, 3), (proxy.Stats.Value("http.edge.rbac.now.allowed"), proxy.Stats.Value("http.edge.rbac.now.denied"),
            proxy.Stats.Value("http.edge.rbac.next.shadow_allowed"), proxy.Stats.Value("http.edge.rbac.next.shadow_denied")));
        Assert.Equal((2, 2, 1), (proxy.Stats.Value("http.edge.rbac.now.policy.in.allowed"),
            proxy.Stats.Value("http.edge.rbac.next.policy.z.shadow_denied"),
            proxy.Stats.Value("http.edge.rbac.next.policy.a b.shadow_denied")));
    }

    [Theory]
    [InlineData("", "HTTP/1.1 200", null, null)]
    [InlineData("rules: {}", "HTTP/1.1 403", null, null)]
    [InlineData("rules: {action: DENY}", "HTTP/1.1 200", "allowed", null)]
    [InlineData("rules: {action: LOG, policies: {p: {permissions: [{any: true}], principals: [{any: true}]}}}", "HTTP/1.1 200", "allowed",
        "true")]
    [InlineData("rules: {action: LOG, policies: {p: {permissions: [{any: true}], principals: [{header: {name: n}}]}}}", "HTTP/1.1 200",
        "allowed", "false")]
    public async Task Action_SaysWhatAMatchMeans(string rules, string status, string? enforced, string? hint)
    {
        await using var proxy = await LiveProxy.StartAsync($"{{name: rbac, typed_config: {{{rules}}}}}", Notes);
        string answer = await proxy.GetAsync();
        Assert.StartsWith(status, answer);
        if (status.EndsWith("403", StringComparison.Ordinal)) return;
        Assert.Equal(enforced is not null, answer.Contains($"x-enforced: {enforced}\r\n", StringComparison.Ordinal));
        Assert.Equal(hint is not null, answer.Contains($"x-hint: {hint}\r\n", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Route_ReplacesSwitchesOffAndNamesThePolicy()
    {
        const string Details = "response_headers_to_add: [{header: {key: x-why, value: '%RESPONSE_CODE_DETAILS%'}}],";
        await using var proxy = await LiveProxy.StartAsync("{name: rbac, typed_config: {rules: {}}}", Whole("""
            {match: {prefix: /empty}, direct_response: {status: 200}, typed_per_filter_config: {rbac: {}}},
            {match: {prefix: /off}, direct_response: {status: 200}, typed_per_filter_config: {rbac: {disabled: true}}},
            {match: {prefix: /deny}, direct_response: {status: 200},
              typed_per_filter_config: {rbac: {rbac: {rules: {action: DENY, policies: {"no way": {ANYTHING, ANYBODY}}}}}}},
            {match: {prefix: /}, direct_response: {status: 200}}
            """), table: Details);
        Assert.StartsWith("HTTP/1.1 200", await proxy.GetAsync("/empty"));
        Assert.StartsWith("HTTP/1.1 200", await proxy.GetAsync("/off"));
        Assert.Contains("x-why: rbac_access_denied_matched_policy[no_way]\r\n", await proxy.GetAsync("/deny"));
        Assert.Contains("x-why: rbac_access_denied_matched_policy[none]\r\n", await proxy.GetAsync("/"));
        Assert.Equal(2, proxy.Stats.Value("http.edge.rbac.denied"));
    }

    [Theory]
    [InlineData("ALLOW")]
    [InlineData("DENY")]
    public async Task ExpressionThatCannotBeAsked_LetsNobodyIn(string action)
    {
        await using var proxy = await LiveProxy.StartAsync(Whole("""
            {name: rbac, typed_config: {rules: {action: ACTION, policies: {
              a: {permissions: [{not_rule: {header: {name: x-long, string_match: {safe_regex: {regex: 'b.*'}}}}}, {not_rule: {any: true}}], principals: [{not_id: {any: true}}]},
              b: {permissions: [{header: {name: x-go, string_match: {exact: 'TOKEN'}}}], ANYBODY}}}}}
            """).Replace("ACTION", action, StringComparison.Ordinal)
            .Replace("TOKEN", action == "ALLOW" ? "1" : "2", StringComparison.Ordinal));
        Assert.StartsWith("HTTP/1.1 200", await proxy.GetAsync("/", "x-go: 1"));
        Assert.StartsWith("HTTP/1.1 403", await proxy.GetAsync("/", "x-go: 1", "x-long: b" + new string('x', 20_000)));
    }

    [Theory]
    [InlineData("rules: {policies: {p: {permissions: [{any: true}], principals: [{any: true}], condition: {}}}}", "condition")]
    [InlineData("rules: {policies: {p: {permissions: [{uri_template: {}}], principals: [{any: true}]}}}", "uri_template")]
    [InlineData("rules: {policies: {p: {permissions: [{matcher: {}}], principals: [{any: true}]}}}", "matcher")]
    [InlineData("rules: {audit_logging_options: {}}", "audit_logging_options")]
    [InlineData("rules: {policies: {p: {permissions: [{any: false}], principals: [{any: true}]}}}", "permissions")]
    [InlineData("rules: {policies: {p: {permissions: [], principals: [{any: true}]}}}", "permissions")]
    [InlineData("rules: {policies: {p: {permissions: [{any: true}], principals: [{remote_ip: {address_prefix: x}}]}}}", "address_prefix")]
    [InlineData("rules: {policies: {p: {permissions: [{destination_ip: {address_prefix: 1.1.1.1, prefix_len: 33}}], "
        + "principals: [{any: true}]}}}", "address_prefix")]
    [InlineData("rules: {policies: {p: {permissions: [{url_path: {path: {safe_regex: {regex: '('}}}}], "
        + "principals: [{any: true}]}}}", "regex")]
    public async Task WhatIsNotServed_IsRefusedAtItsPlace(string config, string place)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        var built = proxy.Build("listeners: [{name: edge, address: '127.0.0.1:0', routes: [], http_filters: "
            + $"[{{name: rbac, typed_config: {{{config}}}}}]}}]");
        Assert.Contains(built.Errors, e => e.Pointer.Contains(place, StringComparison.Ordinal));
    }
}
