using System.Net;
using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Managed.Integration.Dashboard;

/// <summary>The first task without a mouse: publish, see it answer, break it, roll back; and the focus is never lost on the way.</summary>
[Collection("the port that the dashboard suggests")]
public sealed class KeyboardTests
{
    [Fact]
    public async Task FirstTask_IsDoneByKeysAlone()
    {
        await using var program = await ManagedProgram.StartAsync("upstream says hello");
        await using var user = await BrowserUser.SignInAsync(program);
        var (page, keys) = (user.Page, user.Page.Keyboard);
        await Expect(page.Locator("html[data-keys=on]")).ToBeAttachedAsync();
        await PressAsync(page, "g", "n");
        await Expect(user.Heading("Publish a service")).ToBeFocusedAsync();
        await Expect(page.GetByLabel("Listens on")).ToHaveValueAsync(new System.Text.RegularExpressions.Regex("^127.0.0.1:"));
        var address = await page.GetByLabel("Listens on").InputValueAsync();
        await TabToAsync(page, page.GetByLabel("Name"));
        await keys.TypeAsync("shop");
        await TabToAsync(page, page.GetByLabel("Upstreams"));
        await keys.TypeAsync($"127.0.0.1:{program.Port}");
        await Expect(user.Button("Publish")).ToBeEnabledAsync();
        await TabToAsync(page, user.Button("Publish"));
        await keys.PressAsync("Enter");
        await Expect(page.GetByText("200 OK")).ToBeVisibleAsync();
        await Expect(page.GetByLabel("Try it: GET")).ToBeFocusedAsync(); // the button is gone
        await TabToAsync(page, user.Button("Send the request"));
        await keys.PressAsync("Enter");
        await Expect(page.GetByLabel("The answer")).ToContainTextAsync("upstream says hello");
        await Expect(user.Button("Send the request")).ToBeFocusedAsync(); // it was disabled for a while

        // Broken: a mistake is shown at its line, what only turns out in service is not.
        await PaletteAsync(page, "cluster shop");
        await Expect(user.Heading("shop")).ToBeFocusedAsync();
        await TabToAsync(page, user.Editor);
        await Expect(user.Editor).ToContainTextAsync($"127.0.0.1:{program.Port}");
        await keys.PressAsync("Control+End");
        await keys.TypeAsync("lb_policy: LEAST_REQEST");
        await Expect(page.GetByText("1 error")).ToBeVisibleAsync();
        await PressAsync(page, "Control+A");
        await keys.InsertTextAsync("name: shop\nendpoints: [127.0.0.1:9]\n");
        await Expect(page.GetByText("Valid: the node can build this")).ToBeVisibleAsync();
        await keys.PressAsync("Control+s");
        await Expect(page.GetByLabel("Comment")).ToBeFocusedAsync();
        await keys.TypeAsync("by keys");
        await TabToAsync(page, user.Button("Apply"));
        await keys.PressAsync("Enter");
        await Expect(page.GetByText("v3 live in")).ToBeVisibleAsync();
        await Expect(page.GetByLabel("Cluster as YAML")).ToBeFocusedAsync();
        using var http = new HttpClient();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await StatusAsync(http, address));

        await PaletteAsync(page, "roll back to v2");
        await Expect(page.GetByLabel("Reason")).ToBeFocusedAsync();
        await TabToAsync(page, user.Button("Roll back to v2"));
        await keys.PressAsync("Enter");
        await Expect(page.GetByText("v4 live in")).ToBeVisibleAsync();
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(http, address));

        // Listener filters: what a mouse drags, keys move; an answer of No leaves the focus where it was.
        await page.GotoAsync(new Uri(program.SignInLink, "/listeners/shop?tab=diagram").ToString());
        await Expect(page.Locator("html[data-keys=on]")).ToBeAttachedAsync();
        foreach (var (kind, version) in new[] { ("tls_inspector", 5), ("http_inspector", 6) })
        {
            await TabToAsync(page, user.Button("Add a listener filter"));
            await keys.PressAsync("Enter");
            await Expect(page.GetByLabel("Kind")).ToBeFocusedAsync();
            await Expect(page.GetByRole(AriaRole.Option, new() { Name = kind })).ToBeAttachedAsync();
            await keys.TypeAsync(kind[..4]);
            await Expect(page.GetByLabel("Kind")).ToHaveValueAsync(kind);
            await Expect(user.Button("Review")).ToBeEnabledAsync();
            await TabToAsync(page, user.Button("Review"));
            await keys.PressAsync("Enter");
            await Expect(user.Button("Apply")).ToBeEnabledAsync();
            await TabToAsync(page, user.Button("Apply"));
            await keys.PressAsync("Enter");
            await Expect(page.GetByText($"v{version} live in")).ToBeVisibleAsync();
            await Expect(user.Button("Add a listener filter")).ToBeFocusedAsync();
        }
        await TabToAsync(page, user.Button("Move http_inspector earlier"));
        await keys.PressAsync("Enter");
        await Expect(user.Button("Apply")).ToBeEnabledAsync();
        await keys.PressAsync("Escape");
        await Expect(user.Button("Move http_inspector earlier")).ToBeFocusedAsync();
        await keys.PressAsync("Enter");
        await Expect(user.Button("Apply")).ToBeEnabledAsync();
        await TabToAsync(page, user.Button("Apply"));
        await keys.PressAsync("Enter");
        await Expect(page.GetByText("v7 live in")).ToBeVisibleAsync();
        await Expect(page.GetByLabel("Listener filters, in their order").GetByRole(AriaRole.Strong))
            .ToHaveTextAsync(["http_inspector", "tls_inspector"]);
    }

    private static async Task PressAsync(IPage page, params string[] keys)
    {
        foreach (var key in keys)
            await page.Keyboard.PressAsync(key);
    }

    private static async Task PaletteAsync(IPage page, string words)
    {
        await page.Keyboard.PressAsync("Control+k");
        await Expect(page.GetByRole(AriaRole.Combobox, new() { Name = "Search resources and actions" })).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync(words);
        await Expect(page.GetByRole(AriaRole.Option).First).ToContainTextAsync(words.Split(' ')[^1]);
        await page.Keyboard.PressAsync("Enter");
    }

    private static async Task TabToAsync(IPage page, ILocator target)
    {
        await Expect(target).ToBeVisibleAsync();
        for (var i = 0; i < 80; i++)
        {
            if (await target.EvaluateAsync<bool>("e => e === document.activeElement"))
                return;
            await page.Keyboard.PressAsync("Tab");
        }
        Assert.Fail($"The Tab key does not come to {target}.");
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient http, string address)
    {
        using var answer = await http.GetAsync($"http://{address}/", TestContext.Current.CancellationToken);
        return answer.StatusCode;
    }
}
