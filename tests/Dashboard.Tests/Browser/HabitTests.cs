using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Managed.Dashboard.Tests.Browser;

/// <summary>What holds for every page.</summary>
public sealed class HabitTests(BrowserFixture browser)
{
    private const string Route = "- {match: {prefix: /x}, route: {cluster: web}}\n";

    [Fact]
    public async Task UnknownAddress_GetsAPageOfOursWithTheWayBack()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        foreach (var path in (string[])["/nowhere", "/listeners/edge/nowhere", "/old/page.html"])
        {
            var answer = await session.Page.GotoAsync(session.Host.Url(path));
            Assert.Equal(404, answer!.Status);
            await Expect(session.Heading("Nothing here")).ToBeVisibleAsync();
        }
        await session.ShouldBeAccessibleAsync();
        await session.Page.GetByRole(AriaRole.Link, new() { Name = "To the overview" }).ClickAsync();
        await Expect(session.Heading("Overview")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task UnknownAddress_AsksForTheSignInFirst()
    {
        await using var session = await BrowserSession.StartAsync(browser, signedIn: false);
        await session.GoAsync("/nowhere");
        await Expect(session.Page.GetByLabel("Access token")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Dialogs_BeginAtTheirFirstField()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/history");
        await Expect(session.Page.Locator("html[data-keys=on]")).ToBeAttachedAsync();
        await session.Button("Roll back to v1").ClickAsync();
        await Expect(session.Dialog.GetByLabel("Reason")).ToBeFocusedAsync();
        await session.DismissAsync();
        await session.Button("Undo v2").ClickAsync();
        await Expect(session.Dialog.GetByLabel("Reason")).ToBeFocusedAsync();
        await session.GoAsync("/listeners/internal");
        await Expect(session.Page.Locator("html[data-keys=on]")).ToBeAttachedAsync();
        await session.Button("Delete").ClickAsync();
        await Expect(session.Dialog.GetByLabel("Comment")).ToBeFocusedAsync();
    }

    [Fact]
    public async Task Review_AskedForDuringTheCheck_OpensAfterIt()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/listeners/edge");
        var checkedNow = new TaskCompletionSource();
        await session.Page.RouteAsync("**/api/v1/listeners/edge?*dry_run*", async route =>
        {
            await checkedNow.Task;
            await route.ContinueAsync();
        });
        await session.AppendAsync(Route);
        await Expect(session.Page.GetByText("Checking…")).ToBeVisibleAsync();
        await session.Button("Review").ClickAsync();
        await Expect(session.Page.GetByText("The review opens as soon as it is valid")).ToBeVisibleAsync();
        checkedNow.SetResult();
        await Expect(session.Dialog).ToContainTextAsync("Review the change of edge");
    }

    [Fact]
    public async Task ManyTabs_ShareOneStream()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        var tabs = new List<IPage>();
        for (var i = 0; i < 7; i++) // a browser opens six connections to one host
        {
            tabs.Add(await session.Page.Context.NewPageAsync());
            await tabs[^1].GotoAsync(session.Host.Url("/"));
        }
        foreach (var tab in tabs)
            await Expect(tab.Locator(".live")).ToHaveAttributeAsync("data-state", "live");
        Assert.Equal(1, session.Host.State.OpenStreams);
    }

