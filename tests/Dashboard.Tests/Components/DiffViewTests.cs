using System.Text.Json;
using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;
using Managed.Dashboard.Components.Pages;
using Microsoft.AspNetCore.Components;

namespace Managed.Dashboard.Tests.Components;

public sealed class DiffViewTests
{
    private const string Script = "./_content/Managed.Dashboard/js/dist/editor.js";

    [Theory]
    [InlineData("add", null, "5", "added", "+")]
    [InlineData("remove", "5", null, "removed", "−")]
    [InlineData("replace", "\"5s\"", "\"8s\"", "changed", "~")]
    [InlineData("move", null, null, "moved", "↕")]
    public async Task Place_IsShownWithItsSignItsWordAndBothValues(string op, string? from, string? to, string word, string sign)
    {
        var (context, _) = ScriptedApi.Create();
        await using var _1 = context;
        var view = context.Render<OperationList>(p => p.Add(l => l.Diff,
            Diff(new DiffOperation(op, "#/clusters/0/x", "clusters[web].x", "route_configuration", "web", Json(from), Json(to)))));
        var mark = view.Find(".op");
        Assert.Equal((word, sign), (mark.GetAttribute("aria-label"), mark.TextContent));
        Assert.Equal("route configuration web", view.Find(".op-what").TextContent);
        Assert.Equal("clusters[web].x", view.Find(".op-pointer").TextContent);
        Assert.Equal("#/clusters/0/x", view.Find(".op-pointer").GetAttribute("title"));
        Assert.Equal(from, view.FindAll("del").SingleOrDefault()?.TextContent);
        Assert.Equal(to, view.FindAll("ins").SingleOrDefault()?.TextContent);
    }

    [Fact]
    public async Task LongValuesAndLists_AreCut_AndSaySo()
    {
        var (context, _) = ScriptedApi.Create();
        await using var _1 = context;
        var many = Enumerable.Range(0, 45).Select(i => new DiffOperation("add", $"#/listeners/{i}", null, null, null, null,
            Json($"\"{new string('x', 100_000)}\""))).ToArray();
        var view = context.Render<OperationList>(p => p.Add(l => l.Diff, Diff(many)).Add(l => l.Limit, 40));
        Assert.Equal(41, view.FindAll("li").Count);
        Assert.Equal("and 5 more", view.FindAll("li").Last().TextContent);
        Assert.EndsWith("…", view.FindAll("ins")[0].TextContent);
        Assert.Equal("#/listeners/0", view.FindAll(".op-pointer")[0].TextContent); // a place without a name says its pointer
        Assert.InRange(view.Markup.Length, 1, 40_000); // whatever is in it, it goes through the circuit
    }

    [Fact]
    public async Task Comparison_AsksTheBrowserForBothTexts_AndAgainWhereTheViewIsAnother()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer("versions/1/diff/3", """
            {"summary":{"added":0,"changed":1,"removed":0},
             "operations":[{"op":"replace","pointer":"#/a","where":"listeners[edge]","kind":"listener","name":"edge"}]}
            """);
        var script = context.JSInterop.SetupModule(Script);
        script.Setup<EditorLoad>("showComparison", _ => true).SetResult(new(true, false, false, null, null));
        var page = context.Render<ComparePage>(p => p.Add(c => c.Range, "1...3"));
        page.WaitForAssertion(() => Assert.Equal("listeners[edge]", page.Find(".op-pointer").TextContent));
        page.WaitForAssertion(() => Assert.Single(script.Invocations["showComparison"]));
        Assert.Equal(["/api/v1/versions/1/config", "/api/v1/versions/3/config", false, "v1", "v3"],
            script.Invocations["showComparison"][0].Arguments.Skip(1));
        page.FindAll(".segmented button").Single(b => b.TextContent == "Split").Click();
        page.WaitForAssertion(() => Assert.Equal(2, script.Invocations["showComparison"].Count));
        Assert.Equal(true, script.Invocations["showComparison"][1].Arguments[3]);
        Assert.EndsWith("?view=split", context.Services.GetRequiredService<NavigationManager>().Uri);
    }

    [Fact]
    public async Task TextThatCannotBeRead_IsSaidInItsPlace()
    {
        var (context, _) = ScriptedApi.Create();
        await using var _1 = context;
        var script = context.JSInterop.SetupModule(Script);
        script.Setup<EditorLoad>("showDocument", _ => true).SetResult(new(false, false, false, null,
            new(410, "VERSION_PRUNED", "It is gone", "version 1 is no longer kept", null)));
        var view = context.Render<TextView>(p => p.Add(t => t.Version, 1));
        view.WaitForAssertion(() => Assert.Contains("version 1 is no longer kept", view.Markup));
    }

    private static ConfigDiff Diff(params DiffOperation[] operations) => new(new(0, operations.Length, 0), operations);

    private static JsonElement? Json(string? text) => text is null ? null : JsonDocument.Parse(text).RootElement;
}
