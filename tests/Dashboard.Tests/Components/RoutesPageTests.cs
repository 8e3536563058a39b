namespace Managed.Dashboard.Tests.Components;

public sealed class RoutesPageTests
{
    private const string Listeners = "listeners?page_size=200", Document = "config?expanded=true";

    private const string Routes = """
        {"listeners":[{"name":"edge","filter_chains":[{"filters":[{"name":"hcm","typed_config":{"route_config":{"name":"edge","virtual_hosts":[
          {"name":"shop","domains":["shop.example","*.shop.example"],"routes":[
            {"name":"api","match":{"prefix":"/api","headers":[{"name":"x-a"}]},"route":{"cluster":"api"}},
            {"match":{"safe_regex":{"regex":"/v[0-9]+"}},"route":{"weighted_clusters":{"clusters":[{"name":"blue","weight":3},{"name":"green","weight":1}]}}},
            {"match":{"path":"/ping"},"direct_response":{"status":204}},
            {"match":{"prefix":"/"},"redirect":{"host_redirect":"www.shop.example"}}]}]}}}]}]}],
         "route_configurations":[{"name":"shared","virtual_hosts":[{"name":"all","domains":["*"],"routes":[
            {"name":"by","match":{"path_separated_prefix":"/x"},"route":{"cluster_header":"x-to"}}]}]}]}
        """;

    [Fact]
    public async Task RoutesOfListenersAndConfigurations_StandInTheirOrder_WithWhatTheyDo()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer(Listeners, """{"items":[{"name":"edge","address":"127.0.0.1:80","routes":[]}]}""");
        api.Answer(Document, Routes);
        api.Answer("stats/routes?page_size=1000", """
            {"items":[{"route_configuration":"edge","virtual_host":"shop","route":"api","requests":1200,"p99_ms":3.2},
              {"route_configuration":"other","virtual_host":"shop","route":"api","requests":9}],"next_page_token":"more"}
            """);
        api.Answer("stats/routes?page_size=1000&page_token=more",
            """{"items":[{"route_configuration":"shared","virtual_host":"all","route":"by","requests":1}]}""");
        var page = context.Render<Dashboard.Components.Pages.Routes>();
        page.WaitForAssertion(() => Assert.Equal(["api", "route-1", "route-2", "route-3", "by"],
            page.FindAll("tbody th").Select(t => t.TextContent.Trim())));
        page.WaitForAssertion(() => Assert.Equal(["1,200", "3.2 ms"], page.FindAll("tbody tr td.num").Take(2).Select(c => c.TextContent)));
        var cells = page.FindAll("tbody tr").Select(r => r.QuerySelectorAll("td").Select(c => Words(c.TextContent)).ToList()).ToList();
        Assert.Equal(["prefix /api and 1 condition", "api", "shop.example, *.shop.example", "listener edge · shop"], cells[0].Take(4));
        Assert.Equal(["safe regex /v[0-9]+", "blue 75 %green 25 %"], cells[1].Take(2));
        Assert.Equal(["path /ping", "answers 204"], cells[2].Take(2));
        Assert.Equal(["prefix /", "redirects to www.shop.example"], cells[3].Take(2));
        Assert.Equal(["path separated prefix /x", "named by x-to", "*", "configuration shared · all", "1", "–"], cells[4]);
        Assert.Equal("blue 75 %, green 25 %", page.Find(".weights").GetAttribute("aria-label"));
        Assert.Equal("/listeners/edge", page.FindAll("tbody th a")[0].GetAttribute("href"));
        Assert.Equal("/routes/shared", page.FindAll("tbody th a")[4].GetAttribute("href"));
    }

    [Fact]
    public async Task RoutesOfAMatchTree_AreThere()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer(Listeners, """{"items":[]}""");
        api.Answer(Document, """
            {"route_configurations":[{"name":"shared","virtual_hosts":[{"name":"all","domains":["*"],"matcher":{
              "matcher_tree":{"input":{"name":"path"},"prefix_match_map":{"map":{
                "/api/":{"action":{"name":"api","typed_config":{"match":{"prefix":"/api/"},"route":{"cluster":"api"}}}},
                "/more/":{"matcher":{"matcher_list":{"matchers":[{"on_match":{"action":{"name":"list","typed_config":{"routes":[
                  {"name":"one","match":{"path":"/more/1"},"direct_response":{"status":204}},
                  {"name":"two","match":{"prefix":"/more/"},"route":{"cluster":"more"}}]}}}}]}}}}}},
              "on_no_match":{"action":{"name":"rest","typed_config":{"name":"rest","match":{"prefix":"/"},"route":{"cluster":"web"}}}}}}]}]}
            """);
        var page = context.Render<Dashboard.Components.Pages.Routes>();
        page.WaitForAssertion(() => Assert.Equal(["route-0", "one", "two", "rest"],
            page.FindAll("tbody th").Select(t => t.TextContent.Trim())));
        Assert.Equal(["prefix /api/", "path /more/1", "prefix /more/", "prefix /"],
            page.FindAll("tbody td[data-label=Match]").Select(t => Words(t.TextContent)));
    }

    [Fact]
    public async Task NoRoute_OffersToPublishAService()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer(Listeners, """{"items":[]}""");
        api.Answer(Document, "{}");
        var page = context.Render<Dashboard.Components.Pages.Routes>();
        page.WaitForAssertion(() => Assert.Contains("No route yet", page.Markup));
        Assert.NotNull(page.Find("a[href='/new']"));
    }

    [Fact]
    public async Task AskedWhy_TheNodeIsAskedAsTyped_AndTheReasonsAreShown()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer(Listeners,
            """{"items":[{"name":"edge","address":"127.0.0.1:80","routes":[]},{"name":"raw","address":"127.0.0.1:81"}]}""");
        api.Answer(Document, Routes);
        api.Answer("match", """
            {"matched":true,"filter_chain":"main","route_configuration":"edge","virtual_host":"shop","route":"route-3","action":"route","cluster":"web",
             "steps":[{"kind":"route","name":"api","matched":false,"reason":"header x-a is missing"},{"kind":"route","name":"route-3","matched":true,"reason":"prefix / matches"}]}
            """);
        var page = context.Render<Dashboard.Components.Pages.Routes>();
        page.WaitForAssertion(() => Assert.Equal(["edge"], page.FindAll(".why select")[0].Children.Select(o => o.TextContent)));
        page.FindAll(".why select")[1].Change("POST");
        page.FindAll(".why input")[0].Input("shop.example");
        page.FindAll(".why input")[1].Input("api/x");
        page.Find(".why textarea").Input("X-B: 1\nx-b: 2\nnothing\n");
        page.Find("form.why").Submit();
        page.WaitForAssertion(() => Assert.Contains("header x-a is missing", page.Find(".steps").TextContent));
        Assert.Contains("route-3 of virtual host shop sends it to web", Words(page.Find(".why .note").TextContent));
        Assert.Equal("""{"listener":"edge","method":"POST","authority":"shop.example","path":"/api/x","headers":{"x-b":["1","2"]}}""",
            Assert.Single(api.Bodies));
    }

    private static string Words(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
