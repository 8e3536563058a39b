using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Managed.Dashboard.Tests.Browser;

public sealed class TrafficTests(BrowserFixture browser)
{
    [Fact]
    public async Task Palette_LeadsToTheTraffic_AndAMarkSaysWhatItsVersionDid()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/");
        session.Host.State.Commit(new(session.Host.State.Active.Listeners), "half of it");
        await Expect(session.Page.Locator("html[data-keys=on]")).ToBeAttachedAsync();
        await session.Page.Keyboard.PressAsync("Control+K");
        await session.Page.GetByRole(AriaRole.Combobox, new() { Name = "Search resources and actions" }).FillAsync("edge traf");
        await Expect(session.Page.GetByRole(AriaRole.Option, new() { Name = "edge traffic listener" }))
            .ToHaveAttributeAsync("aria-selected",
            "true");
        await session.Page.Keyboard.PressAsync("Enter");
        await Expect(session.Page).ToHaveURLAsync(new System.Text.RegularExpressions.Regex("/traffic\\?of=listener%3Aedge$"));
        await Expect(session.Page.GetByLabel("Traffic of")).ToHaveValueAsync("listener:edge");
        await Expect(session.Page.Locator(".traffic canvas")).ToHaveCountAsync(6);

        await session.Page.GetByRole(AriaRole.Button, new() { Name = "v4: before and after" }).First.ClickAsync();
        var panel = session.Page.GetByRole(AriaRole.Region, new() { Name = "A version's traffic" });
        await Expect(panel).ToContainTextAsync("half of it");
        // Up to now: nothing came after.
        await Expect(panel.GetByRole(AriaRole.Row, new() { Name = "Requests" })).ToContainTextAsync("50/s");
        await Expect(panel.GetByRole(AriaRole.Link, new() { Name = "What changed" }))
            .ToHaveAttributeAsync("href", "/history/compare/3...4");
        await panel.GetByRole(AriaRole.Button, new() { Name = "Roll back to v3" }).ClickAsync();
        await Expect(session.Dialog).ToContainTextAsync("becomes a new version");
    }
}
