using System.Text;
using Managed.Dashboard.Tests.FakeNode;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Managed.Dashboard.Tests.Browser;

public sealed class ModuleTests(BrowserFixture browser)
{
    [Fact]
    public async Task ChosenFile_IsUploadedUnderItsName()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/modules");
        await Expect(session.Page.Locator("tbody tr")).ToHaveCountAsync(2);
        await ChooseAsync(session, "my filter.wasm", "\0asm\u0001\0\0\0 and much more");
        await Expect(session.Page.Locator(".uploads")).ToContainTextAsync("stored");
        await Expect(session.Page.Locator(".uploads a")).ToHaveTextAsync("my-filter");
        await Expect(session.Page.Locator("tbody tr")).ToHaveCountAsync(3);
        Assert.Equal("application/wasm digest", session.Host.State.UploadHeaders);
        await session.Page.Locator(".uploads a").ClickAsync();
        await Expect(session.Heading("my-filter")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task TypedName_WinsOverTheFiles()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/modules");
        await session.Page.GetByLabel("Name", new() { Exact = true }).FillAsync("geo");
        await ChooseAsync(session, "x.lua", "function envoy_on_request(h) end");
        await Expect(session.Page.Locator(".uploads a")).ToHaveTextAsync("geo");
        Assert.Equal("text/x-lua digest", session.Host.State.UploadHeaders);
    }

