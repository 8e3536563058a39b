using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Managed.Integration.Dashboard;

/// <summary>
/// The path of a user through the real program: the printed link, an edit that is reviewed and applied, traffic that shows it, and the way
/// back.
/// </summary>
public sealed class WholeProductTests
{
    [Fact]
    public async Task Listener_IsEditedInTheBrowserAndRolledBack()
    {
        SetDefaultExpectTimeout(120_000);
        await using var program = await ManagedProgram.StartAsync("one");
        Assert.Equal("one", await program.CurlAsync());
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Environment.GetEnvironmentVariable("CHROMIUM") ?? "/usr/bin/chromium",
            Args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--no-first-run"],
        });
        await using var context = await browser.NewContextAsync(
            new BrowserNewContextOptions { ReducedMotion = ReducedMotion.Reduce, ViewportSize = new() { Width = 1360, Height = 860 } });
        context.SetDefaultTimeout(120_000);
        var page = await context.NewPageAsync();
        var complaints = new List<string>();
        page.PageError += (_, error) => complaints.Add(error);

        await page.GotoAsync(program.SignInLink.ToString());
        await Expect(Heading(page, "Overview")).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "v1 active" })).ToBeVisibleAsync();

        await page.GetByRole(AriaRole.Link, new() { Name = "Listeners" }).ClickAsync();
        await page.Locator("tbody th").GetByText("edge").ClickAsync();
        await Expect(Heading(page, "edge")).ToBeVisibleAsync();
        await Expect(page.Locator(".cm-content")).ToContainTextAsync("inline_string: one");
        await page.Locator(".cm-content").ClickAsync();
        await page.Keyboard.PressAsync("Control+A");
        await page.Keyboard.InsertTextAsync(ManagedProgram.Listener(program.Port, "[two"));
        await Expect(page.Locator(".cm-lint-marker-error").First).ToBeVisibleAsync();
        await Expect(Button(page, "Review")).ToBeDisabledAsync();
        Assert.Equal("one", await program.CurlAsync());

        await page.Keyboard.PressAsync("Control+A");
        await page.Keyboard.InsertTextAsync(ManagedProgram.Listener(program.Port, "two"));
        await Expect(page.GetByText("Valid: the node can build this")).ToBeVisibleAsync();
        await Button(page, "Review").ClickAsync();
        await page.GetByRole(AriaRole.Dialog).GetByLabel("Comment").FillAsync("two is better");
        await Button(page, "Apply").ClickAsync();
        await Expect(page.GetByText("v2 live in")).ToBeVisibleAsync();
        Assert.Equal("two", await program.CurlAsync());

        await page.GetByRole(AriaRole.Link, new() { Name = "History g h" }).ClickAsync();
        await Expect(page.GetByText("two is better")).ToBeVisibleAsync();
        await page.GetByLabel("Compare v1").CheckAsync();
        await page.GetByLabel("Compare v2").CheckAsync();
        await Button(page, "Compare v1 with v2").ClickAsync();
        await Expect(Heading(page, "v1 → v2")).ToBeVisibleAsync();
        await Expect(page.Locator(".cm-changedLine").First).ToContainTextAsync("two");
        await page.GetByRole(AriaRole.Link, new() { Name = "History g h" }).ClickAsync();
        await Expect(Heading(page, "History")).ToBeVisibleAsync(); // the comparison has a button of this name too
        await Button(page, "Roll back to v1").ClickAsync();
        await page.GetByRole(AriaRole.Dialog).GetByLabel("Reason").FillAsync("one was right");
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Roll back to v1" }).ClickAsync();
        await Expect(page.GetByText("v3 live in")).ToBeVisibleAsync();
        await Expect(page.GetByText("restores v1")).ToBeVisibleAsync();
        Assert.Equal("one", await program.CurlAsync());
        Assert.Empty(complaints);
        Assert.Equal(0, await program.TerminateAsync());
    }

    private static ILocator Heading(IPage page, string name) => page.GetByRole(AriaRole.Heading, new() { Name = name, Level = 1 });

    private static ILocator Button(IPage page, string name) => page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });
}
