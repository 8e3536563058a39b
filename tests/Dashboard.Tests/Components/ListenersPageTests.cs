using System.Net;
using Managed.Dashboard.Components.Pages;

namespace Managed.Dashboard.Tests.Components;

public sealed class ListenersPageTests
{
    private const string Path = "listeners?page_size=200";

    [Fact]
    public async Task NoAnswerYet_ShowsLoading()
    {
        var (context, _) = ScriptedApi.Create();
        await using var _1 = context;
        var page = context.Render<Listeners>();
        Assert.Equal("Loading listeners", page.Find(".skeleton").GetAttribute("aria-label"));
    }

    [Fact]
    public async Task NoListeners_OffersToCreateTheFirst()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer(Path, """{"items":[],"next_page_token":null,"total_size":0}""");
        var page = context.Render<Listeners>();
        page.WaitForAssertion(() => Assert.Contains("No listener yet", page.Markup));
        Assert.NotNull(page.Find("a[href='/listeners/new']"));
    }

    [Fact]
    public async Task Failure_ShowsTheReasonAndTriesAgain()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer("stats?filter=%5Elistener%5C.", "{}");
        api.Answer(Path, """{"title":"Broken","status":500,"code":"INTERNAL","detail":"the disk is full"}""",
            HttpStatusCode.InternalServerError);
        var page = context.Render<Listeners>();
        page.WaitForAssertion(() => Assert.Contains("the disk is full", page.Find("[role=alert]").TextContent));

        api.Answer(Path, """{"items":[{"name":"edge","address":"0.0.0.0:80","routes":[]}]}""");
        page.Find("[role=alert] button").Click();
        page.WaitForAssertion(() => Assert.Equal("edge", page.Find("tbody th").TextContent));
    }

    [Fact]
    public async Task ShortAndLongForms_ShowTheSameColumns()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer("stats?filter=%5Elistener%5C.",
            """{"stats":[{"name":"listener.0.0.0.0_80.downstream_cx_active","value":1234}],"histograms":[]}""");
        api.Answer(Path, """
            {"items":[
              {"name":"long","address":{"socket_address":{"address":"::1","port_value":443}},"filter_chains":[
                {"transport_socket":{},"filters":[{"name":"envoy.filters.network.http_connection_manager"}]},{"filters":[{"name":"tcp_proxy"}]}]},
              {"name":"short","address":"0.0.0.0:80","routes":[]},
              {"name":"tunnel","address":"unix:///run/x.sock","tcp_proxy":{"cluster":"db"}}]}
            """);
        api.Answer("status", """{"state":"live","listeners":[{"name":"long","state":"active"},{"name":"short","state":"draining"}]}""");
        var page = context.Render<Listeners>();
        page.WaitForAssertion(() => Assert.Equal(3, page.FindAll("tbody tr").Count));
        page.WaitForAssertion(() => Assert.Equal("accepting", Row(page, 0)[3]));
        Assert.Equal(["long", "[::1]:443", "HTTP over TLS", "accepting", "2", "–", "Edit"], Row(page, 0));
        page.WaitForAssertion(() => Assert.Equal(["short", "0.0.0.0:80", "HTTP", "draining", "1", "1,234", "Edit"], Row(page, 1)));
        Assert.Equal(["tunnel", "unix:///run/x.sock", "TCP", "not open", "1", "–", "Edit"], Row(page, 2));
    }

    [Fact]
    public async Task Viewer_GetsNoButtonsThatWrite()
    {
        var (context, api) = ScriptedApi.Create(role: "viewer");
        await using var _ = context;
        api.Answer(Path, """{"items":[{"name":"edge","address":"0.0.0.0:80","routes":[]}]}""");
        api.Answer("stats?filter=%5Elistener%5C.", "{}");
        var page = context.Render<Listeners>();
        page.WaitForAssertion(() => Assert.Equal("View", page.Find(".row-actions a").TextContent));
        Assert.Empty(page.FindAll("a[href='/listeners/new']"));
    }

    [Fact]
    public async Task EveryCall_CarriesTheSessionAndTheApisOwnOrigin()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer(Path, """{"items":[]}""");
        var page = context.Render<Listeners>();
        page.WaitForState(() => page.FindAll(".blank").Count > 0);
        Assert.All(api.Requests, request =>
        {
            Assert.Equal("managed_session=cookie-of-kim", Assert.Single(request.Headers.GetValues("Cookie")));
            Assert.Equal("http://node:9901", Assert.Single(request.Headers.GetValues("Origin")));
            Assert.Equal("same-origin", Assert.Single(request.Headers.GetValues("Sec-Fetch-Site")));
        });
    }

    private static string[] Row(IRenderedComponent<Listeners> page, int row) =>
        [.. page.FindAll("tbody tr")[row].Children.Select(c => c.TextContent.Trim())];
}
