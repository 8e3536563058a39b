using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Router;

public sealed class ScopedRoutesTests(ScopedRoutesTests.Edge edge) : IClassFixture<ScopedRoutesTests.Edge>
{
    private const string Begin = """
        route_configurations:
        - {name: shared, virtual_hosts: [{name: v, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: shared}}}]}]}
        listeners:
        - name: edge
          address: 127.0.0.1:0
          filter_chains:
          - filters:
            - name: http_connection_manager
              typed_config:
                stat_prefix: edge
                http_filters: [{name: buffer, typed_config: {max_request_bytes: 10}}, {name: router}]
                scoped_routes:
                  name: scopes

        """;

    private static string Own(string name, string body, string key) => $"{{name: {name}, key: {{fragments: [{key}]}}, route_configuration: "
        + $"{{name: {name}, virtual_hosts: [{{name: v, domains: ['*'], routes: [{{match: {{prefix: /}}, direct_response: {{status: 200, "
        + $"body: {{inline_string: {body}}}}}, typed_per_filter_config: {{buffer: {{disabled: true}}}}}}]}}]}}}}";

    private static string Scopes(string fragments, params string[] scopes) => Begin + $"""
                  scope_key_builder: ({fragments})
                  scoped_route_configurations_list:
                    scoped_route_configurations: [{string.Join(", ", scopes)}]
        """.Replace("(", "{fragments: [", StringComparison.Ordinal).Replace(")", "]}", StringComparison.Ordinal);

    public sealed class Edge : IAsyncLifetime
    {
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Proxy = await ProxyFixture.StartAsync(Scopes(
            "{header_value_extractor: {name: X-Scope, element_separator: ';', element: {separator: '=', key: tenant}}}, "
                + "{header_value_extractor: {name: x-zone, element_separator: ',', index: 1}}",
            Own("a", "own", "{string_key: blue}, {string_key: west}"),
            "{name: b, key: {fragments: [{string_key: red}, {string_key: west}]}, route_configuration_name: shared}",
            Own("c", "nothing", "{string_key: ''}, {string_key: ''}")));

        public ValueTask DisposeAsync() => Proxy.DisposeAsync();
    }

    [Theory]
    [InlineData("x-scope: a=b;tenant=blue\r\nx-zone: north,west\r\n", "own")]
    [InlineData("x-scope: tenant=red\r\nx-zone: ,west,\r\n", "shared")]
    [InlineData("x-scope: tenant=blue;tenant=red\r\nx-zone: n,west\r\n", "own")] // the first of a key
    [InlineData("x-scope: tenant=blue\r\nx-scope: tenant=red\r\nx-zone: n,west\r\n", "own")] // the first field
    [InlineData("x-scope: tenant\r\nx-zone: n,\r\n", "nothing")]
    [InlineData("x-scope: tenant=blue=x\r\nx-zone: n,west\r\n", null)]
    [InlineData("x-scope: tenant=blue\r\nx-zone: west\r\n", null)] // there is no element 1
    [InlineData("x-scope: Tenant=blue\r\nx-zone: n,west\r\n", null)]
    [InlineData("x-scope: tenant=blue\r\nx-zone: n,westward\r\n", null)]
    [InlineData("x-scope: tenant=blue\r\n", null)]
    [InlineData("", null)]
    public async Task Request_IsRoutedByItsScope(string fields, string? body)
    {
        var answer = await edge.Proxy.GetAsync(headers: fields);
        Assert.Equal((body is null ? 404 : 200, body ?? ""), (answer.Status, answer.Text));
    }

    [Theory]
    [InlineData("{header_value_extractor: {name: x, index: 1}}", "{string_key: a}", "without element_separator there is one element")]
    [InlineData("{header_value_extractor: {name: 'a b', index: 0}}", "{string_key: a}", "is not a header name")]
    [InlineData("{header_value_extractor: {name: x, index: 0}}", "{string_key: a}, {string_key: b}", "the key has 2 parts, not 1")]
    [InlineData("{header_value_extractor: {name: x, index: 0}}", "{string_key: taken}", "has the key of another one")]
    [InlineData("{header_value_extractor: {name: x}}", "{string_key: a}", "one of these is missing: index, element")]
    public void WrongScopes_AreRefused(string fragments, string key, string says)
        => Assert.Contains(edge.Proxy.Build(Scopes(fragments, Own("a", "own", key), Own("b", "own", "{string_key: taken}"))).Errors,
            e => e.Detail.Contains(says, StringComparison.Ordinal));

    [Theory]
    [InlineData("route_configuration_name: none", "route configuration 'none' does not exist")]
    [InlineData("on_demand: true, route_configuration_name: shared", "'on_demand' is not supported")]
    [InlineData("rds: {}, route_configuration_name: shared", "'rds' is not a known field")]
    public void WrongTable_IsRefused(string scope, string says)
        => Assert.Contains(edge.Proxy.Build(Scopes("{header_value_extractor: {name: x, index: 0}}",
            $"{{name: a, key: {{fragments: [{{string_key: a}}]}}, {scope}}}")).Errors,
            e => e.Detail.Contains(says, StringComparison.Ordinal));
}
