using System.Net;

namespace Managed.AdminApi.Tests.Endpoints;

/// <summary>Filters of a chain, chains of a listener, routes of a virtual host.</summary>
public sealed class NestedPieceTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private const string Stamp =
        """{"name":"NAME","typed_config":{"@type":"header_mutation","mutations":{"response_mutations":[{"append":{"header":"""
            + """{"key":"x-a","value":"b"}}}]}}}""";
    private TestNode Node => fixture.Node;

    [Fact]
    public async Task HttpFilters_OfAShortListener_EndInTheImpliedRouter()
    {
        var path = await ListenerAsync("implied");
        Assert.Equal(["router"], await NamesAsync(path));
        (await Node.GetAsync(path + "/router")).Is(HttpStatusCode.OK);
        (await Node.GetAsync("listeners/implied/filter_chains/other/http_filters")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
    }

    [Fact]
    public async Task HttpFilters_AddedBeforeTheRouter_KeepTheShortForm()
    {
        var path = await ListenerAsync("short-form");
        (await Node.PostAsync(path + "?before=router", Stamp.Replace("NAME", "one"))).Is(HttpStatusCode.Created);
        (await Node.PostAsync(path, Stamp.Replace("NAME", "two"))).Is(HttpStatusCode.Created);
        (await Node.PostAsync(path + "?after=one", Stamp.Replace("NAME", "between"))).Is(HttpStatusCode.Created);
        Assert.Equal(["one", "between", "two", "router"], await NamesAsync(path));
        (await Node.PutAsync(path + "/order", """["two","one","between","router"]""")).Is(HttpStatusCode.OK);
        (await Node.DeleteAsync(path + "/between")).Is(HttpStatusCode.OK);
        Assert.Equal(["two", "one", "router"], await NamesAsync(path));
        var listener = (await Node.GetAsync("listeners/short-form")).Json;
        Assert.Equal(2, listener.GetProperty("http_filters").GetArrayLength());
        Assert.False(listener.TryGetProperty("filter_chains", out _));
    }

    [Fact]
    public async Task HttpFilters_OrderThatLeavesOneOut_IsRefused()
    {
        var path = await ListenerAsync("order");
        await Node.PostAsync(path, Stamp.Replace("NAME", "one"));
        (await Node.PutAsync(path + "/order", """["router"]""")).IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        (await Node.PutAsync(path + "/order", """["router","one"]""")).IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
    }

    [Fact]
    public async Task FilterChain_OfAShortListener_WritesTheLongForm()
    {
        await ListenerAsync("long");
        var chain = (await Node.GetAsync("listeners/long/filter_chains/main")).Is(HttpStatusCode.OK);
        (await Node.PutAsync("listeners/long/filter_chains/main", chain.Body.Replace("\"prefix\": \"/\"", "\"prefix\": \"/x\"")))
            .Is(HttpStatusCode.OK);
        var listener = (await Node.GetAsync("listeners/long")).Json;
        Assert.Equal("main", listener.GetProperty("filter_chains")[0].GetProperty("name").GetString());
        Assert.False(listener.TryGetProperty("routes", out _));
        var path = "listeners/long/filter_chains/main/http_filters";
        (await Node.PostAsync(path + "?before=router", Stamp.Replace("NAME", "one"))).Is(HttpStatusCode.Created);
        Assert.Equal(["one", "router"], await NamesAsync(path));
    }

    [Fact]
    public async Task Filter_OfAShortListener_TakesIfMatchOfItsOwn()
    {
        var path = await ListenerAsync("own-etag");
        var one = await Node.PostAsync(path, Stamp.Replace("NAME", "one"));
        await Node.PostAsync(path, Stamp.Replace("NAME", "two"));
        (await Node.MergeAsync(path + "/one", """{"disabled":true}""", ("If-Match", one.ETag!))).Is(HttpStatusCode.OK);
        (await Node.MergeAsync(path + "/one", """{"disabled":false}""", ("If-Match", one.ETag!)))
            .IsProblem(HttpStatusCode.PreconditionFailed, "ETAG_MISMATCH");
    }

    [Fact]
    public async Task Routes_AreAddressedByName_EvenWhenTheyHaveNone()
    {
        (await Node.PutAsync("route_configurations/rc",
            """{"virtual_hosts":[{"name":"all","domains":["*"],"routes":[{"match":{"prefix":"/a"},"route":{"cluster":"web"}},"""
                + """{"name":"rest","match":{"prefix":"/"},"route":{"cluster":"web"}}]}]}""")).Is(HttpStatusCode.Created);
        const string path = "route_configurations/rc/virtual_hosts/all/routes";
        Assert.Equal(["route-0", "rest"], await NamesAsync(path));
        (await Node.MergeAsync(path + "/route-0", """{"route":{"timeout":"3s"}}""")).Is(HttpStatusCode.OK);
        (await Node.PostAsync(path + "?before=rest", """{"name":"b","match":{"prefix":"/b"},"route":{"cluster":"spare"}}"""))
            .Is(HttpStatusCode.Created);
        Assert.Equal(["route-0", "b", "rest"], await NamesAsync(path));
        (await Node.PutAsync(path + "/order", """["b","route-0","rest"]""")).Is(HttpStatusCode.OK);
        (await Node.DeleteAsync(path + "/route-0")).Is(HttpStatusCode.OK);
        Assert.Equal(["b", "rest"], await NamesAsync(path));
        (await Node.PostAsync(path, """{"name":"c","match":{"prefix":"/c"},"route":{"cluster":"nowhere"}}"""))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        Assert.Equal(["all"], await NamesAsync("route_configurations/rc/virtual_hosts"));
    }

    [Fact]
    public async Task RouteConfiguration_InUse_CannotBeDeleted()
    {
        await Node.PutAsync("route_configurations/shared",
            """{"virtual_hosts":[{"name":"all","domains":["*"],"routes":[{"match":{"prefix":"/"},"route":{"cluster":"web"}}]}]}""");
        (await Node.PutAsync("listeners/by-name", """{"address":"127.0.0.1:0","route_config_name":"shared"}""")).Is(HttpStatusCode.Created);
        var refused = (await Node.DeleteAsync("route_configurations/shared")).IsProblem(HttpStatusCode.Conflict, "IN_USE");
        Assert.Equal("by-name", refused.Json.GetProperty("references")[0].GetProperty("name").GetString());
    }

    private async Task<string> ListenerAsync(string name)
    {
        (await Node.PutAsync($"listeners/{name}",
            """{"address":"127.0.0.1:0","routes":[{"match":{"prefix":"/"},"route":{"cluster":"web"}}]}""")).Is(HttpStatusCode.Created);
        return $"listeners/{name}/filter_chains/main/http_filters";
    }

    private async Task<List<string>> NamesAsync(string path) =>
        [.. (await Node.GetAsync(path)).Is(HttpStatusCode.OK).Json.GetProperty("items").EnumerateArray()
            .Select(i => i.GetProperty("name").GetString()!)];
}
