using Managed.Dashboard.Components.Controls;
using Microsoft.AspNetCore.Components.Web;
using MudBlazor;

namespace Managed.Dashboard.Tests.Components;

public sealed class ListenerDiagramTests
{
    private const string Filters = "listeners/edge/filter_chains/main/http_filters", Stats = "stats?filter="
        + "%5Elistener%5C..%2A%5C.downstream_%28cx_active%7Ccx_total%7Cpre_cx_timeout%29%24"
        + "%7C%5Ehttp%5C.%28edge%29%5C.downstream_rq_%28total%7C4xx%7C5xx%29%24"
        + "%7C%5Ecluster%5C.%28web%7Capi%29%5C.membership_%28healthy%7Ctotal%29%24";

    private const string Behind = """{"name":"envoy.filters.listener.proxy_protocol","typed_config":{"x":1}}""",
        Moved = $$"""[{"name":"tls_inspector"},{{Behind}}]""";

    [Fact]
    public async Task Chain_IsDrawnInItsOrder_WithFiguresAndTimes()
    {
        var (context, api) = Create();
        await using var _ = context;
        var page = context.Render<ListenerDiagram>(p => p.Add(d => d.Name, "edge"));
        page.WaitForAssertion(() => Assert.Contains("p99 9.5 µs", page.Find(".lane").TextContent));
        Assert.Equal(["lua", "check", "router"], page.FindAll(".filter-name").Select(n => n.Children[0].TextContent));
        Assert.Contains("12 open", page.FindAll(".stage")[0].TextContent);
        Assert.Contains("takes name a.example or b.example", page.Markup);
        Assert.Contains("TLS", page.FindAll(".stage")[2].TextContent);
        Assert.Equal("/listeners/edge?tab=yaml&find=hcm", page.FindAll(".stage a")[3].GetAttribute("href"));
        Assert.Contains("3 errors", page.Find(".lane-errors").TextContent);
        Assert.Equal(["web", "api"], page.FindAll("a[href^='/clusters/']:not(.mark)").Select(a => a.TextContent));
        Assert.Equal("1 of 2 endpoints of web are healthy", page.Find("a.mark.warn").GetAttribute("aria-label"));
        Assert.Equal("disabled", page.FindAll(".filter.off .tag").Single().TextContent);
        Assert.False(page.Find("[aria-label='Move check earlier']").HasAttribute("disabled"));
        Assert.True(page.Find("[aria-label='Move check later']").HasAttribute("disabled")); // the router stays the last
        Assert.True(page.Find("[aria-label='Move lua earlier']").HasAttribute("disabled"));
    }

    [Fact]
    public async Task ListenerFilters_AndTheDefaultChain_AreDrawnToo()
    {
        var (context, api) = Create();
        await using var _ = context;
        api.Answer("listeners/edge", """
            {"name":"edge","address":"127.0.0.1:80","listener_filters":[{"name":"envoy.filters.listener.proxy_protocol"},{"name":"tls_inspector"}],
             "default_filter_chain":{"filters":[{"name":"hcm","typed_config":{"@type":"type.googleapis.com/x.HttpConnectionManager","stat_prefix":"rest"}}]}}
            """);
        api.Answer("listeners/edge/filter_chains/default/http_filters?page_size=200", """{"items":[{"name":"cors"},{"name":"router"}]}""");
        api.Answer("listeners/edge/filter_chains/default/filter_times", """{"items":[]}""");
        var page = context.Render<ListenerDiagram>(p => p.Add(d => d.Name, "edge"));
        page.WaitForAssertion(() => Assert.Equal(["Filter chain main", "Filter chain default"],
            page.FindAll(".chain").Select(c => c.GetAttribute("aria-label"))));
        Assert.Equal(["proxy_protocol", "tls_inspector"],
            page.FindAll("[aria-label^='Listener filters'] .filter-name").Select(s => s.TextContent));
        Assert.Contains("takes what no other chain does", page.FindAll(".chain")[1].TextContent);
        Assert.Equal(["cors", "router"], page.FindAll(".chain")[1].QuerySelectorAll(".filter-name").Select(n => n.Children[0].TextContent));
    }

