using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Filters.HeaderMutation;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.HeaderMutation;

public sealed class HeaderMutationFilterTests
{
    [Theory]
    [InlineData("[{append: {header: {key: x, value: new}}}]", "old|new")]
    [InlineData("[{append: {header: {key: x, value: new}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}}]", "new")]
    [InlineData("[{append: {header: {key: x, value: new}, append_action: ADD_IF_ABSENT}}]", "old")]
    [InlineData("[{append: {header: {key: y, value: new}, append_action: OVERWRITE_IF_EXISTS}}]", "old")]
    [InlineData("[{remove: X}]", "")]
    [InlineData("[{remove: x}, {append: {header: {key: x, value: new}}}]", "new")]
    [InlineData("[{append: {header: {key: x, value: new}}}, {remove: x}]", "")] // in order, not removals first
    [InlineData("[{remove_on_match: {key_matcher: {prefix: x}}}]", "")]
    [InlineData("[{remove_on_match: {key_matcher: {prefix: y}}}]", "old")]
    [InlineData("[{remove_on_match: {key_matcher: {prefix: ''}}}, {append: {header: {key: x, value: '%REQ(:PATH)%'}}}]", "", true)]
    [InlineData("[{append: {header: {key: x, value: '%REQ(nope)%'}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}}]", "old")]
    [InlineData("[{append: {header: {key: x, value: '%REQ(nope)%'}, append_action: OVERWRITE_IF_EXISTS_OR_ADD, keep_empty_value: true}}]",
        "")]
    public void RequestMutations_ApplyInOrder(string mutations, string expected, bool refused = false)
    {
        if (refused) { Assert.Equal("INVALID_VALUE", Assert.Single(Errors($"request_mutations: {mutations}")).Code); return; }
        var request = Requests.Get("h", "/", "x: old");
        Apply($"request_mutations: {mutations}", MutationPlace.RequestHeaders, request);
        Assert.Equal(expected, request.All("x"));
        Assert.Equal("GET / h", $"{request.GetString(":method")} {request.GetString(":path")} {request.GetString(":authority")}");
    }

    [Theory]
    [InlineData("{key: ':path', value: '/new'}", ":path", "/new")]
    [InlineData("{key: ':path', value: 'no slash'}", ":path", "/")]
    [InlineData("{key: ':path', value: '/a b'}", ":path", "/")]
    [InlineData("{key: ':method', value: POST}", ":method", "POST")]
    [InlineData("{key: ':method', value: 'A B'}", ":method", "GET")]
    [InlineData("{key: ':authority', value: '%REQ(x)%'}", ":authority", "h")] // a value that is no host
    [InlineData("{key: host, value: o.com}", ":authority", "o.com")]
    [InlineData("{key: ':scheme', value: https}", ":scheme", "https")]
    [InlineData("{key: ':scheme', value: evil}", ":scheme", "http")]
    public void PseudoHeader_TakesOnlyWhatFits(string header, string name, string expected)
    {
        var request = Requests.Get("h", "/", "x: a/b c");
        Apply($"request_mutations: [{{append: {{header: {header}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}}}}]",
            MutationPlace.RequestHeaders, request);
        Assert.Equal(expected, request.All(name));
    }

    [Theory]
    [InlineData("[{append: {record: {key: q, value: '2'}}}]", "/p?a&q=1&b=", "/p?a&q=1&b=&q=2")]
    [InlineData("[{append: {record: {key: q, value: '2'}}}]", "/p", "/p?q=2")]
    [InlineData("[{append: {record: {key: q, value: '2'}, action: OVERWRITE_IF_EXISTS_OR_ADD}}]", "/p?a&q=1&b&q=3", "/p?a&q=2&b")]
    [InlineData("[{append: {record: {key: q, value: '2'}, action: OVERWRITE_IF_EXISTS}}]", "/p?a", "/p?a")]
    [InlineData("[{append: {record: {key: q, value: '2'}, action: ADD_IF_ABSENT}}]", "/p?q=1", "/p?q=1")]
    [InlineData("[{remove: q}]", "/p?q=1&a=2&q", "/p?a=2")]
    [InlineData("[{remove: q}]", "/p?q=1", "/p")]
    [InlineData("[{append: {record: {key: q, value: '%REQ(x)%'}}}]", "/p", "/p?q=a%26admin=1%23%20%22")] // cannot add a second parameter
    [InlineData("[{append: {record: {key: q, value: 'a%%20b'}}}]", "/p", "/p?q=a%20b")]
    public void QueryMutations_KeepTheOthers(string mutations, string path, string expected)
    {
        var request = Requests.Get("h", path, "x: a&admin=1# \"");
        Apply($"query_parameter_mutations: {mutations}", MutationPlace.RequestHeaders, request);
        Assert.Equal(expected, request.GetString(":path"));
    }

