using System.Net;
using Managed.Dashboard.Components.Controls;
using Managed.Dashboard.Components.Pages;
using Managed.Dashboard.AdminApi;

namespace Managed.Dashboard.Tests.Components;

public sealed class OverviewPageTests
{
    private const string Ailing = "vms?state=quarantined,backoff,failed";

    [Fact]
    public async Task NothingAnswers_ShowsLoadingInEachPanel()
    {
        var (context, _) = ScriptedApi.Create();
        await using var _1 = context;
        var page = context.Render<Overview>();
        Assert.Equal(["Loading workers", "Loading versions"], page.FindAll(".skeleton").Select(e => e.GetAttribute("aria-label")));
    }

    [Fact]
    public async Task OnePanelFails_TheOtherStillShows()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer("workers", "<html>gateway</html>", HttpStatusCode.BadGateway);
        api.Answer("versions?page_size=8",
            """{"items":[{"version":7,"created_at":"2024-05-01T10:00:00Z","author":"kim","source":"rollback","comment":"p99 """
                + """doubled","restores":5,"state":"active","summary":{"added":2,"changed":1,"removed":0}}]}""");
        var page = context.Render<Overview>();
        page.WaitForAssertion(() =>
        {
            Assert.Contains("answered 502", page.Find("[role=alert]").TextContent);
            Assert.Contains("p99 doubled", page.Markup);
        });
        Assert.Contains("restores v5", page.Markup);
        Assert.Equal("2 added, 1 changed, 0 removed", page.Find(".counts").GetAttribute("aria-label"));
    }

    [Fact]
    public async Task ScriptInQuarantine_IsShownWithWhatToDo()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer(Ailing,
            """{"items":[{"kind":"lua","name":"auth","state":"quarantined","worker":1,"breaches":12,"retry_in_seconds":1.2},"""
                + """{"kind":"lua","name":"auth","state":"quarantined","worker":0,"breaches":30,"retry_in_seconds":3.4}]}""");
        var page = context.Render<Overview>();
        page.WaitForAssertion(() => Assert.Contains("lua script auth is in quarantine", page.Find(".quarantine").TextContent));
        var text = page.Find(".quarantine").TextContent;
        Assert.Contains("on worker 0, 1", text);
        Assert.Contains("after 42 breaches", text);
        Assert.Contains("again in 4 s", text);
    }

    [Theory]
    [InlineData("quarantined", "is in quarantine on worker 0, after 12 traps", "note-bad",
        "called again in 4 s; until then its streams are answered 503")]
    [InlineData("backoff", "waits before it starts again on worker 0", "note-warn", "called again in 4 s")]
    [InlineData("failed", "has failed on worker 0", "note-warn", "The next stream gets a new VM.")]
    public async Task ModuleThatDoesNotServe_IsShownWithItsErrorAndWhatToDo(string state, string what, string tone, string next)
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer(Ailing,
            $$"""{"items":[{"kind":"wasm","name":"geo","state":"{{state}}","worker":0,"errors":12,"retry_in_seconds":3.4"""
                + $$""","last_error":"stack overflow (in walk)"}]}""");
        var page = context.Render<Overview>();
        page.WaitForAssertion(() => Assert.Contains("wasm module geo", page.Find(".quarantine").TextContent));
        var note = page.Find(".quarantine");
        var text = string.Join(' ', note.TextContent.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(what, text);
        Assert.Contains("stack overflow (in walk)", text);
        Assert.Contains(next, text);
        Assert.Contains(tone, note.ClassList);
        Assert.NotNull(page.Find("a[href='/modules?tab=runtime&kind=wasm&q=geo']"));
    }

    [Theory]
    [InlineData(4, 4, "All 2 workers on v4", "good")]
    [InlineData(4, 3, "1 of 2 workers on v4", "warn")]
    public async Task WorkerLamp_SaysWhetherAllServeTheActiveVersion(long first, long second, string text, string tone)
    {
        var (context, _) = ScriptedApi.Create();
        await using var _1 = context;
        var lamp = context.Render<WorkerLamp>(p => p
            .Add(l => l.Workers, [new WorkerStatus { Id = 0, Version = first }, new WorkerStatus { Id = 1, Version = second }])
            .Add(l => l.Active, 4));
        Assert.Equal(text, lamp.Find(".mark").TextContent.Trim());
        Assert.Contains(tone, lamp.Find(".mark").ClassList);
    }

    [Theory]
    [InlineData(4, "1 worker, on v4")]
    [InlineData(3, "1 worker, not on v4 yet")]
    public async Task WorkerLamp_CountsOneInTheSingular(long version, string text)
    {
        var (context, _) = ScriptedApi.Create();
        await using var _1 = context;
        var lamp = context.Render<WorkerLamp>(p => p.Add(l => l.Workers, [new WorkerStatus { Id = 0, Version = version }])
            .Add(l => l.Active, 4));
        Assert.Equal(text, lamp.Find(".mark").TextContent.Trim());
    }
}
