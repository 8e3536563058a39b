using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Managed.Integration.Dashboard;

/// <summary>How people use the dashboard, on the real program.</summary>
[Collection("the port that the dashboard suggests")]
public sealed class DashboardWayTests
{
    [Fact]
    public async Task Newcomer_PublishesAServiceAndSeesItAnswer()
    {
        await using var program = await ManagedProgram.StartAsync("upstream says hello");
        await using var user = await BrowserUser.SignInAsync(program);
        await user.Link("Publish a service").ClickAsync();
        await Expect(user.Heading("Publish a service")).ToBeVisibleAsync();
        await Expect(user.Page.GetByLabel("Listens on")).ToHaveValueAsync(new System.Text.RegularExpressions.Regex("^127.0.0.1:"));
        var address = await user.Page.GetByLabel("Listens on").InputValueAsync();
        await user.Page.GetByLabel("Name").FillAsync("shop");
        await Expect(user.Button("Publish")).ToBeDisabledAsync();
        await user.Page.GetByLabel("Upstreams").FillAsync("127.0.0.1:99999");
        await Expect(user.Page.Locator("#endpoints-error")).ToContainTextAsync("99999");
        await user.Page.GetByLabel("Upstreams").FillAsync($"127.0.0.1:{program.Port}");
        await Expect(user.Page.GetByText("The node can build this")).ToBeVisibleAsync();
        await Expect(user.Page.GetByText("listeners[shop]")).ToBeVisibleAsync();
        await Expect(user.Page.Locator(".ops")).ToContainTextAsync("clusters");
        await user.Button("Publish").ClickAsync();
        await Expect(user.Page.GetByText("200 OK")).ToBeVisibleAsync();
        await Expect(user.Page.GetByLabel("The answer")).ToContainTextAsync("upstream says hello");
        using var http = new HttpClient();
        Assert.Equal("upstream says hello", (await http.GetStringAsync($"http://{address}/", TestContext.Current.CancellationToken))
            .Trim());
        await user.Link("Its cluster").ClickAsync();
        await Expect(user.Editor).ToContainTextAsync($"127.0.0.1:{program.Port}");
        await user.Page.GetByRole(AriaRole.Link, new() { Name = "Clusters g c" }).ClickAsync();
        await Expect(user.Page.Locator("tbody tr")).ToContainTextAsync(["shop"]);
        Assert.Equal(2,
            System.Text.Json.JsonDocument.Parse(await program.CallAsync(HttpMethod.Get, "versions/active")).RootElement.GetProperty(
                "version").GetInt64());
    }

    [Fact]
    public async Task PublicationThatIsRefused_SaysWhyUntilSomethingIsTyped()
    {
        await using var program = await ManagedProgram.StartAsync("upstream says hello");
        await using var user = await BrowserUser.SignInAsync(program);
        await user.Link("Publish a service").ClickAsync();
        await Expect(user.Page.GetByLabel("Listens on")).ToHaveValueAsync(new System.Text.RegularExpressions.Regex("^127.0.0.1:"));
        await user.Page.GetByLabel("Name").FillAsync("shop");
        using var other = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        other.Start(); // of another program, so that only binding it finds out
        await user.Page.GetByLabel("Listens on").FillAsync(other.LocalEndpoint.ToString()!);
        await user.Page.GetByLabel("Upstreams").FillAsync($"127.0.0.1:{program.Port}");
        await user.Button("Publish").ClickAsync();
        var reason = user.Page.GetByText("Address already in use").First;
        await Expect(reason).ToBeVisibleAsync();
        await program.CallAsync(HttpMethod.Put, "clusters/other", """{"endpoints":["127.0.0.1:9"]}""", "application/json");
        await Expect(user.Page.GetByText("v3 active")).ToBeVisibleAsync();
        await program.CallAsync(HttpMethod.Put, "clusters/another", """{"endpoints":["127.0.0.1:9"]}""", "application/json");
        await Expect(user.Page.GetByText("v4 active")).ToBeVisibleAsync();
        await Expect(reason).ToBeVisibleAsync();
        await user.Page.GetByLabel("Listens on").FillAsync("127.0.0.1:0");
        await Expect(user.Page.GetByText("The node can build this")).ToBeVisibleAsync();
        await Expect(reason).ToBeHiddenAsync();
    }

