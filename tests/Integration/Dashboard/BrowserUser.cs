using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Managed.Integration.Dashboard;

/// <summary>Somebody with a browser, signed in by the printed link. What goes wrong in a script of the page is an error.</summary>
internal sealed class BrowserUser : IAsyncDisposable
{
    private readonly IPlaywright _playwright;
    private readonly IBrowser _browser;
    private readonly List<string> _complaints = [];

    private BrowserUser(IPlaywright playwright, IBrowser browser, IPage page)
        => (_playwright, _browser, Page) = (playwright, browser, page);

    public IPage Page { get; }

    public static async Task<BrowserUser> SignInAsync(ManagedProgram program)
    {
        SetDefaultExpectTimeout(120_000);
        var playwright = await Playwright.CreateAsync();
        var browser = await LaunchAsync(playwright);
        var context = await browser.NewContextAsync(
            new BrowserNewContextOptions { ReducedMotion = ReducedMotion.Reduce, ViewportSize = new() { Width = 1360, Height = 860 } });
        context.SetDefaultTimeout(120_000);
        var user = new BrowserUser(playwright, browser, await context.NewPageAsync());
        user.Page.PageError += (_, error) =>
        {
            // what libraries say while the node is away
            if (!error.Contains("Cannot send data if the connection is not", StringComparison.Ordinal))
                user._complaints.Add(error);
        };
        await user.Page.GotoAsync(program.SignInLink.ToString());
        await Expect(user.Heading("Overview")).ToBeVisibleAsync();
        return user;
    }

    public static Task<IBrowser> LaunchAsync(IPlaywright playwright) => playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
    {
        ExecutablePath = Environment.GetEnvironmentVariable("CHROMIUM") ?? "/usr/bin/chromium",
        Args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--no-first-run"],
    });

    public ILocator Heading(string name) => Page.GetByRole(AriaRole.Heading, new() { Name = name, Level = 1 });

    public ILocator Button(string name) => Page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });

    public ILocator Link(string name) => Page.GetByRole(AriaRole.Link, new() { Name = name, Exact = true });

    public ILocator Editor => Page.Locator(".cm-content");

    public async Task ReplaceTextAsync(string text)
    {
        await Editor.ClickAsync();
        await Page.Keyboard.PressAsync("Control+A");
        await Page.Keyboard.InsertTextAsync(text);
    }

    public async Task ApplyAsync()
    {
        await Expect(Page.GetByText("Valid: the node can build this")).ToBeVisibleAsync();
        await Button("Review").ClickAsync();
        await Button("Apply").ClickAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
        Xunit.Assert.Empty(_complaints);
    }
}
