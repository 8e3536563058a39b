using System.Net;
using System.Text.Json;

namespace Managed.AdminApi.Tests.Versions;

public sealed class ResourceHistoryTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private TestNode Node => fixture.Node;

    [Fact]
    public async Task History_HasItsOwnChangesOnly_WithItsDocuments()
    {
        var made = await Node.PutAsync("clusters/own?comment=begin", """{"endpoints":["127.0.0.1:9"]}""");
        await Node.PutAsync("clusters/unrelated", """{"endpoints":["127.0.0.1:9"]}""");
        var changed = await Node.MergeAsync("clusters/own", """{"lb_policy":"RANDOM"}""");
        var removed = await Node.DeleteAsync("clusters/own");
        var items = (await Node.GetAsync("clusters/own/history")).Is(HttpStatusCode.OK).Json.GetProperty("items").EnumerateArray().ToList();
        Assert.Equal([(removed.Version, "removed"), (changed.Version, "changed"), (made.Version, "added")],
            items.Select(i => (i.GetProperty("version").GetInt64(), i.GetProperty("change").GetString()!)));
        Assert.Equal(JsonValueKind.Null, items[0].GetProperty("document").ValueKind);
        Assert.Equal("RANDOM", items[1].GetProperty("document").GetProperty("lb_policy").GetString());
        Assert.False(items[2].GetProperty("document").TryGetProperty("lb_policy", out _));
        Assert.Equal(("begin", "admin"), (items[2].GetProperty("comment").GetString(), items[2].GetProperty("author").GetString()));
    }

    [Fact]
    public async Task History_Pages()
    {
        for (var i = 1; i <= 5; i++)
        {
            await Node.PutAsync("clusters/paged", $$"""{"endpoints":["127.0.0.1:{{i}}"]}""");
            await Node.PutAsync("clusters/between", $$"""{"endpoints":["127.0.0.1:{{i}}"]}""");
        }
        var seen = new List<string>();
        string? token = null;
        do
        {
            var page = (await Node.GetAsync($"clusters/paged/history?page_size=2&page_token={token}")).Is(HttpStatusCode.OK).Json;
            seen.AddRange(page.GetProperty("items").EnumerateArray()
                .Select(i => i.GetProperty("document").GetProperty("endpoints")[0].ToString()));
            token = page.GetProperty("next_page_token").GetString();
        }
        while (token is not null);
        Assert.Equal(["127.0.0.1:5", "127.0.0.1:4", "127.0.0.1:3", "127.0.0.1:2", "127.0.0.1:1"], seen);
        (await Node.GetAsync("clusters/pagd/history")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        (await Node.GetAsync("clusters/paged/history?page_token=x")).IsProblem(HttpStatusCode.BadRequest, "INVALID_PARAMETER");
    }

    [Fact]
    public async Task Restore_PutsOneResourceBack_AndNothingElse()
    {
        var made = await Node.PutAsync("clusters/back", """{"endpoints":["127.0.0.1:9"]}""");
        await Node.MergeAsync("clusters/back", """{"lb_policy":"RANDOM"}""");
        await Node.PutAsync("clusters/stays", """{"endpoints":["127.0.0.1:9"]}""");
        var restored = (await Node.PostAsync($"clusters/back/restore?version={made.Version}")).Is(HttpStatusCode.OK);
        Assert.Equal($"cluster back as in version {made.Version}", restored.Json.GetProperty("comment").GetString());
        Assert.DoesNotContain("RANDOM", (await Node.GetAsync("clusters/back")).Body);
        (await Node.GetAsync("clusters/stays")).Is(HttpStatusCode.OK);
        Assert.Equal("false", (await Node.PostAsync($"clusters/back/restore?version={made.Version}")).Changed);

        await Node.DeleteAsync("clusters/back");
        (await Node.PostAsync($"clusters/back/restore?version={made.Version}", """{"comment":"needed"}""")).Is(HttpStatusCode.OK);
        (await Node.GetAsync("clusters/back")).Is(HttpStatusCode.OK);
        (await Node.PostAsync("clusters/back/restore?version=1")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        (await Node.PostAsync("clusters/back/restore")).IsProblem(HttpStatusCode.BadRequest, "INVALID_PARAMETER");
    }

    [Fact]
    public async Task Restore_OfWhatNeedsSomethingThatIsGone_IsBlocked()
    {
        await Node.PutAsync("clusters/gone", """{"endpoints":["127.0.0.1:9"]}""");
        var with = await Node.PutAsync("listeners/needs",
            """{"address":"127.0.0.1:0","routes":[{"match":{"prefix":"/"},"route":{"cluster":"gone"}}]}""");
        (await Node.PutAsync("listeners/needs",
            """{"address":"127.0.0.1:0","routes":[{"match":{"prefix":"/"},"route":{"cluster":"web"}}]}""")).Is(HttpStatusCode.OK);
        (await Node.DeleteAsync("clusters/gone")).Is(HttpStatusCode.OK);
        (await Node.PostAsync($"listeners/needs/restore?version={with.Version}")).IsProblem(HttpStatusCode.Conflict, "ROLLBACK_BLOCKED");
    }
}