    [Fact]
    public async Task EditElsewhere_IsMergedIntoTheTextWithoutAQuestion()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/listeners/edge");
        await session.AppendAsync(Route);
        await Expect(session.Page.GetByText("Valid: the node can build this")).ToBeVisibleAsync();
        var theirs = session.Host.State.Active.Listeners["edge"];
        Assert.Contains("0.0.0.0:10000", theirs);
        session.Host.State.Commit(new(session.Host.State.Active.Listeners) { ["edge"] = theirs.Replace("0.0.0.0:10000", "0.0.0.0:10009") },
            "another port", author: "kim");
        await Expect(session.Page.GetByText("was changed on the node, by kim at")).ToBeVisibleAsync();
        await Expect(session.Page.Locator(".cm-content")).ToContainTextAsync("0.0.0.0:10009");
        await Expect(session.Page.Locator(".cm-content")).ToContainTextAsync("prefix: /x");
        await Expect(session.Page.GetByText("Valid: the node can build this")).ToBeVisibleAsync();
        await session.Button("Review").ClickAsync();
        await session.Button("Apply").ClickAsync();
        await Expect(session.Page.GetByText("v5 live in")).ToBeVisibleAsync();
        var now = session.Host.State.Active.Listeners["edge"];
        Assert.Contains("0.0.0.0:10009", now);
        Assert.EndsWith(Route, now);
    }

    [Fact]
    public async Task ConflictInOnePlace_NeverTakesBackWhatOthersDidElsewhere()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/listeners/edge");
        await session.AppendAsync(Route);
        await Expect(session.Page.GetByText("Valid: the node can build this")).ToBeVisibleAsync();
        var theirs = session.Host.State.Active.Listeners["edge"].Replace("0.0.0.0:10000", "0.0.0.0:10009")
            + "- {match: {prefix: /y}, route: {cluster: web}}\n";
        session.Host.State.Commit(new(session.Host.State.Active.Listeners) { ["edge"] = theirs }, "more", author: "kim");
        await session.Button("Compare both").ClickAsync();
        await Expect(session.Dialog.Locator(".sides3")).ToHaveCountAsync(1);
        await session.Button("Mine in these places").ClickAsync();
        await Expect(session.Page.Locator(".cm-content")).ToContainTextAsync("0.0.0.0:10009");
        await Expect(session.Page.Locator(".cm-content")).ToContainTextAsync("prefix: /x");
        await Expect(session.Page.Locator(".cm-content")).Not.ToContainTextAsync("prefix: /y");
    }

    [Fact]
    public async Task DeletedUnderTheEditor_IsSaidWithWhoAndTheTextStays()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/listeners/edge");
        await session.AppendAsync(Route);
        await Expect(session.Page.GetByText("Valid: the node can build this")).ToBeVisibleAsync();
        var without = new SortedDictionary<string, string>(session.Host.State.Active.Listeners);
        without.Remove("edge");
        session.Host.State.Commit(without, "gone", author: "kim");
        await Expect(session.Page.GetByText("was deleted on the node while you edit it, by kim at")).ToBeVisibleAsync();
        await Expect(session.Page.Locator(".cm-content")).ToContainTextAsync("prefix: /x");
        await session.Button("Decide").ClickAsync();
        await session.Button("Go on with mine").ClickAsync();
        await Expect(session.Page.GetByText("Valid: the node can build this")).ToBeVisibleAsync();
        await session.Button("Review").ClickAsync();
        await session.Button("Apply").ClickAsync();
        await Expect(session.Page.GetByText("v5 live in")).ToBeVisibleAsync();
        Assert.EndsWith(Route, session.Host.State.Active.Listeners["edge"]);
    }

    [Fact]
    public async Task TypedText_SurvivesAReload()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/listeners/edge");
        await session.AppendAsync(Route);
        await Expect(session.Page.GetByText("Valid: the node can build this")).ToBeVisibleAsync();
        await session.Page.ReloadAsync();
        await Expect(session.Page.GetByText("they were never applied")).ToBeVisibleAsync();
        await Expect(session.Page.Locator(".cm-content")).ToContainTextAsync("prefix: /x");
        await Expect(session.Page.GetByText("Valid: the node can build this")).ToBeVisibleAsync();
        await session.Button("Discard edits").ClickAsync();
        await Expect(session.Page.Locator(".cm-content")).Not.ToContainTextAsync("prefix: /x");
        await session.Page.ReloadAsync();
        await Expect(session.Page.Locator(".cm-line").First).ToHaveTextAsync("name: edge");
        await Expect(session.Page.GetByText("they were never applied")).ToBeHiddenAsync();
    }

    [Fact]
    public async Task DegradedNode_SaysSoOnEveryPage()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/");
        session.Host.State.Degraded = new()
        {
            ["reason"] = "the history cannot be opened: disk I/O error", ["serving"] = "last-good.json", ["version"] = 3,
            ["since"] = DateTimeOffset.UtcNow.ToString("O"), ["store_usable"] = false,
        };
        session.Host.State.Tell("deployment.started");
        await Expect(session.Page.GetByText("This node is degraded")).ToBeVisibleAsync();
        await Expect(session.Page.GetByText("It serves v3 from last-good.json.")).ToBeVisibleAsync();
        await session.Page.GetByRole(AriaRole.Link, new() { Name = "History g h" }).ClickAsync();
        await Expect(session.Page.GetByText("disk I/O error")).ToBeVisibleAsync();
        await session.ShouldBeAccessibleAsync();
        session.Host.State.Degraded = null;
        session.Host.State.Tell("deployment.applied");
        await Expect(session.Page.GetByText("This node is degraded")).ToBeHiddenAsync();
    }
}
