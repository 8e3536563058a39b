using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Managed.Dashboard.Tests.Browser;

public sealed class OverviewTests(BrowserFixture browser)
{
    [Fact]
    public async Task Overview_ShowsLiveFiguresWorkersAndVersions()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/");
        await Expect(session.Page.Locator("[data-stat=rps]")).ToHaveTextAsync(new Regex(@"^\d\d,\d{3}$"));
        await Expect(session.Page.Locator(".plot canvas")).ToHaveCountAsync(2);
        await Expect(session.Page.GetByText("All 2 workers on v3")).ToBeVisibleAsync();
        await Expect(session.Page.GetByText("Reports need longer than five seconds")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task NewVersion_ShowsInTheFrameByItself()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/");
        await Expect(session.ActiveVersion("v3 active")).ToBeVisibleAsync();
        session.Host.State.Commit(new(session.Host.State.Active.Listeners), "from a shell");
        await Expect(session.ActiveVersion("v4 active")).ToBeVisibleAsync();
        await Expect(session.Page.GetByText("from a shell")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task TrialDeployment_IsConfirmedFromTheFrame()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/");
        session.Host.State.PendingDeployment = new() { ["id"] = "d3", ["version"] = 3, ["state"] = "awaiting_confirmation",
            ["confirm_by"] = DateTimeOffset.UtcNow.AddMinutes(1).ToString("O"), ["revert_if"] = "5xx>2%", ["conditions"] = new JsonArray(
                new JsonObject { ["metric"] = "5xx", ["limit"] = 2, ["unit"] = "%", ["now"] = 0.1, ["requests"] = 40 }) };
        session.Host.State.Tell("deployment.awaiting_confirmation");
        await Expect(session.Page.GetByText("is taken back by itself in 0:")).ToBeVisibleAsync();
        await Expect(session.Page.GetByText("sooner if 5xx > 2 % (now 0.1 %)")).ToBeVisibleAsync();
        await session.Button("Keep it").ClickAsync();
        await Expect(session.Page.GetByText("is taken back by itself")).ToBeHiddenAsync();
        Assert.Null(session.Host.State.PendingDeployment);
    }

    [Fact]
    public async Task Keys_NavigateAndHelp()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/");
        await Expect(session.Page.Locator("html[data-keys=on]")).ToBeAttachedAsync();
        await session.Page.Keyboard.PressAsync("g");
        await session.Page.Keyboard.PressAsync("l");
        await Expect(session.Heading("Listeners")).ToBeVisibleAsync();
        await session.Page.Keyboard.PressAsync("g");
        await session.Page.Keyboard.PressAsync("m");
        await Expect(session.Heading("Modules")).ToBeVisibleAsync();
        await session.Page.Keyboard.PressAsync("g");
        await session.Page.Keyboard.PressAsync("v");
        await Expect(session.Heading("VMs")).ToBeVisibleAsync();
        await session.Page.Keyboard.PressAsync("g");
        await session.Page.Keyboard.PressAsync("h");
        await Expect(session.Heading("History")).ToBeVisibleAsync();
        await session.Page.Keyboard.PressAsync("?");
        await Expect(session.Dialog.GetByText("Leave the editor")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Theme_IsChosenAndKept()
    {
        await using var session = await BrowserSession.StartAsync(browser, ColorScheme.Light);
        await session.GoAsync("/");
        await session.Page.GetByRole(AriaRole.Button, new() { Name = "Theme: system" }).ClickAsync();
        await session.Page.GetByRole(AriaRole.Menuitem, new() { Name = "Dark" }).ClickAsync();
        await Expect(session.Page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");
        await session.GoAsync("/listeners");
        await Expect(session.Page.GetByRole(AriaRole.Button, new() { Name = "Theme: dark" })).ToBeVisibleAsync();
        await Expect(session.Page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");
    }
}
