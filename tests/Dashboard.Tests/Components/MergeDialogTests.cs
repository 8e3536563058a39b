using System.Net;
using Managed.Dashboard.Components.Controls;
using MudBlazor;

namespace Managed.Dashboard.Tests.Components;

/// <summary>What becomes of places that two people changed: in the editor, and where a version is undone.</summary>
public sealed class MergeDialogTests
{
    private const string Conflicts = """
        {"title":"Conflict","status":409,"code":"CONFLICT","detail":"a place was changed again since","conflicts":[
          {"pointer":"#/clusters/0/connect_timeout","where":"clusters[web].connect_timeout","base":"8s","theirs":"9s","yours":"5s"},
          {"pointer":"#/clusters/0/lb_policy","base":"RANDOM","theirs":null,"yours":null}]}
        """;
    private const string Preview = """
        {"dry_run":true,"changed":true,"diff":[{"op":"replace","pointer":"#/clusters/0","where":"clusters[web]"}]}
        """;

    [Theory]
    [InlineData("Mine in these places", "mine")]
    [InlineData("Theirs in these places", "theirs")]
    [InlineData("Discard my text", "discard")]
    [InlineData("Decide later", null)]
    public async Task Choice_IsHandedToTheEditor_AndSaysWhoChangedIt(string button, string? choice)
    {
        await using var context = Create(new EditorConflict(true, false, null), out var script, out var yaml);
        var dialogs = context.Render<MudDialogProvider>();
        var chosen = dialogs.InvokeAsync(() => ConflictDialog.ShowAsync(context.Services.GetRequiredService<IDialogService>(), yaml,
            ", by kim at 14:05"));
        dialogs.WaitForAssertion(() => Assert.Contains("Somebody changed the same places on the node, by kim at 14:05", dialogs.Markup));
        dialogs.WaitForAssertion(() => Assert.False(Button(dialogs, "Mine in these places").HasAttribute("disabled")));
        Assert.Single(script.Invocations["showConflict"]);
        Button(dialogs, button).Click();
        Assert.Equal(choice, await chosen);
    }

    [Fact]
    public async Task DeletedResource_LeavesTheTextAndNoTheirs()
    {
        await using var context = Create(new EditorConflict(true, true, null), out _, out var yaml);
        var dialogs = context.Render<MudDialogProvider>();
        var chosen = dialogs.InvokeAsync(() => ConflictDialog.ShowAsync(context.Services.GetRequiredService<IDialogService>(), yaml, ""));
        dialogs.WaitForAssertion(() => Assert.Contains("It was deleted on the node", dialogs.Markup));
        Assert.DoesNotContain("Theirs in these places", dialogs.Markup);
        Button(dialogs, "Go on with mine").Click();
        Assert.Equal("mine", await chosen);
    }

    [Fact]
    public async Task NodeThatDoesNotAnswer_LeavesNothingToChoose()
    {
        var problem = new EditorProblem(0, "UNREACHABLE", "The admin API does not answer", null, null);
        await using var context = Create(new EditorConflict(false, false, problem), out _, out var yaml);
        var dialogs = context.Render<MudDialogProvider>();
        _ = dialogs.InvokeAsync(() => ConflictDialog.ShowAsync(context.Services.GetRequiredService<IDialogService>(), yaml, ""));
        dialogs.WaitForAssertion(() => Assert.Contains("The admin API does not answer", dialogs.Markup));
        Assert.True(Button(dialogs, "Mine in these places").HasAttribute("disabled"));
        Assert.True(Button(dialogs, "Discard my text").HasAttribute("disabled"));
    }

    [Fact]
    public async Task UndoThatOverlaps_ShowsAllThreeValues_AndAsksBeforeItMayBeDone()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer("versions/4/revert?dry_run=true", Conflicts, HttpStatusCode.Conflict);
        api.Answer("versions/4/revert?overlap=keep&dry_run=true", Preview);
        var dialogs = context.Render<MudDialogProvider>();
        var shown = dialogs.InvokeAsync(() => UndoDialog.ShowAsync(context.Services.GetRequiredService<IDialogService>(), 4));
        dialogs.WaitForAssertion(() => Assert.Contains("2 places were changed again since", dialogs.Markup));
        Assert.Equal(["\"5s\"", "\"8s\"", "\"9s\"", "(nothing)", "\"RANDOM\"", "(nothing)"],
            dialogs.FindAll(".overlaps dd").Select(d => d.TextContent));
        Assert.Equal("clusters[web].connect_timeout", dialogs.FindAll(".overlaps .op-pointer")[0].TextContent);
        Assert.True(Button(dialogs, "Undo v4").HasAttribute("disabled"));
        dialogs.Find("select").Change("keep");
        dialogs.WaitForAssertion(() => Assert.False(Button(dialogs, "Undo v4").HasAttribute("disabled")));
        Assert.Contains("clusters[web]", dialogs.Find(".ops").TextContent);
    }

    private static AngleSharp.Dom.IElement Button(IRenderedComponent<MudDialogProvider> dialogs, string text) =>
        dialogs.FindAll("button").Single(b => b.TextContent.Trim() == text);

    /// <summary>An editor whose browser shows this conflict.</summary>
    private static BunitContext Create(EditorConflict conflict, out BunitJSModuleInterop editor, out YamlEditor yaml)
    {
        var (context, _) = ScriptedApi.Create();
        editor = context.JSInterop.SetupModule("./_content/Managed.Dashboard/js/dist/editor.js").SetupModule("createEditor", _ => true);
        editor.Mode = JSRuntimeMode.Loose;
        editor.Setup<EditorConflict>("showConflict", _ => true).SetResult(conflict);
        yaml = context.Render<YamlEditor>(p => p.Add(e => e.Collection, "clusters").Add(e => e.Noun, "cluster").Add(e => e.Name, "web"))
            .Instance;
        return context;
    }
}
