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
    [InlineData("/history", "tbody tr")]
    [InlineData("/history/3", ".cm-line")]
    [InlineData("/history/compare/1...3", ".cm-line")]
    [InlineData("/history/compare/1...3?view=split", ".cm-line")]
    public async Task Page_HasNoAxeViolationsInEitherTheme(string path, string there)
    {
        var session = tab.Session;
        await session.Page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Light });
        await session.Page.SetViewportSizeAsync(1360, 860);
        await session.GoAsync(path);
        await Expect(session.Page.Locator(there).First).ToBeVisibleAsync();
        await session.ShouldBeAccessibleAsync();
        await session.Page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Dark });
        await Expect(session.Page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");
        await Expect(session.Page.Locator("body")).ToHaveCSSAsync("background-color", "rgb(16, 20, 23)");
        await session.ShouldBeAccessibleAsync();
    }

    [Theory]
    [InlineData("/", ".plot canvas")]
    [InlineData("/traffic", ".traffic canvas")]
    [InlineData("/listeners", "tbody tr")]
    [InlineData("/listeners/edge", ".cm-line")]
    [InlineData("/listeners/edge?tab=diagram", ".filter-actions")]
    [InlineData("/listeners/edge?tab=form", ".schema-field")]
    [InlineData("/listeners/edge?tab=live", "tbody tr")]
    [InlineData("/listeners/edge?tab=history", "tbody tr")]
    [InlineData("/clusters", "tbody tr")]
    [InlineData("/routes", "tbody tr")]
    [InlineData("/secrets", "tbody tr")]
    [InlineData("/modules", "tbody tr")]
    [InlineData("/modules/auth", "tr.more")]
    [InlineData("/modules?tab=runtime", "tr.more")]
    [InlineData("/history", "tbody tr")]
    [InlineData("/history/3", ".cm-line")]
    [InlineData("/new", "textarea")]
    public async Task NarrowPage_HasNoAxeViolations_AndDoesNotScrollSideways(string path, string there)
    {
        var session = tab.Session;
        await session.Page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Light });
        await session.Page.SetViewportSizeAsync(390, 844);
        await session.GoAsync(path);
        await Expect(session.Page.Locator(there).First).ToBeVisibleAsync();
        await session.ShouldBeAccessibleAsync();
        // Neither the page nor a table in it; what is cut off in a panel could not even be scrolled to.
        Assert.Equal("", await session.Page.EvaluateAsync<string>("""
            () => [document.documentElement, ...document.querySelectorAll('.scroll, .panel, main')]
              .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => `${e.tagName} ${e.className}: ${e.scrollWidth} > ${e.clientWidth}`).join()
            """));
        await Expect(session.Page.GetByRole(AriaRole.Link, new() { Name = "Clusters" }).First).ToBeVisibleAsync();
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
