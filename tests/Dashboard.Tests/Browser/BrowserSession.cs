using System.Collections.Concurrent;
using Deque.AxeCore.Commons;
using Managed.Dashboard.Tests.FakeNode;
using Microsoft.Playwright;

namespace Managed.Dashboard.Tests.Browser;

/// <summary>A node as new, a fresh browser context, and everything the browser complained about.</summary>
internal sealed class BrowserSession : IAsyncDisposable
{
    private static readonly string Axe = new BundledAxeScriptProvider().GetScript();

    private static readonly string[] Colours = ["color-contrast", "link-in-text-block"];

    private readonly IBrowserContext _context;
    private readonly ConcurrentQueue<string> _complaints = new();

    private BrowserSession(FakeHost host, IBrowserContext context, IPage page) => (Host, _context, Page) = (host, context, page);

    public FakeHost Host { get; }

    public IPage Page { get; }

    public static async Task<BrowserSession> StartAsync(BrowserFixture fixture, ColorScheme scheme = ColorScheme.Light,
        bool signedIn = true)
    {
        var host = await FakeHost.StartAsync();
        var context = await fixture.Browser.NewContextAsync(
            new BrowserNewContextOptions { ColorScheme = scheme, ReducedMotion = ReducedMotion.Reduce,
                ViewportSize = new() { Width = 1360, Height = 860 } });
        context.SetDefaultTimeout(120_000);
        var page = await context.NewPageAsync();
        var session = new BrowserSession(host, context, page);
        page.PageError += (_, error) => session._complaints.Enqueue($"script error: {error}");
        page.Console += (_, message) =>
        {
            if (message.Text.Contains("Content Security Policy", StringComparison.OrdinalIgnoreCase))
                session._complaints.Enqueue(message.Text);
        };
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith(host.Address.ToString(), StringComparison.Ordinal)
                && !request.Url.StartsWith("data:", StringComparison.Ordinal))
                session._complaints.Enqueue($"asked another host: {request.Url}");
        };
        page.Response += (_, response) =>
        {
            if (response.Status is 404 && response.Url.Contains("/_", StringComparison.Ordinal))
                session._complaints.Enqueue($"missing file: {response.Url}");
        };
        if (signedIn)
        {
            // The context's own request: its cookie is the pages', and no page is drawn for it.
            var link = host.Url($"/auth/login?code={FakeAdminApi.LinkCode}");
            var answer = await context.APIRequest.GetAsync(link, new() { MaxRedirects = 0 });
            Assert.Equal(302, answer.Status);
        }
        return session;
    }

    public Task GoAsync(string path) => Page.GotoAsync(Host.Url(path));

    /// <summary>From the next page on, every message of the circuit takes half of the round trip.</summary>
    public Task SlowDownAsync(TimeSpan roundTrip) => Page.RouteWebSocketAsync("**/_blazor**", socket =>
    {
        var server = socket.ConnectToServer();
        Relay(socket.OnMessage, server);
        Relay(server.OnMessage, socket);

        void Relay(Action<Action<IWebSocketFrame>> from, IWebSocketRoute to)
        {
            var last = Task.CompletedTask;
            from(frame => last = SendAsync(last, frame, to));
        }

        async Task SendAsync(Task before, IWebSocketFrame frame, IWebSocketRoute to)
        {
            await Task.Delay(roundTrip / 2);
            await before; // in their order
            if (frame.Binary is { } bytes)
                to.Send(bytes);
            else
                to.Send(frame.Text!);
        }
    });

    public ILocator Button(string name) => Page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });

    public ILocator Heading(string name) => Page.GetByRole(AriaRole.Heading, new() { Name = name, Level = 1 });

    public ILocator ActiveVersion(string text) => Page.GetByRole(AriaRole.Link, new() { Name = text });

    public ILocator Dialog => Page.GetByRole(AriaRole.Dialog);

    /// <summary>Escape, again where the dialog was too new to hear it: it listens a round trip after it is drawn.</summary>
    public async Task DismissAsync()
    {
        for (var i = 0; i < 60; i++)
        {
            await Page.Keyboard.PressAsync("Escape");
            try
            {
                await Dialog.WaitForAsync(new() { State = WaitForSelectorState.Hidden, Timeout = 1000 });
                return;
            }
            catch (TimeoutException)
            {
                continue;
            }
        }
        Assert.Fail("The dialog stays.");
    }

    /// <summary>Puts the cursor at the end of the editor and types.</summary>
    public async Task AppendAsync(string text)
    {
        await Page.Locator(".cm-content").ClickAsync();
        await Page.Keyboard.PressAsync("Control+End");
        await Page.Keyboard.InsertTextAsync(text);
    }

    /// <summary>axe's rules over the whole page; only what it finds comes back, since the rest is a megabyte a page. Colours that
    /// are on their way to others, also those that set out meanwhile, are where they end.</summary>
    /// <param name="coloursOnly">Of a page whose other rules were looked at in its other theme.</param>
    public async Task ShouldBeAccessibleAsync(bool coloursOnly = false)
    {
        if (await Page.EvaluateAsync<bool>("typeof axe === 'undefined'"))
            await Page.EvaluateAsync(Axe);
        var found = await Page.EvaluateAsync<string[]>("""
            async rules => {
              if (!document.getElementById('still')) {
                const still = document.head.appendChild(document.createElement('style'));
                still.id = 'still';
                still.textContent = '*, *::before, *::after { transition: none !important; }';
              }
              await new Promise(requestAnimationFrame);
              const { violations } = await axe.run(document, { resultTypes: ['violations'], iframes: false, ...(rules ? { runOnly: rules } : {}) });
              return violations.map(v => `${v.id}: ${v.help}\n` + v.nodes.map(n =>
                `    ${n.html}\n      ${[...n.any, ...n.all, ...n.none].map(c => c.message).join('; ')}`).join('\n'));
            }
            """, coloursOnly ? Colours : null);
        Assert.True(found.Length == 0, string.Join("\n", found));
    }

    public async ValueTask DisposeAsync()
    {
        await _context.DisposeAsync();
        await Host.DisposeAsync();
        Assert.Empty(_complaints);
    }
}
