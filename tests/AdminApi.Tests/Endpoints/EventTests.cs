using System.Net;

namespace Managed.AdminApi.Tests.Endpoints;

public sealed class EventTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private TestNode Node => fixture.Node;

    [Fact]
    public async Task Write_IsTold_AndAClientResumesWhereItWas()
    {
        string id;
        using (var stream = new SseReader(Node, "events?types=version.created"))
        {
            await stream.FirstAsync();
            var made = await Node.PutAsync("clusters/told", """{"endpoints":["127.0.0.1:9"]}""");
            var told = await stream.NextAsync("version.created");
            Assert.Equal(made.Version, told.Json.GetProperty("version").GetInt64());
            id = told.Id!;
        }
        var missed = await Node.PutAsync("clusters/missed", """{"endpoints":["127.0.0.1:9"]}""");
        using var resumed = new SseReader(Node, "events", id);
        Assert.Equal("heartbeat", (await resumed.FirstAsync()).Type);
        Assert.Equal(missed.Version, (await resumed.NextAsync("version.created")).Json.GetProperty("version").GetInt64());
    }

    [Fact]
    public async Task UnknownLastEvent_IsReset()
    {
        using var stream = new SseReader(Node, "events", "anotherrun-17");
        Assert.Equal("reset", (await stream.FirstAsync()).Type);
    }

    [Fact]
    public async Task Types_MayEndInAStar()
    {
        using var stream = new SseReader(Node, "events?types=deployment.*");
        await stream.FirstAsync();
        (await Node.PutAsync("clusters/starred", """{"endpoints":["127.0.0.1:9"]}""")).Is(HttpStatusCode.Created);
        Assert.Equal("deployment.started", (await stream.NextAsync(null)).Type);
        Assert.Equal("deployment.applied", (await stream.NextAsync(null)).Type);
    }
}
