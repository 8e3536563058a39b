using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.SetMetadata;

public sealed class SetMetadataFilterTests
{
    private const string Route = "{match: {prefix: /}, direct_response: {status: 200}, response_headers_to_add: "
        + "[{header: {key: x-n, value: '%DYNAMIC_METADATA(n)%'}}]}";

    [Theory]
    [InlineData("metadata_namespace: n, value: {a: 1, b: {c: x}}", "{\"a\":1,\"b\":{\"c\":\"x\"}}", 0)]
    [InlineData("metadata: [{metadata_namespace: n, value: {a: 1}}, {metadata_namespace: n, value: {a: 2}}]", "{\"a\":1}", 1)]
    [InlineData("metadata: [{metadata_namespace: n, value: {a: 1, l: [1], o: {x: 1, y: 1}}}, {metadata_namespace: n, "
        + "allow_overwrite: true, value: {a: true, l: [2], o: {y: 2}}}]", "{\"a\":true,\"l\":[1,2],\"o\":{\"x\":1,\"y\":2}}", 0)]
    [InlineData("metadata_namespace: n, value: {a: 1}, metadata: [{metadata_namespace: n, value: {b: 1}}]", "{\"a\":1}", 1)]
    public async Task Values_AreSetOrMerged(string config, string expected, int denied)
    {
        await using var proxy = await LiveProxy.StartAsync($"{{name: set_metadata, typed_config: {{{config}}}}}", Route);
        // The second finds what the first was given, not what it became.
        Assert.Contains($"x-n: {expected}\r\n", await proxy.GetAsync());
        Assert.Contains($"x-n: {expected}\r\n", await proxy.GetAsync());
        Assert.Equal(2 * denied, proxy.Stats.Value("http.edge.set_metadata.overwrite_denied"));
    }
}