    [Fact]
    public void Places_AreKeptApart()
    {
        const string config = """
            request_mutations: [{append: {header: {key: a, value: "1"}}}]
            response_mutations: [{append: {header: {key: b, value: "1"}}}]
            request_trailers_mutations: [{append: {header: {key: c, value: "1"}}}]
            response_trailers_mutations: [{append: {header: {key: d, value: "1"}}}]
            """;
        foreach (var place in Enum.GetValues<MutationPlace>())
        {
            var headers = new HeaderMap();
            Apply(config, place, headers);
            Assert.Equal($"{(char)('a' + (int)place)}: 1\n", headers.ToString());
        }
    }

    [Theory]
    [InlineData(false, "chain|route|host|table")]
    [InlineData(true, "chain|table|host|route")]
    public void Levels_ApplyInEnvoysOrder(bool mostSpecificWins, string expected)
    {
        static Mutations Level(string value) => Compile($"request_mutations: [{{append: {{header: {{key: x, value: {value}}}}}}}]",
            new ConfigErrors())!;
        var request = Requests.Get("h", "/");
        HeaderMutationFilter.Apply(new HeaderMutationSettings("f", Level("chain"), mostSpecificWins),
            [Level("route"), Level("host"), Level("table")],
            MutationPlace.RequestHeaders, request, new StreamInfo { RequestHeaders = request });
        Assert.Equal(expected, request.All("x"));
    }

    [Theory]
    [InlineData("request_mutations: [{remove: ':path'}]")]
    [InlineData("request_mutations: [{remove: host}]")]
    [InlineData("request_mutations: [{append: {header: {key: ':path', value: /x}}}]")] // appended to
    [InlineData("request_mutations: [{append: {header: {key: 'transfer-encoding', value: x}}}]")]
    [InlineData("response_mutations: [{append: {header: {key: ':status', value: '200'}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}}]")]
    [InlineData("query_parameter_mutations: [{remove: 'a&b'}]")]
    [InlineData("response_mutations: [{append: {header: {key: x, value: '%NOPE%'}}}]")]
    public void WrongMutation_IsAnError(string config) => Assert.Equal("INVALID_VALUE", Assert.Single(Errors(config)).Code);

    [Fact]
    public async Task LiveFilter_ChangesRequestAndResponse()
    {
        await using var proxy = await LiveProxy.StartAsync("""
            {name: mine, typed_config: {"@type": header_mutation, mutations: {
              request_mutations: [{append: {header: {key: x, value: "in-%REQ(:PATH)%"}}}],
              query_parameter_mutations: [{append: {record: {key: q, value: "1"}}}],
              response_mutations: [{append: {header: {key: x-out, value: "%RESPONSE_CODE%"}}}, {remove: server}]}}}
            """);
        string response = await proxy.GetAsync("/a");
        Assert.EndsWith("GET /a?q=1 h.com [in-/a]", response);
        Assert.Contains("x-out: 200\r\n", response);
        Assert.DoesNotContain("server:", response);
    }

    [Fact]
    public async Task LiveRoutes_AddTheirLevels()
    {
        await using var proxy = await LiveProxy.StartAsync("{name: mine, typed_config: {\"@type\": header_mutation}}",
            """
            {match: {path: /off}, direct_response: {status: 200}, typed_per_filter_config: {mine: {disabled: true}}},
            {match: {path: /route}, direct_response: {status: 200}, typed_per_filter_config: {mine: {mutations: {response_mutations: [{append: {header: {key: x-level, value: route}}}]}}}},
            ECHO
            """.Replace("ECHO", LiveProxy.EchoRoute, StringComparison.Ordinal),
            table: "typed_per_filter_config: {mine: {mutations: {response_mutations: [{append: {header: {key: x-level, value: "
                + "table}}}]}}},");
        Assert.Contains("x-level: table\r\n", await proxy.GetAsync("/"));
        string both = await proxy.GetAsync("/route");
        Assert.True(both.IndexOf("x-level: route", StringComparison.Ordinal) is > 0 and var first
            && both.IndexOf("x-level: table", StringComparison.Ordinal) > first, both);
        Assert.DoesNotContain("x-level", await proxy.GetAsync("/off"));
    }

    private static void Apply(string config, MutationPlace place, HeaderMap headers)
    {
        var errors = new ConfigErrors();
        var mutations = Compile(config, errors);
        Assert.Empty(errors.Errors);
        mutations!.Apply(place, headers, new StreamInfo { RequestHeaders = headers }, new ByteWriter());
    }

    private static IReadOnlyList<ConfigError> Errors(string config)
    {
        var errors = new ConfigErrors();
        Compile(config, errors);
        return errors.Errors;
    }

    private static Mutations? Compile(string config, ConfigErrors errors)
        => Managed.Proxy.Configuration.Validation.ConfigBinder.Bind<MutationsConfig>(Requests.Node(config), errors) is { } bound
        ? Mutations.Compile(bound, errors) : null;
}
