using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Managed.Dashboard.Tests.Browser;

public sealed class BenchTests(BrowserFixture browser)
{
    [Fact]
    public async Task Script_IsRun_ItsErrorIsAtItsLine_AndItsChangesAreShown()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        var (page, largest) = (session.Page, 0);
        page.WebSocket += (_, socket) =>
        {
            void Measure(IWebSocketFrame frame) => largest = Math.Max(largest, frame.Binary?.Length ?? frame.Text?.Length ?? 0);
            socket.FrameSent += (_, frame) => Measure(frame);
            socket.FrameReceived += (_, frame) => Measure(frame);
        };
        await session.GoAsync("/bench");
        await Expect(page.Locator(".bench[data-ready]")).ToBeVisibleAsync();
        await WriteAsync(session, "function envoy_on_request(h)\n  local x = = 1\nend");
        await page.Keyboard.PressAsync("Control+Enter");
        await Expect(page.Locator(".cm-lintRange-error")).ToHaveTextAsync("local x = = 1");
        await Expect(session.Button("Line 2")).ToBeVisibleAsync();

        await WriteAsync(session, "function envoy_on_request(h)\n  h:headers():add(\"x-hello\", \"lua\")\nend\n" + new string('-', 100_000));
        await page.GetByLabel("Path").FillAsync("/shop");
        await page.Keyboard.PressAsync("Control+Enter");
        await Expect(page.Locator(".bench-sum")).ToContainTextAsync("200");
        await Expect(page.Locator(".cm-lintRange-error")).ToHaveCountAsync(0);
        await Expect(page.Locator("[aria-label='Request to upstream'] tr[data-change=added]").First).ToContainTextAsync("x-hello");
        await page.GetByText("What it did in OnRequestHeaders").ClickAsync();
        await Expect(page.GetByText("default_source_code:2", new() { Exact = true })).ToBeVisibleAsync();
        await session.ShouldBeAccessibleAsync();

        await page.GetByLabel("Save this message as").FillAsync("shop");
        await session.Button("Save").ClickAsync();
        await session.Button("Run all").ClickAsync();
        await Expect(page.Locator(".bench-cases .mark.good")).ToHaveTextAsync("✓ 200");
        await page.GetByRole(AriaRole.Textbox, new() { Name = "Status", Exact = true }).FillAsync("503");
        await session.Button("Save").ClickAsync(); // without a name
        await Expect(page.GetByText("Name the case first.")).ToBeVisibleAsync();
        await session.Button("Attach to a listener…").ClickAsync();
        await session.Dialog.GetByLabel("Store the script as").FillAsync("hello");
        await session.Dialog.GetByRole(AriaRole.Button, new() { Name = "Review" }).ClickAsync();
        await Expect(session.Dialog).ToContainTextAsync("Review the filter");
        Assert.Contains(session.Host.State.Modules.Values, m => (string?)m["names"]![0] == "hello" && (long)m["size"]! > 100_000);
        Assert.InRange(largest, 1, 65_536);
    }

    [Fact]
    public async Task WhatWasTyped_SurvivesAReload_InFormWizardAndBench()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        var page = session.Page;
        await session.GoAsync("/listeners/edge?tab=form");
        await page.GetByLabel("weight").FillAsync("7");
        await page.Locator("summary", new() { HasText = "limits" }).ClickAsync();
        await page.GetByLabel("most").FillAsync("3");
        await page.GetByLabel("most").BlurAsync();
        await Expect(page.GetByText("Not applied")).ToBeVisibleAsync();
        await page.ReloadAsync();
        await Expect(page.GetByText("Your unsaved changes from")).ToBeVisibleAsync();
        await Expect(page.GetByLabel("weight")).ToHaveValueAsync("7");
        await Expect(page.GetByLabel("most")).ToHaveValueAsync("3");
        await Expect(page.GetByText("Not applied")).ToBeVisibleAsync(); // .NET has it too
        await session.Button("Discard").ClickAsync();
        await Expect(page.GetByLabel("weight")).ToHaveValueAsync("");
        await Expect(page.GetByRole(AriaRole.Region, new() { Name = "Form" }).GetByText("Same as on the node")).ToBeVisibleAsync();

        await session.GoAsync("/new");
        await page.GetByLabel("Name", new() { Exact = true }).FillAsync("shop");
        await page.GetByLabel("Upstreams").FillAsync("127.0.0.1:8080");
        await session.GoAsync("/bench");
        await Expect(page.Locator(".bench[data-ready]")).ToBeVisibleAsync();
        await WriteAsync(session, "-- mine");
        await page.GetByLabel("Path").FillAsync("/shop");
        await page.GetByLabel("Headers").First.FillAsync("x-user: kim\nauthorization: Bearer s3cret");
        await page.ReloadAsync();
        await Expect(page.GetByText("Your unsaved changes from")).ToBeVisibleAsync();
        await Expect(page.Locator(".bench-editor .cm-content")).ToHaveTextAsync("-- mine");
        await Expect(page.GetByLabel("Path")).ToHaveValueAsync("/shop");
        await Expect(page.GetByLabel("Headers").First).ToHaveValueAsync("x-user: kim\nauthorization: (not kept)");
        await session.GoAsync("/new");
        await Expect(page.GetByLabel("Name", new() { Exact = true })).ToHaveValueAsync("shop");
        await Expect(page.GetByText("Checking…").Or(page.GetByText("The node can build this")).Or(page.Locator(".ops")).First).ToBeVisibleAsync();
        Assert.DoesNotContain("s3cret", await page.EvaluateAsync<string>("() => JSON.stringify({ ...sessionStorage, ...localStorage })"));
    }

    private static async Task WriteAsync(BrowserSession session, string script)
    {
        await session.Page.Locator(".bench-editor .cm-content").ClickAsync();
        await session.Page.Keyboard.PressAsync("Control+A");
        await session.Page.Keyboard.InsertTextAsync(script);
    }
}
