using Managed.Dashboard.Components.Controls;
using MudBlazor;

namespace Managed.Dashboard.Tests.Components;

public sealed class TrialFieldsTests
{
    [Theory]
    [InlineData("2", "250", "5xx>2%,p99>250ms", null)]
    [InlineData(" 0,5 ", "", "5xx>0.5%", null)]
    [InlineData("", "1.5", "p99>1.5ms", null)]
    [InlineData("", "", null, null)]
    [InlineData("100", "", null, "5xx: a share")]
    [InlineData("0", "", null, "5xx: a share")]
    [InlineData("two", "", null, "5xx: a share")]
    [InlineData("2%", "", null, "5xx: a share")]
    [InlineData("2", "1e3", null, "p99: a time")]
    [InlineData("2", "-1", null, "p99: a time")]
    public void Typed_BecomesConditions_OrIsSaidToBeWrong(string failed, string slow, string? revertIf, string? says)
    {
        using var context = ScriptedApi.Create().Context;
        var trial = new Trial();
        var page = context.Render<TrialFields>(p => p.Add(f => f.Trial, trial));
        Assert.Empty(page.FindAll("input")); // without a trial nothing is taken back
        page.Find("select").Change("60s");
        page.FindAll("input")[0].Input(failed);
        page.FindAll("input")[1].Input(slow);
        Assert.Equal(("60s", revertIf), (trial.ConfirmWithin, trial.RevertIf));
        Assert.Equal(says is not null, trial.Problem is not null);
        Assert.Equal(says is null ? 0 : 1, page.FindAll("[role=alert]")
            .Count(a => a.TextContent.StartsWith(says ?? "", StringComparison.Ordinal)));
        page.Find("select").Change("");
        Assert.Equal((null, null, null), (trial.ConfirmWithin, trial.RevertIf, trial.Problem));
    }

    [Fact]
    public async Task RollBack_MayBeATrial()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer("versions/active", """{"version":5,"state":"active"}""");
        api.Answer("versions/5/diff/3", """{"summary":{"added":0,"changed":1,"removed":0},"operations":[]}""");
        api.Answer("versions/3/rollback?confirm_within=5m&revert_if=5xx%3E2%25", "{}");
        var dialogs = context.Render<MudDialogProvider>();
        await dialogs.InvokeAsync(() => RollBackDialog.ShowAsync(context.Services.GetRequiredService<IDialogService>(), 3));
        dialogs.WaitForElement("select").Change("5m");
        dialogs.Find(".trial-fields input").Input("x");
        Assert.True(dialogs.FindAll("button").Single(b => b.TextContent.Trim() == "Roll back to v3").HasAttribute("disabled"));
        dialogs.Find(".trial-fields input").Input("2");
        dialogs.FindAll("button").Single(b => b.TextContent.Trim() == "Roll back to v3").Click();
        dialogs.WaitForAssertion(() => Assert.Contains(api.Requests,
            r => r.Method == HttpMethod.Post && r.RequestUri!.Query == "?confirm_within=5m&revert_if=5xx%3E2%25"));
    }
}