    [Fact]
    public async Task DroppedFiles_AreUploadedOneAfterTheOther()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/modules");
        await Expect(session.Page.Locator("tbody tr")).ToHaveCountAsync(2);
        await using var files = await session.Page.EvaluateHandleAsync("""
            () => {
              const data = new DataTransfer();
              data.items.add(new File([new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])], 'one.wasm'));
              data.items.add(new File(['-- a script'], 'two.lua'));
              return data;
            }
            """);
        await Expect(session.Page.Locator(".drop[data-ready]")).ToBeVisibleAsync();
        await session.Page.Locator(".drop").DispatchEventAsync("dragenter", new { dataTransfer = files });
        await Expect(session.Page.Locator(".drop")).ToHaveAttributeAsync("data-over", "");
        await session.Page.Locator(".drop").DispatchEventAsync("drop", new { dataTransfer = files });
        await Expect(session.Page.Locator(".uploads .mark.good")).ToHaveCountAsync(2);
        await Expect(session.Page.Locator(".drop")).Not.ToHaveAttributeAsync("data-over", "");
        await Expect(session.Page.Locator("tbody tr")).ToHaveCountAsync(4);
    }

    [Fact]
    public async Task RefusedModule_ShowsEachErrorByItself()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/modules");
        await ChooseAsync(session, "bad.wasm", "\0asm\u0001\0\0\0missing:first,second,third");
        await Expect(session.Page.Locator(".uploads .note li"))
            .ToHaveTextAsync(["it imports env.first, which no host has", "it imports env.second, which no host has",
                "it imports env.third, which no host has"]);
        await ChooseAsync(session, "notes.txt", "hello");
        await Expect(session.Page.GetByText("It is neither WebAssembly nor named .lua")).ToBeVisibleAsync();
        await session.ShouldBeAccessibleAsync();
        await session.Button("Dismiss bad.wasm").ClickAsync();
        await Expect(session.Page.Locator(".uploads > li")).ToHaveCountAsync(1);
    }

    [Fact]
    public async Task TooLargeFile_IsNotSent()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/modules");
        await Expect(session.Page.Locator("html[data-keys=on]")).ToBeAttachedAsync();
        await using var files = await session.Page.EvaluateHandleAsync(
            "() => { const data = new DataTransfer(); data.items.add(new File([new Uint8Array(64 * 1024 * 1024 + 1)], 'huge.wasm')); "
                + "return data; }");
        await Expect(session.Page.Locator("tbody tr")).ToHaveCountAsync(2);
        await Expect(session.Page.Locator(".drop[data-ready]")).ToBeVisibleAsync();
        await session.Page.Locator(".drop").DispatchEventAsync("drop", new { dataTransfer = files });
        await Expect(session.Page.GetByText("a module is at most 64.0 MiB")).ToBeVisibleAsync();
        Assert.Null(session.Host.State.UploadHeaders);
    }

    [Fact]
    public async Task RunningUpload_ShowsHowFarItIsAndCanBeCancelled()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.Page.RouteAsync("**/api/v1/modules?name=slow",
            async route => await Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken));
        await session.GoAsync("/modules");
        await ChooseAsync(session, "slow.wasm", "\0asm\u0001\0\0\0");
        await Expect(session.Page.Locator("progress")).ToBeVisibleAsync();
        await session.Button("Cancel the upload of slow.wasm").ClickAsync();
        await Expect(session.Page.Locator(".uploads")).ToContainTextAsync("cancelled");
        await session.Page.UnrouteAllAsync(new() { Behavior = UnrouteBehavior.IgnoreErrors });
    }

    [Fact]
    public async Task Delete_ShowsWhichVersionsNeedItAndOtherwiseDeletes()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/modules");
        await session.Button("Delete auth").ClickAsync();
        await session.Dialog.GetByRole(AriaRole.Button, new() { Name = "Delete auth" }).ClickAsync();
        await Expect(session.Dialog.Locator(".versions-in-use a")).ToHaveTextAsync(["v3", "v1"]);
        await session.Button("Cancel").ClickAsync();
        await session.Button("Delete stamp").ClickAsync();
        await session.Dialog.GetByRole(AriaRole.Button, new() { Name = "Delete stamp" }).ClickAsync();
        await Expect(session.Page.Locator("tbody tr")).ToHaveCountAsync(1);
    }

    [Fact]
    public async Task List_FiltersAndSortsInTheAddress()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/modules");
        var names = session.Page.Locator("tbody th a");
        await Expect(names).ToHaveTextAsync(["auth", "stamp"]);
        await session.Button("Size").ClickAsync();
        await Expect(names).ToHaveTextAsync(["stamp", "auth"]);
        await session.Page.GetByLabel("Kind").SelectOptionAsync("lua");
        await Expect(names).ToHaveTextAsync(["stamp"]);
        await Expect(session.Page).ToHaveURLAsync(session.Host.Url("/modules?sort=size&kind=lua"));
        await session.Page.ReloadAsync();
        await Expect(names).ToHaveTextAsync(["stamp"]);
        await session.Page.GetByPlaceholder("Filter by name or digest").FillAsync("nothing");
        await session.Button("Show all").ClickAsync();
        await Expect(names).ToHaveTextAsync(["stamp", "auth"]);
    }

    [Fact]
    public async Task Module_SaysWhereItIsUsedAndHowItFares()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/modules");
        await session.Page.Locator("tbody th a").First.ClickAsync();
        await Expect(session.Heading("auth")).ToBeVisibleAsync();
        await Expect(session.Page.GetByRole(AriaRole.Link,
            new() { Name = "listener edge, chain main, filter http_connection_manager, filter check" })).ToBeVisibleAsync();
        await Expect(session.Page.GetByText("unreachable: the guest gave up (in parse_token < on_request)")).ToBeVisibleAsync();
        await Expect(session.Page.GetByRole(AriaRole.Link, new() { Name = "v3 (active)" })).ToBeVisibleAsync();
        session.Host.State.Vms.RemoveAll(v => (int?)v["worker"] == 1);
        await Expect(session.Page.Locator("table.vms tbody tr")).ToHaveCountAsync(1); // read again by itself
    }

    [Fact]
    public async Task Machines_AreListedAndFiltered()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/modules?tab=runtime");
        var rows = session.Page.Locator("tbody tr:not(.more)");
        await Expect(rows).ToHaveCountAsync(3);
        await session.Page.GetByLabel("State").SelectOptionAsync("quarantined");
        await Expect(rows).ToHaveCountAsync(1);
        await Expect(rows).ToContainTextAsync("retry in 4 s");
        await Expect(session.Page).ToHaveURLAsync(session.Host.Url("/modules?tab=runtime&state=quarantined"));
        session.Host.State.Vms.Clear();
        await Expect(session.Page.GetByText("No guest code runs")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Viewer_ReadsOnly()
    {
        await using var session = await BrowserSession.StartAsync(browser, signedIn: false);
        await session.GoAsync("/modules");
        await session.Page.GetByLabel("Access token").FillAsync(FakeAdminApi.ViewerToken);
        await session.Button("Sign in").ClickAsync();
        await Expect(session.Page.Locator("tbody tr")).ToHaveCountAsync(2);
        await Expect(session.Page.Locator(".drop")).ToHaveCountAsync(0);
        await Expect(session.Page.GetByRole(AriaRole.Button, new() { Name = "Delete" })).ToHaveCountAsync(0);
    }

    private static Task ChooseAsync(BrowserSession session, string name, string content) =>
        session.Page.Locator("input[type=file]")
            .SetInputFilesAsync(new FilePayload { Name = name, MimeType = "application/octet-stream",
                Buffer = Encoding.Latin1.GetBytes(content) });
}
