using System.Net;
using Managed.Dashboard.Tests.FakeNode;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Managed.Dashboard.Tests.Browser;

public sealed class SignInTests(BrowserFixture browser)
{
    [Fact]
    public async Task PrintedLink_SignsIn()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/");
        await Expect(session.Page.GetByText("edge-1")).ToBeVisibleAsync();
        await Expect(session.ActiveVersion("v3 active")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task UsedLink_LeadsToTheFormWithTheReason()
    {
        await using var session = await BrowserSession.StartAsync(browser, signedIn: false);
        await session.GoAsync("/auth/login?code=used");
        await Expect(session.Page.GetByText("used already or is too old")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Form_RefusesAWrongTokenAndTakesTheRightOneBackToTheWantedPage()
    {
        await using var session = await BrowserSession.StartAsync(browser, signedIn: false);
        await session.GoAsync("/history?q=maria");
        await Expect(session.Page).ToHaveURLAsync(session.Host.Url("/sign-in?return=%2Fhistory%3Fq%3Dmaria"));
        await session.ShouldBeAccessibleAsync();

        await session.Page.GetByLabel("Access token").FillAsync("wrong");
        await session.Button("Sign in").ClickAsync();
        await Expect(session.Page.GetByText("This token is not known here.")).ToBeVisibleAsync();

        await session.Page.GetByLabel("Access token").FillAsync(FakeAdminApi.Token);
        await session.Button("Sign in").ClickAsync();
        await Expect(session.Heading("History")).ToBeVisibleAsync();
        await Expect(session.Page).ToHaveURLAsync(session.Host.Url("/history?q=maria"));
    }

    [Fact]
    public async Task SigningOut_EndsTheSession()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/");
        await session.Page.GetByRole(AriaRole.Button, new() { Name = "Account: admin" }).FocusAsync();
        await session.Page.Keyboard.PressAsync("Enter");
        await Expect(session.Page.GetByRole(AriaRole.Menuitem, new() { Name = "Sign out" })).ToBeFocusedAsync();
        await session.Page.Keyboard.PressAsync("Enter");
        await Expect(session.Page.GetByText("You are signed out.")).ToBeVisibleAsync();
        Assert.Empty(session.Host.State.Sessions);
    }

    [Fact]
    public async Task SessionThatEndsElsewhere_LeadsToTheForm()
    {
        await using var session = await BrowserSession.StartAsync(browser);
        await session.GoAsync("/");
        await Expect(session.Heading("Overview")).ToBeVisibleAsync();
        session.Host.State.Sessions.Clear();
        session.Host.State.Tell("version.created");
        await Expect(session.Page.GetByText("Your session has ended.")).ToBeVisibleAsync();
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/listeners")]
    [InlineData("/history/compare/1...2")]
    public async Task PageWithoutSession_Redirects(string path)
    {
        await using var host = await FakeHost.StartAsync();
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        using var answer = await http.GetAsync(host.Url(path), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.StartsWith("/sign-in", answer.Headers.Location!.OriginalString);
    }

    [Theory]
    [InlineData(null, null, HttpStatusCode.Unauthorized)]
    [InlineData("managed_session=forged", null, HttpStatusCode.Unauthorized)]
    [InlineData(null, "http://evil.example", HttpStatusCode.Forbidden)]
    public async Task CircuitWithoutSessionOrFromElsewhere_IsRefused(string? cookie, string? origin, HttpStatusCode expected)
    {
        await using var host = await FakeHost.StartAsync();
        using var http = new HttpClient(new SocketsHttpHandler { UseCookies = false });
        using var request = new HttpRequestMessage(HttpMethod.Post, host.Url("/_blazor/negotiate?negotiateVersion=1"));
        if (cookie is not null)
            request.Headers.Add("Cookie", cookie);
        if (origin is not null)
            request.Headers.Add("Origin", origin);
        using var answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(expected, answer.StatusCode);
    }
}