    [Theory]
    [InlineData("Move tls_inspector earlier", Moved)]
    [InlineData("Move proxy_protocol later", Moved)]
    [InlineData("Remove tls_inspector", $"[{Behind}]")]
    [InlineData("drag", Moved)]
    public async Task ListenerFilters_AreMovedAndRemoved_GuardedByTheListenersEtag(string button, string expected)
    {
        var (context, api) = Create();
        await using var _ = context;
        api.Answer("listeners/edge", """
            {"name":"edge","address":"127.0.0.1:80","listener_filters":[{"name":"envoy.filters.listener.proxy_protocol","typed_config":{"x":1}},{"name":"tls_inspector"}]}
            """, etag: "\"e7\"");
        api.Answer("listeners/edge?dry_run=true", """{"dry_run":true,"changed":true,"diff":[{"op":"move","pointer":"#/x"}]}""");
        context.Render<MudDialogProvider>();
        var page = context.Render<ListenerDiagram>(p => p.Add(d => d.Name, "edge"));
        page.WaitForElement("[aria-label^='Listener filters']");
        if (button is "drag")
        {
            page.FindAll("[aria-label^='Listener filters'] li")[0].TriggerEvent("ondragstart", new DragEventArgs());
            page.FindAll("[aria-label^='Listener filters'] li")[1].TriggerEvent("ondrop", new DragEventArgs());
        }
        else
        {
            page.Find($"[aria-label='{button}']").Click();
        }
        page.WaitForAssertion(() => Assert.Equal([$$"""{"listener_filters":{{expected}}}"""], api.Bodies));
        Assert.Equal("\"e7\"", api.Requests.Single(r => r.Method.Method == "PATCH").Headers.GetValues("If-Match").Single());
    }

    [Fact]
    public async Task NewListenerFilter_IsOfTheirKinds_AndTheFirstOneMakesTheList()
    {
        var (context, api) = Create();
        await using var _ = context;
        api.Answer("schema", """
            {"kinds":[{"kind":"local_ratelimit","type":"http_filter","summary":"Of requests."},
             {"kind":"local_ratelimit","type":"listener_filter","summary":"Of connections."}]}
            """);
        api.Answer("schema/envoy.filters.listener.local_ratelimit",
            """{"type":"object","properties":{"stat_prefix":{"type":"string"}}}""");
        api.Answer("listeners/edge?dry_run=true", """{"dry_run":true,"changed":true,"diff":[{"op":"add","pointer":"#/x"}]}""");
        var dialogs = context.Render<MudDialogProvider>();
        var page = context.Render<ListenerDiagram>(p => p.Add(d => d.Name, "edge"));
        page.WaitForAssertion(() => page.FindAll("button").Single(b => b.TextContent.Trim() == "Add a listener filter").Click());
        dialogs.WaitForAssertion(() => Assert.Equal(["", "local_ratelimit"],
            dialogs.FindAll("option").Select(o => o.GetAttribute("value"))));
        dialogs.Find("select").Change("local_ratelimit");
        Assert.Contains("Of connections.", dialogs.Markup);
        dialogs.WaitForElement("input").Change("few");
        dialogs.FindAll("button").Single(b => b.TextContent.Trim() == "Review").Click();
        dialogs.WaitForAssertion(() => Assert.Equal(
            ["""{"listener_filters":[{"name":"local_ratelimit","typed_config":{"stat_prefix":"few"}}]}"""], api.Bodies));
    }

    [Theory]
    [InlineData("[aria-label='Move lua later']", "PUT", Filters + "/order?dry_run=true", """["check","lua","router"]""")]
    [InlineData("[aria-label='Disable lua']", "PATCH", Filters + "/lua?dry_run=true", """{"disabled":true}""")]
    [InlineData("[aria-label='Enable check']", "PATCH", Filters + "/check?dry_run=true", """{"disabled":null}""")]
    [InlineData("[aria-label='Remove check']", "DELETE", Filters + "/check?dry_run=true", null)]
    public async Task Change_IsReviewed_AndAppliedWithItsComment(string button, string method, string dryRun, string? body)
    {
        var (context, api) = Create();
        await using var _ = context;
        api.Answer(dryRun, """
            {"dry_run":true,"changed":true,"summary":{"added":0,"changed":1,"removed":0},
             "diff":[{"op":"replace","pointer":"#/listeners/0","where":"listeners[edge]","kind":"listener","name":"edge"}]}
            """);
        api.Answer(dryRun.Replace("dry_run=true", "comment=because"), "{}");
        var dialogs = context.Render<MudDialogProvider>();
        var page = context.Render<ListenerDiagram>(p => p.Add(d => d.Name, "edge"));
        page.WaitForElement(button).Click();
        dialogs.WaitForAssertion(() => Assert.Contains("listeners[edge]", dialogs.Markup));
        Assert.DoesNotContain(api.Requests, r => r.Method.Method != "GET" && !r.RequestUri!.Query.Contains("dry_run"));
        dialogs.Find("input").Input("because");
        dialogs.FindAll("button").Single(b => b.TextContent.Trim() == "Apply").Click();
        dialogs.WaitForAssertion(() => Assert.Contains(api.Requests, r => r.Method.Method == method
            && r.RequestUri!.PathAndQuery == "/api/v1/" + dryRun.Replace("dry_run=true", "comment=because")));
        Assert.Equal(body is null ? [] : [body, body], api.Bodies);
    }

