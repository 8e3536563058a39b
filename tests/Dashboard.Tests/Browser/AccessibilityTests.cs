using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Managed.Dashboard.Tests.Browser;

public sealed class AccessibilityTests(BrowserFixture browser)
{
    [Theory]
    [InlineData("/", ".plot canvas")]
    [InlineData("/listeners", "tbody tr")]
    [InlineData("/listeners/edge", ".cm-line")]
    [InlineData("/listeners/edge?tab=history", "tbody tr")]
    [InlineData("/clusters", "tbody tr")]
    [InlineData("/clusters/web", ".cm-line")]
    [InlineData("/new", "textarea")]
    [InlineData("/modules", "tbody tr")]
    [InlineData("/modules/auth", "tr.more")]
    [InlineData("/vms", "tr.more")]
    [InlineData("/history", "tbody tr")]
    [InlineData("/history/3", ".cm-line")]
    [InlineData("/history/compare/1...3", ".cm-line")]
    [InlineData("/history/compare/1...3?view=split", ".cm-line")]
    public async Task Page_HasNoAxeViolationsInEitherTheme(string path, string there)
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync(path);
        await Expect(session.Page.Locator(there).First).ToBeVisibleAsync();
        await session.ShouldBeAccessibleAsync();
        await session.Page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Dark });
        await Expect(session.Page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");
        await Expect(session.Page.Locator("body")).ToHaveCSSAsync("background-color", "rgb(16, 20, 23)");
        await session.ShouldBeAccessibleAsync();
    }

    [Theory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task Dialogs_HaveNoAxeViolations(ColorScheme scheme)
    {
        await using var session = await BrowserSession.StartAsync(browser, scheme);
        await session.GoAsync("/listeners/edge");
        await session.AppendAsync("- {match: {prefix: /x}, route: {cluster: web}}\n");
        await Expect(session.Button("Review")).ToBeEnabledAsync();
        await session.Button("Review").ClickAsync();
        await Expect(session.Button("Apply")).ToBeEnabledAsync();
        await session.ShouldBeAccessibleAsync();
        await session.Button("Keep editing").ClickAsync();
        await session.Button("Discard edits").ClickAsync();
        await session.GoAsync("/modules");
        await session.Button("Delete auth").ClickAsync();
        await session.Dialog.GetByRole(AriaRole.Button, new() { Name = "Delete auth" }).ClickAsync();
        await Expect(session.Dialog.GetByText("Kept versions need this module")).ToBeVisibleAsync();
        await session.ShouldBeAccessibleAsync();
        await session.GoAsync("/history");
        await session.Button("Roll back to v1").ClickAsync();
        await Expect(session.Dialog.GetByText("listeners[internal]")).ToBeVisibleAsync();
        await session.ShouldBeAccessibleAsync();
    }
}
