using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Managed.Dashboard.Tests.Browser;

public sealed class HistoryTests(BrowserFixture browser)
{
    [Fact]
    public async Task TwoPickedVersions_AreCompared()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/history");
        await session.Page.GetByLabel("Compare v2").CheckAsync();
        await session.Page.GetByLabel("Compare v3").CheckAsync();
        await session.Button("Compare v2 with v3").ClickAsync();
        await Expect(session.Heading("v2 → v3")).ToBeVisibleAsync();
        await Expect(session.Page.GetByText("listeners[edge]")).ToBeVisibleAsync();
        await Expect(session.Page.Locator(".cm-deletedChunk")).ToContainTextAsync("timeout: 5s");
        await Expect(session.Page.Locator(".cm-changedLine")).ToContainTextAsync("timeout: 8s");
        await session.Button("Split").ClickAsync();
        await Expect(session.Page.Locator(".cm-merge-a .cm-changedLine")).ToContainTextAsync("timeout: 5s");
        await Expect(session.Page).ToHaveURLAsync(session.Host.Url("/history/compare/2...3?view=split"));
    }

    [Fact]
    public async Task RollBack_IsTwoClicksAndMakesANewVersion()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/history");
        await session.Button("Roll back to v1").ClickAsync();
        await Expect(session.Dialog.GetByText("listeners[internal]")).ToBeVisibleAsync();
        await session.Dialog.GetByLabel("Reason").FillAsync("p99 doubled");
        await session.Dialog.GetByRole(AriaRole.Button, new() { Name = "Roll back to v1" }).ClickAsync();
        await Expect(session.Page.GetByText("v4 live in")).ToBeVisibleAsync();
        await Expect(session.Page.GetByText("restores v1")).ToBeVisibleAsync();
        await Expect(session.Page.GetByText("p99 doubled")).ToBeVisibleAsync();
        Assert.DoesNotContain("internal", session.Host.State.Active.Listeners.Keys);
    }

    [Fact]
    public async Task LongHistory_IsPaged()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        for (var i = 4; i <= 60; i++)
            session.Host.State.Commit(new(session.Host.State.Active.Listeners), $"change {i}");
        await session.GoAsync("/history");
        await Expect(session.Page.Locator("tbody tr")).ToHaveCountAsync(25);
        await session.Page.GetByRole(AriaRole.Link, new() { Name = "Older" }).ClickAsync();
        await Expect(session.Page.Locator("tbody th").First).ToHaveTextAsync("v35");
        await session.Page.GetByPlaceholder("Filter by comment or author").FillAsync("change 17");
        await session.Page.Keyboard.PressAsync("Enter");
        await Expect(session.Page.Locator("tbody th")).ToHaveTextAsync(["v17"]);
    }

    [Fact]
    public async Task Version_ShowsDocumentAndDeployment()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/history/2");
        await Expect(session.Heading("Version 2")).ToBeVisibleAsync();
        await Expect(session.Page.GetByText("4.25 ms").First).ToBeVisibleAsync();
        await Expect(session.Page.Locator(".cm-content")).ToContainTextAsync("timeout: 5s");
    }
}
