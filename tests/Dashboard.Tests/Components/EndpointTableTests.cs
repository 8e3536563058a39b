using Managed.Dashboard.Components.Controls;

namespace Managed.Dashboard.Tests.Components;

public sealed class EndpointTableTests
{
    private const string Path = "clusters/web/endpoints?page_size=200";

    [Fact]
    public async Task Endpoints_AreShownWithTheirHealth_AndDrainedOrWeighedAtRunTime()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer(Path, Page("healthy", "false"));
        api.Answer("clusters/web/endpoints/127.0.0.1%3A1", "{}");
        var table = context.Render<EndpointTable>(p => p.Add(t => t.Cluster, "web"));
        table.WaitForAssertion(() => Assert.Contains("127.0.0.1:1", table.Find("tbody th").TextContent));
        Assert.Equal(("healthy", "3"), (table.Find("td .mark").TextContent.Trim(), table.Find("input.weight").GetAttribute("value")));
        api.Answer(Path, Page("unhealthy", "true"));
        table.Find("button[aria-label='Drain 127.0.0.1:1']").Click();
        table.WaitForAssertion(() => Assert.Contains("drained here", table.Markup));
        Assert.NotNull(table.Find("button[aria-label='Enable 127.0.0.1:1']"));
        table.Find("input.weight").Change("7");
        table.Find("input.weight").Change("");
        table.WaitForAssertion(() => Assert.Equal(["""{"drain":true}""", """{"weight":7}""", """{"weight":null}"""], api.Bodies));
        table.Find("input.weight").Change("many");
        table.WaitForAssertion(() => Assert.Contains("“many” is no whole number", table.Markup));
        Assert.Equal(3, api.Bodies.Count);
    }

    [Fact]
    public async Task Viewer_SeesThemAndSetsNothing()
    {
        var (context, api) = ScriptedApi.Create("viewer");
        await using var _ = context;
        api.Answer(Path, Page("healthy", "false"));
        var table = context.Render<EndpointTable>(p => p.Add(t => t.Cluster, "web"));
        table.WaitForAssertion(() => Assert.Contains("127.0.0.1:1", table.Markup));
        Assert.Empty(table.FindAll("tbody input, tbody button"));
    }

    private static string Page(string health, string drained) => $$"""
        {"items":[{"address":"127.0.0.1:1","host_name":"","health":"{{health}}","weight":3,"connections_active":1,"requests_active":0,
          "requests_total":9,"requests_error":2,"flags":["failed_active_hc"],"reason":"its check failed","weight_override":null,
          "drain_override":{{drained}}}],"total_size":1}
        """;
}
