using System.Text.Json;
using Managed.Dashboard.Components.Controls;

namespace Managed.Dashboard.Tests.Components;

public sealed class KeptFormTests
{
    [Fact]
    public async Task NothingKept_SaysNothing()
    {
        var (context, _) = ScriptedApi.Create();
        await using var _1 = context;
        var fields = Fields(context, null);
        var form = context.Render<KeptForm>(p => p.Add(f => f.Key, "form/clusters/web").AddChildContent("<input name='a'>"));
        Assert.Empty(form.FindAll(".note"));
        Assert.Single(fields.Invocations["restore"]);
        Assert.NotNull(form.Find(".kept input"));
    }

    [Fact]
    public async Task WhatWasKept_IsSaidWithItsTimeAndWhatMovedOn_UntilItIsDiscarded()
    {
        var (context, _) = ScriptedApi.Create();
        await using var _1 = context;
        var fields = Fields(context, new { at = "22:14", moved = new[] { "weight" } });
        var discarded = 0;
        var form = context.Render<KeptForm>(p => p.Add(f => f.Key, "form/clusters/web").Add(f => f.OnDiscard, () => discarded++)
            .AddChildContent("<input name='a'>"));
        form.WaitForAssertion(() => Assert.Contains("Your unsaved changes from 22:14 were restored.", form.Find("[role=status]").TextContent));
        Assert.Contains("other values by now for weight; yours are set", form.Find("[role=status]").TextContent);
        form.Find("button").Click();
        Assert.Empty(form.FindAll(".note"));
        Assert.Single(fields.Invocations["clear"]);
        Assert.Equal(1, discarded);
    }

    private static BunitJSModuleInterop Fields(BunitContext context, object? restored)
    {
        var fields = context.JSInterop.SetupModule("./_content/Managed.Dashboard/js/dist/forms.js").SetupModule("keep", _ => true);
        fields.Mode = JSRuntimeMode.Loose;
        fields.Setup<KeptForm.Restored?>("restore", _ => true).SetResult(restored is null ? null
            : JsonSerializer.Deserialize<KeptForm.Restored>(JsonSerializer.Serialize(restored), JsonSerializerOptions.Web));
        return fields;
    }
}
