using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Managed.Dashboard.Tests.Browser;

/// <summary>Inputs are the browser's: ten keys a second over a slow line.</summary>
public sealed class TypingTests(BrowserFixture browser)
{
    [Theory]
    [InlineData("/listeners", "Filter listeners")]
    [InlineData("/routes", "Filter routes", "Path")]
    [InlineData("/secrets", "Filter secrets")]
    [InlineData("/history", "Filter versions")]
    [InlineData("/modules", "Filter modules", "Name")]
    [InlineData("/modules?tab=runtime", "Filter VMs")]
    [InlineData("/new", "Name", "Upstreams", "Comment")]
    public async Task Typing_OverASlowLine_LosesNoLetter(string path, params string[] fields)
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.SlowDownAsync(TimeSpan.FromMilliseconds(100));
        await session.GoAsync(path);
        ILocator Input(string field) =>
            session.Page.GetByLabel(field, new() { Exact = path == "/new" && field != "Upstreams" }).First;
        foreach (var field in fields)
        {
            await Input(field).ClickAsync();
            await Input(field).PressSequentiallyAsync("team05-app-005", new() { Delay = 100 });
            await Expect(Input(field)).ToHaveValueAsync("team05-app-005");
        }
        // Whatever is still under way does not change it either.
        await session.Page.WaitForTimeoutAsync(600);
        foreach (var field in fields)
            await Expect(Input(field)).ToHaveValueAsync("team05-app-005");
    }

    [Fact]
    public async Task Typing_WhileThePageIsStillArriving_StaysInItsField()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.SlowDownAsync(TimeSpan.FromSeconds(1));
        await session.GoAsync("/modules");
        var name = session.Page.GetByLabel("Name").First;
        await name.ClickAsync();
        await name.PressSequentiallyAsync("team05-app-005", new() { Delay = 100 });
        await Expect(name).ToHaveValueAsync("team05-app-005");
        await Expect(name).ToBeFocusedAsync();

        await session.GoAsync("/history");
        await session.Button("Roll back to v1").ClickAsync();
        var reason = session.Dialog.GetByLabel("Reason");
        await reason.ClickAsync();
        await reason.PressSequentiallyAsync("it was better before", new() { Delay = 100 });
        await Expect(reason).ToHaveValueAsync("it was better before");
        await Expect(reason).ToBeFocusedAsync();
    }
}
