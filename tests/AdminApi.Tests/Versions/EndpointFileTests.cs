using System.Net;
using Managed.TestKit;

namespace Managed.AdminApi.Tests.Versions;

/// <summary>Endpoints of a file (type EDS with path_config_source), through the whole node.</summary>
public sealed class EndpointFileTests
{
    private const string Cluster = "{name: shop, type: EDS, eds_cluster_config: {SERVICE eds_config: CONFIG} }";

    [Theory]
    [InlineData("{path_config_source: {path: \"FILE\"} }", "shop", "")]
    [InlineData("{path: \"FILE\"}", "backend", "service_name: backend, ")]
    public async Task FileOfEndpoints_IsPartOfTheVersionAndWatched(string config, string name, string service)
    {
        await using var node = await TestNode.StartAsync();
        string file = Path.Combine(node.Folder, "eds.yaml");
        await WriteAsync(file, name, 1001);
        (await node.SendAsync("PUT", "clusters/shop", Body(config, file, service), "application/yaml")).Is(HttpStatusCode.Created);
        Assert.Equal("127.0.0.1:1001", await EndpointsAsync(node));
        await WriteAsync(file, name, 1002, 1003);
        await EventuallyAsync(node, "127.0.0.1:1002 127.0.0.1:1003");
        // What is wrong leaves what was.
        foreach (string bad in (string[])["resources: 1", "{resources: [", "resources: [{cluster_name: x}]",
            "resources: [{cluster_name: " + name + ", endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: up.test, "
                + "port_value: 1} } } }]}]}]"])
        {
            await File.WriteAllTextAsync(file, bad, TestContext.Current.CancellationToken);
        }
        Assert.Equal("127.0.0.1:1002 127.0.0.1:1003", await EndpointsAsync(node));
        await node.RestartAsync();
        Assert.Equal("127.0.0.1:1002 127.0.0.1:1003", await EndpointsAsync(node));
        await WriteAsync(file, name, 1004);
        await EventuallyAsync(node, "127.0.0.1:1004");
    }

    [Theory]
    [InlineData("{resources: [{cluster_name: other}]}", "has no cluster 'shop'")]
    [InlineData("- 1", "is no DiscoveryResponse")]
    [InlineData("", "does not exist")]
    public async Task FileThatIsNone_IsNamed(string content, string expected)
    {
        await using var node = await TestNode.StartAsync();
        string file = Path.Combine(node.Folder, "eds.yaml");
        if (content.Length > 0) await File.WriteAllTextAsync(file, content, TestContext.Current.CancellationToken);
        var answer = (await node.SendAsync("PUT", "clusters/shop", Body("{path: \"FILE\"}", file, ""), "application/yaml"))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        Assert.Contains(expected, answer.Body, StringComparison.Ordinal);
    }

    private static string Body(string config, string file, string service)
        => Cluster.Replace("CONFIG", config, StringComparison.Ordinal).Replace("FILE", file, StringComparison.Ordinal)
            .Replace("SERVICE ", service, StringComparison.Ordinal);

    private static Task WriteAsync(string file, string name, params int[] ports) => File.WriteAllTextAsync(file, $$"""
        version_info: "{{ports[0]}}"
        resources:
        - "@type": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment
          cluster_name: {{name}}
          endpoints:
          - lb_endpoints:
        {{string.Join('\n', ports.Select(p => "    - {endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: " + p + "} } } }"))}}
        """, TestContext.Current.CancellationToken);

    private static async Task<string> EndpointsAsync(TestNode node)
        => string.Join(' ', System.Text.RegularExpressions.Regex.Matches((await node.GetAsync("clusters/shop/endpoints")).Body,
            @"127\.0\.0\.1:\d+").Select(m => m.Value).Distinct());

    private static Task EventuallyAsync(TestNode node, string endpoints)
        => Eventually.TrueAsync(async () => await EndpointsAsync(node) == endpoints, endpoints);
}
