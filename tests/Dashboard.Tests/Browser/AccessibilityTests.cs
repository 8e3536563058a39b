using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Managed.Dashboard.Tests.Browser;

/// <summary>axe finds nothing: pages that only show share one session, as one person's tab would go through them.</summary>
public sealed class AccessibilityTests(BrowserFixture browser, AccessibilityTests.OneTab tab) : IClassFixture<AccessibilityTests.OneTab>
{
    public sealed class OneTab(BrowserFixture browser) : IAsyncLifetime
    {
        internal BrowserSession Session { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Session = await BrowserSession.StartAsync(browser);

        public ValueTask DisposeAsync() => Session.DisposeAsync();
    }

    /// <summary>
    /// One visit: all rules wide in light colours, those about colours in dark ones, which differ in nothing else, and all of them at the
    /// width of a phone, where nothing may scroll sideways.
    /// </summary>
    [Theory]
    [InlineData("/", ".plot canvas")]
    [InlineData("/traffic", ".traffic canvas")]
    [InlineData("/listeners", "tbody tr")]
    [InlineData("/listeners/edge", ".cm-line")]
    [InlineData("/listeners/edge?tab=history", "tbody tr")]
    [InlineData("/listeners/edge?tab=diagram", ".filter-actions")]
    [InlineData("/listeners/edge?tab=form", ".schema-field")]
    [InlineData("/listeners/edge?tab=live", "tbody tr")]
    [InlineData("/clusters", "tbody tr")]
    [InlineData("/clusters/web", ".cm-line")]
    [InlineData("/routes", "tbody tr")]
    [InlineData("/secrets", "tbody tr")]
    [InlineData("/new", "textarea")]
    [InlineData("/modules", "tbody tr")]
    [InlineData("/modules/auth", "tr.more")]
    [InlineData("/modules?tab=runtime", "tr.more")]
    [InlineData("/bench", ".bench[data-ready]")]
    [InlineData("/help", "tbody tr")]
    [InlineData("/help/lua", "tbody tr")]
    [InlineData("/history", "tbody tr")]
    [InlineData("/history/3", ".cm-line")]
    [InlineData("/history/compare/1...3", ".cm-line")]
    [InlineData("/history/compare/1...3?view=split", ".cm-line", false)]
    public async Task Page_HasNoAxeViolations_InEitherThemeAndWidth(string path, string there, bool fitsAPhone = true)
    {
        var page = tab.Session.Page;
        await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Light });
        await page.SetViewportSizeAsync(1360, 860);
        await tab.Session.GoAsync(path);
        await Expect(page.Locator(there).First).ToBeVisibleAsync();
        await tab.Session.ShouldBeAccessibleAsync();
        await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Dark });
        await Expect(page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");
        await Expect(page.Locator("body")).ToHaveCSSAsync("background-color", "rgb(16, 20, 23)");
        await tab.Session.ShouldBeAccessibleAsync(coloursOnly: true);
        if (!fitsAPhone)
            return;
        await page.SetViewportSizeAsync(390, 844);
        // Neither the page nor a table in it; what is cut off in a panel could not even be scrolled to. Charts follow a moment later.
        await page.WaitForFunctionAsync("""
            () => ![document.documentElement, ...document.querySelectorAll('.scroll, .panel, main')].some(e => e.scrollWidth > e.clientWidth + 1)
            """, null, new() { Timeout = 60_000 });
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Clusters" }).First).ToBeVisibleAsync();
        await tab.Session.ShouldBeAccessibleAsync();
    }

    [Theory]
    [InlineData(ColorScheme.Light, 1360)]
    [InlineData(ColorScheme.Dark, 390)]
    public async Task MenusAndDialogs_HaveNoAxeViolations(ColorScheme scheme, int width)
    {
        await using var session = await BrowserSession.StartAsync(browser, scheme);
        await session.Page.SetViewportSizeAsync(width, 860);
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
        await session.GoAsync("/listeners/edge?tab=diagram");
        await session.Button("Add a filter to main").ClickAsync();
        await session.Dialog.GetByLabel("Kind").SelectOptionAsync("lua");
        await Expect(session.Dialog.Locator(".schema-field").First).ToBeVisibleAsync();
        await session.ShouldBeAccessibleAsync();
        await session.Button("Cancel").ClickAsync();
        await session.Page.GetByRole(AriaRole.Button, new() { Name = "Theme: system" }).ClickAsync();
        await Expect(session.Page.GetByRole(AriaRole.Menuitem, new() { Name = "Dark" })).ToBeVisibleAsync();
        await session.ShouldBeAccessibleAsync();
    }
}