    [Fact]
    public async Task Undo_LeavesWhatSomebodyElseDidSince()
    {
        await using var program = await ManagedProgram.StartAsync("one");
        await program.CallAsync(HttpMethod.Put, "clusters/web", """{"endpoints":["127.0.0.1:9"]}""", "application/json");
        await using var user = await BrowserUser.SignInAsync(program);
        await user.Page.GotoAsync(new Uri(program.SignInLink, "/listeners/edge").ToString());
        await Expect(user.Editor).ToContainTextAsync("inline_string: one");
        await user.ReplaceTextAsync(ManagedProgram.Listener(program.Port, "two"));
        await user.ApplyAsync();
        await Expect(user.Page.GetByText("v3 live in")).ToBeVisibleAsync();
        Assert.Equal("two", await program.CurlAsync());
        await program.CallAsync(HttpMethod.Patch, "clusters/web", """{"endpoints":["127.0.0.1:9","127.0.0.1:10"]}""");

        await user.Button("Undo").ClickAsync();
        await Expect(user.Page.GetByText("v5 live: v3 is undone")).ToBeVisibleAsync();
        Assert.Equal("one", await program.CurlAsync());
        Assert.Contains("127.0.0.1:10", await program.CallAsync(HttpMethod.Get, "clusters/web"), StringComparison.Ordinal);

        // Over a place that somebody changed again, it asks first.
        await program.CallAsync(HttpMethod.Patch, "clusters/web?comment=five", """{"lb_policy":"RANDOM"}""");
        await program.CallAsync(HttpMethod.Patch, "clusters/web", """{"lb_policy":"LEAST_REQUEST"}""");
        await user.Page.GotoAsync(new Uri(program.SignInLink, "/history").ToString());
        await user.Button("Undo v6").ClickAsync();
        await Expect(user.Page.GetByText("One place was changed again since")).ToBeVisibleAsync();
        await Expect(user.Page.GetByRole(AriaRole.Dialog)).ToContainTextAsync("LEAST_REQUEST");
        await user.Page.GetByLabel("These places").SelectOptionAsync("revert");
        await user.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Undo v6" }).ClickAsync();
        await Expect(user.Page.GetByText("v8 live in")).ToBeVisibleAsync();
        await Expect(user.Page.GetByText("takes back v6")).ToBeVisibleAsync();
        Assert.DoesNotContain("lb_policy", await program.CallAsync(HttpMethod.Get, "clusters/web"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Restart_UnderAnOpenEditor_KeepsTheTextAndLogsNoStackTrace()
    {
        await using var program = await ManagedProgram.StartAsync("one");
        await using var user = await BrowserUser.SignInAsync(program);
        await user.Page.GotoAsync(new Uri(program.SignInLink, "/listeners/edge").ToString());
        await Expect(user.Editor).ToContainTextAsync("inline_string: one");
        await user.ReplaceTextAsync(ManagedProgram.Listener(program.Port, "typed before the restart"));
        await Expect(user.Page.GetByText("Valid: the node can build this")).ToBeVisibleAsync();
        await program.RestartAsync();
        await Expect(user.Page.GetByText("The dashboard was restarted.")).ToBeVisibleAsync();
        await user.Page.ReloadAsync();
        await Expect(user.Editor).ToContainTextAsync("typed before the restart");
        await Expect(user.Page.GetByText("they were never applied")).ToBeVisibleAsync();
        await user.ApplyAsync();
        await Expect(user.Page.GetByText("v2 live in")).ToBeVisibleAsync();
        Assert.Equal("typed before the restart", await program.CurlAsync());
        var wrong = program.Output.Split('\n').Where(l => l.StartsWith("   at ", StringComparison.Ordinal)
            || l.Contains("Exception", StringComparison.Ordinal));
        Assert.True(!wrong.Any(), string.Join('\n', wrong)); // in full
    }
}
