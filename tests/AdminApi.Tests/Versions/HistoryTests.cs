using System.Net;

namespace Managed.AdminApi.Tests.Versions;

public sealed class HistoryTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private TestNode Node => fixture.Node;

    [Fact]
    public async Task List_IsNewestFirst_AndPages()
    {
        for (var i = 0; i < 3; i++)
            await Node.PutAsync($"clusters/listed-{i}", """{"endpoints":["127.0.0.1:9"]}""");
        var seen = new List<long>();
        string? token = null;
        do
        {
            var page = (await Node.GetAsync($"versions?page_size=2&page_token={token}")).Is(HttpStatusCode.OK).Json;
            seen.AddRange(page.GetProperty("items").EnumerateArray().Select(v => v.GetProperty("version").GetInt64()));
            token = page.GetProperty("next_page_token").GetString();
        }
        while (token is not null);
        Assert.Equal(seen.OrderDescending(), seen);
        Assert.Equal(1, seen[^1]);
        Assert.Single((await Node.GetAsync("versions?q=active")).Json.GetProperty("items").EnumerateArray());
    }

    [Fact]
    public async Task Versions_AreSupersededAndKeepTheirDocuments()
    {
        var first = await Node.PutAsync("clusters/kept", """{"endpoints":["127.0.0.1:9"]}""");
        var second = await Node.MergeAsync("clusters/kept", """{"lb_policy":"RANDOM"}""");
        Assert.Equal("superseded", (await Node.GetAsync($"versions/{first.Version}")).Json.GetProperty("state").GetString());
        async Task<bool> IsRandomAsync(long version) => (await Node.GetAsync($"versions/{version}/config")).Is(HttpStatusCode.OK).Json
            .GetProperty("clusters").EnumerateArray().Single(c => c.GetProperty("name").GetString() == "kept")
                .TryGetProperty("lb_policy", out _);
        Assert.False(await IsRandomAsync(first.Version));
        Assert.True(await IsRandomAsync(second.Version));
        Assert.Contains("load_assignment", (await Node.GetAsync($"versions/{first.Version}/config?expanded=true")).Body);
        (await Node.GetAsync("versions/9999")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
    }

    [Fact]
    public async Task Diff_IsStructuralOrUnified()
    {
        var first = await Node.PutAsync("clusters/compared", """{"endpoints":["127.0.0.1:9"]}""");
        var second = await Node.MergeAsync("clusters/compared", """{"lb_policy":"RANDOM"}""");
        var path = $"versions/{first.Version}/diff/{second.Version}";
        var structural = (await Node.GetAsync(path)).Is(HttpStatusCode.OK).Json;
        var operation = structural.GetProperty("operations")[0];
        Assert.Equal(("add", "clusters[compared].lb_policy", "cluster", "compared", "RANDOM"),
            (operation.GetProperty("op").GetString(), operation.GetProperty("where").GetString(),
            operation.GetProperty("kind").GetString(), operation.GetProperty("name").GetString(), operation.GetProperty("to").GetString()));
        Assert.Equal(1, structural.GetProperty("summary").GetProperty("changed").GetInt32());
        var unified = (await Node.GetAsync($"versions/{first.Version}/diff/active", ("Accept", "text/x-diff"))).Is(HttpStatusCode.OK);
        Assert.Equal("text/x-diff", unified.ContentHeaders.ContentType!.MediaType);
        Assert.StartsWith($"--- v{first.Version}\n+++ v", unified.Body);
        Assert.Contains("\n@@ -", unified.Body);
        Assert.Contains("\n+  lb_policy: RANDOM\n", unified.Body);
    }

    [Fact]
    public async Task Patch_ChangesAnnotationsOnly()
    {
        var made = await Node.PutAsync("clusters/annotated?comment=old", """{"endpoints":["127.0.0.1:9"]}""");
        var patched = (await Node.MergeAsync($"versions/{made.Version}", """{"comment":"new","labels":{"release":"1.4"},"pinned":true}"""))
            .Is(HttpStatusCode.OK).Json;
        Assert.Equal(("new", "1.4", true), (patched.GetProperty("comment").GetString(),
            patched.GetProperty("labels").GetProperty("release").GetString(), patched.GetProperty("pinned").GetBoolean()));
        (await Node.MergeAsync($"versions/{made.Version}", """{"state":"active"}"""))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
    }

    [Fact]
    public async Task Rollback_MakesANewVersionWithTheOldContent()
    {
        var old = await Node.PutAsync("clusters/rolled", """{"endpoints":["127.0.0.1:9"]}""");
        var etag = (await Node.GetAsync("config")).ETag;
        var changed = await Node.MergeAsync("clusters/rolled", """{"lb_policy":"RANDOM"}""");
        var back = (await Node.PostAsync($"versions/{old.Version}/rollback", """{"comment":"p99 doubled"}""")).Is(HttpStatusCode.OK);
        Assert.Equal(changed.Version + 1, back.Version);
        Assert.Equal((old.Version, "rollback", "p99 doubled"),
            (back.Json.GetProperty("restores").GetInt64(), back.Json.GetProperty("source").GetString(),
                back.Json.GetProperty("comment").GetString()));
        Assert.Equal(etag, (await Node.GetAsync("config")).ETag);
        var again = (await Node.PostAsync("rollback")).Is(HttpStatusCode.OK);
        Assert.Equal(changed.Version, again.Json.GetProperty("restores").GetInt64());
        var same = (await Node.PostAsync($"versions/{changed.Version}/rollback")).Is(HttpStatusCode.OK);
        Assert.Equal("false", same.Changed);
    }

    [Fact]
    public async Task Rollback_WhosePortIsTaken_IsBlocked()
    {
        using var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var address = probe.LocalEndpoint.ToString();
        probe.Stop();
        var with = (await Node.PutAsync("listeners/port",
            "{\"address\":\"" + address + "\",\"routes\":[{\"match\":{\"prefix\":\"/\"},\"route\":{\"cluster\":\"web\"}}]}"))
                .Is(HttpStatusCode.Created);
        (await Node.DeleteAsync("listeners/port")).Is(HttpStatusCode.OK);
        using var taken = new System.Net.Sockets.TcpListener(IPEndPoint.Parse(address!));
        taken.Start();
        var blocked = (await Node.PostAsync($"versions/{with.Version}/rollback")).IsProblem(HttpStatusCode.Conflict, "ROLLBACK_BLOCKED");
        Assert.Contains(address!, blocked.Json.GetProperty("errors")[0].GetProperty("detail").GetString() + blocked.Body);
    }
}