    [Fact]
    public async Task DraggedFilter_IsMovedToWhereItIsDropped_ButNeverBehindTheRouter()
    {
        var (context, api) = Create();
        await using var _ = context;
        api.Answer(Filters + "/order?dry_run=true", """{"dry_run":true,"changed":true,"diff":[{"op":"move","pointer":"#/x"}]}""");
        context.Render<MudDialogProvider>();
        var page = context.Render<ListenerDiagram>(p => p.Add(d => d.Name, "edge"));
        page.WaitForElement(".filter").TriggerEvent("ondragstart", new DragEventArgs());
        page.FindAll(".filter")[2].TriggerEvent("ondrop", new DragEventArgs()); // the router
        page.WaitForAssertion(() => Assert.Equal(["""["check","lua","router"]"""], api.Bodies));
    }

    [Fact]
    public async Task Viewer_SeesItWithoutActions()
    {
        var (context, _) = Create("viewer");
        await using var _1 = context;
        var page = context.Render<ListenerDiagram>(p => p.Add(d => d.Name, "edge"));
        page.WaitForAssertion(() => Assert.Equal(3, page.FindAll(".filter").Count));
        Assert.Empty(page.FindAll(".filter-actions"));
        Assert.DoesNotContain("Add a filter", page.Markup);
    }

    [Fact]
    public async Task NewFilter_IsMadeFromTheNodesOwnSchema()
    {
        var (context, api) = Create();
        await using var _ = context;
        api.Answer("schema", """
            {"kinds":[{"kind":"lua","type":"http_filter","summary":"Runs a script."},
             {"kind":"router","type":"http_filter","summary":null},{"kind":"tcp_proxy","type":"network_filter","summary":null}]}
            """);
        api.Answer("schema/lua", """
            {"type":"object","properties":{"@type":{"type":"string"},"inline_code":{"type":"string","description":"The script."},
              "limits":{"$ref":"#/$defs/L"}},
             "$defs":{"L":{"type":"object","properties":{"instructions":{"type":"integer"}}}}}
            """);
        api.Answer(Filters + "?dry_run=true", """{"dry_run":true,"changed":true,"diff":[{"op":"add","pointer":"#/x"}]}""");
        var dialogs = context.Render<MudDialogProvider>();
        var page = context.Render<ListenerDiagram>(p => p.Add(d => d.Name, "edge"));
        page.WaitForElement("[aria-label='Add a filter to main']").Click();
        dialogs.WaitForAssertion(() => Assert.Equal(["", "lua"], dialogs.FindAll("option").Select(o => o.GetAttribute("value"))));
        dialogs.Find("select").Change("lua");
        dialogs.WaitForElement("input").Change("function f() end");
        dialogs.Find("details").TriggerEvent("ontoggle", EventArgs.Empty);
        dialogs.WaitForElement(".schema-section input").Change("x");
        Assert.Contains("It is not a number", dialogs.Markup);
        dialogs.Find(".schema-section input").Change("500");
        dialogs.FindAll("button").Single(b => b.TextContent.Trim() == "Review").Click();
        const string made = """{"name":"lua-2","typed_config":{"@type":"lua","inline_code":"function f() end","""
            + "\"limits\":{\"instructions\":500}}}";
        dialogs.WaitForAssertion(() => Assert.Equal([made], api.Bodies));
    }

    private static (BunitContext Context, ScriptedApi Api) Create(string role = "admin")
    {
        var (context, api) = ScriptedApi.Create(role);
        api.Answer("listeners/edge", """{"name":"edge","address":"127.0.0.1:80","routes":[]}""");
        api.Answer("listeners/edge/filter_chains?page_size=200", """
            {"items":[{"name":"main","filter_chain_match":{"server_names":["a.example","b.example"]},"transport_socket":{"name":"envoy.transport_sockets.tls"},
              "filters":[{"name":"hcm","typed_config":{"@type":"type.googleapis.com/x.HttpConnectionManager","stat_prefix":"edge","route_config":{"name":"edge","virtual_hosts":[{"name":"all","domains":["*"],"routes":[
                {"match":{"prefix":"/"},"route":{"weighted_clusters":{"clusters":[{"name":"web","weight":1},{"name":"api","weight":1}]}}}]}]}}}]}]}
            """);
        api.Answer(Filters + "?page_size=200",
            """{"items":[{"name":"lua"},{"name":"check","disabled":true,"typed_config":{"@type":"wasm"}},{"name":"router"}]}""");
        api.Answer("listeners/edge/filter_chains/main/filter_times", """
            {"items":[{"name":"lua","disabled":false,"errors":3,"request":{"count":90,"mean":3.1,"p50":2.9,"p90":4.2,"p99":9.5},"response":{"count":0,"mean":0,"p50":0,"p90":0,"p99":0}}]}
            """);
        api.Answer(Stats, """
            {"stats":[{"name":"listener.127.0.0.1_80.downstream_cx_active","value":12},
            {"name":"cluster.web.membership_healthy","value":1},{"name":"cluster.web.membership_total","value":2}],"histograms":[]}
            """);
        return (context, api);
    }
}
