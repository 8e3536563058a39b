using Managed.Dashboard.Tests.FakeNode;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Managed.Dashboard.Tests.Browser;

public sealed class ListenerTests(BrowserFixture browser)
{
    private const string Route = "- {match: {prefix: /x}, route: {cluster: web}}\n";

    [Fact]
    public async Task List_FiltersAndSortsInTheAddress()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/listeners");
        var names = session.Page.Locator("tbody th");
        await Expect(names).ToHaveTextAsync(["edge", "internal"]);
        await session.Button("Name").ClickAsync();
        await Expect(names).ToHaveTextAsync(["internal", "edge"]);
        await Expect(session.Page).ToHaveURLAsync(session.Host.Url("/listeners?sort=-name"));
        await session.Page.GetByPlaceholder("Filter by name or address").FillAsync("10001");
        await Expect(names).ToHaveTextAsync(["internal"]);
        await session.Page.ReloadAsync();
        await Expect(names).ToHaveTextAsync(["internal"]);
    }

    [Fact]
    public async Task Edit_IsReviewedAppliedAndUndone()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/listeners/edge");
        await Expect(session.Page.Locator(".cm-line").First).ToHaveTextAsync("name: edge");
        await Expect(session.Button("Review")).ToBeDisabledAsync();
        await session.AppendAsync(Route);
        await Expect(session.Page.GetByText("Valid: the node can build this")).ToBeVisibleAsync();

        await session.Button("Review").ClickAsync();
        await Expect(session.Dialog.Locator(".cm-changedLine")).ToHaveTextAsync([Route.TrimEnd()]);
        await Expect(session.Dialog.GetByText("edge/main")).ToBeVisibleAsync();
        await session.Dialog.GetByLabel("Comment").FillAsync("Send /x to web");
        Assert.Equal(3, session.Host.State.Active.Number); // nothing is live before Apply
        await session.Button("Apply").ClickAsync();

        await Expect(session.Page.GetByText("v4 live in")).ToBeVisibleAsync();
        Assert.EndsWith(Route, session.Host.State.Active.Listeners["edge"]);
        Assert.Equal("Send /x to web", (string?)session.Host.State.Active.Record["comment"]);
        await session.Button("Undo").ClickAsync();
        await Expect(session.Page.GetByText("v4 is undone")).ToBeVisibleAsync();
        Assert.Equal(4, (long?)session.Host.State.Active.Record["reverts"]);
        await Expect(session.Page.Locator(".cm-content")).Not.ToContainTextAsync("/x"); // nobody was editing: the text follows the node
    }

    [Fact]
    public async Task Error_IsShownAtItsLine()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/listeners/edge");
        await session.AppendAsync("- {match: {prefix: /x}, route: {cluster: nowhere}}\n");
        await Expect(session.Page.GetByText("line 12: cluster 'nowhere' does not exist")).ToBeVisibleAsync();
        await Expect(session.Page.Locator(".cm-lintRange-error")).ToHaveTextAsync("nowhere");
        await Expect(session.Page.Locator(".cm-lint-marker-error")).ToHaveCountAsync(1);
        await Expect(session.Button("Review")).ToBeDisabledAsync();
    }

    [Fact]
    public async Task PartOfTheDiagram_OpensTheTextAtItsName()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/listeners/edge?tab=yaml&find=header_mutation");
        await Expect(session.Page.Locator(".cm-activeLine.cm-line")).ToHaveTextAsync("- name: header_mutation");
        await session.Page.GetByRole(AriaRole.Link, new() { Name = "Diagram" }).ClickAsync();
        await Expect(session.Page.Locator(".filter-name").First).ToHaveTextAsync("header_mutation");
        await session.Page.GetByLabel("Move header_mutation later").FocusAsync();
        await session.Page.Keyboard.PressAsync("Enter");
        await Expect(session.Dialog).ToContainTextAsync("Move header_mutation");
    }

    [Fact]
    public async Task Conflict_ShowsTheirsAndYoursAndGoesOnWithYours()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/listeners/edge");
        await session.AppendAsync(Route);
        await Expect(session.Page.GetByText("Valid: the node can build this")).ToBeVisibleAsync();
        await session.Button("Review").ClickAsync();
        await Expect(session.Button("Apply")).ToBeEnabledAsync();
        var theirs = new SortedDictionary<string, string>(session.Host.State.Active.Listeners) { ["edge"] =
            "name: edge\naddress: 0.0.0.0:10009\nroutes: []\n" };
        session.Host.State.Commit(theirs, "theirs");
        await session.Button("Apply").ClickAsync();

        await Expect(session.Dialog.GetByText("Somebody changed the same places on the node, by admin at ")).ToBeVisibleAsync();
        await Expect(session.Dialog.GetByRole(AriaRole.Heading, new() { Name = "Before both" })).ToBeVisibleAsync();
        await Expect(session.Dialog.Locator(".sides3 section").Nth(1)).ToContainTextAsync("routes: []");
        await Expect(session.Dialog.Locator(".sides3 section").Nth(2)).ToContainTextAsync("prefix: /x");
        await session.ShouldBeAccessibleAsync();
        await session.Button("Mine in these places").ClickAsync();
        await Expect(session.Dialog).ToBeHiddenAsync();
        await Expect(session.Page.GetByText("Valid: the node can build this")).ToBeVisibleAsync();
        await session.Button("Review").ClickAsync();
        await session.Button("Apply").ClickAsync();
        await Expect(session.Page.GetByText("v5 live in")).ToBeVisibleAsync();
        Assert.EndsWith(Route, session.Host.State.Active.Listeners["edge"]);
    }

    [Fact]
    public async Task New_IsCreatedUnderTheNameInTheText()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/listeners/new");
        await Expect(session.Page.GetByText("Valid: the node can build this")).ToBeVisibleAsync();
        await session.Button("Review").ClickAsync();
        await session.Button("Apply").ClickAsync();
        await Expect(session.Heading("web")).ToBeVisibleAsync();
        await Expect(session.Page).ToHaveURLAsync(session.Host.Url("/listeners/web"));
        Assert.Contains("web", session.Host.State.Active.Listeners.Keys);
    }

    [Fact]
    public async Task Delete_ShowsWhatRefersToItAndOtherwiseDeletes()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        session.Host.State.InUse.Add("internal");
        await session.GoAsync("/listeners/internal");
        await session.Button("Delete").ClickAsync();
        await Expect(session.Dialog.GetByText("/clusters/inner/endpoints/0")).ToBeVisibleAsync();
        await Expect(session.Button("Delete internal")).ToBeDisabledAsync();
        await session.Button("Cancel").ClickAsync();
        session.Host.State.InUse.Clear();
        await session.Button("Delete").ClickAsync();
        await session.Button("Delete internal").ClickAsync();
        await Expect(session.Page.Locator("tbody th")).ToHaveTextAsync(["edge"]);
    }

    [Fact]
    public async Task LeavingWithEdits_AsksFirst()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/listeners/edge");
        await session.AppendAsync(Route);
        await Expect(session.Button("Discard edits")).ToBeVisibleAsync();
        await session.Page.GetByRole(AriaRole.Link, new() { Name = "History g h" }).ClickAsync();
        await session.Button("Stay").ClickAsync();
        await Expect(session.Heading("edge")).ToBeVisibleAsync();
        await session.Page.GetByRole(AriaRole.Link, new() { Name = "History g h" }).ClickAsync();
        await session.Button("Leave").ClickAsync();
        await Expect(session.Heading("History")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Viewer_SeesEverythingReadOnlyWithTheReason()
    {
        await using var session = await BrowserSession.StartAsync(browser, signedIn: false);
        await session.GoAsync("/listeners/edge");
        await session.Page.GetByLabel("Access token").FillAsync(FakeAdminApi.ViewerToken);
        await session.Button("Sign in").ClickAsync();
        await Expect(session.Page.GetByText("signed in as a viewer")).ToBeVisibleAsync();
        await Expect(session.Page.Locator(".cm-line").First).ToHaveTextAsync("name: edge");
        await session.AppendAsync(Route);
        await Expect(session.Page.Locator(".cm-content")).Not.ToContainTextAsync("/x");
        await Expect(session.Button("Review")).ToBeDisabledAsync();
        await Expect(session.Button("Delete")).ToBeDisabledAsync();
    }
}
