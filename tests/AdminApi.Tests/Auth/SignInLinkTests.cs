using System.Net;
using System.Text;
using Managed.AdminApi.Auth;
using Managed.AdminApi.Hosting;

namespace Managed.AdminApi.Tests.Auth;

public sealed class SignInLinkTests
{
    private readonly SetTime _time = new();

    [Fact]
    public void Code_WorksOnceWithinTenMinutes()
    {
        var codes = new SignInCodes(_time, new(_time));
        var (first, second) = (codes.Issue(), codes.Issue());
        Assert.Equal(_time.Now + TimeSpan.FromMinutes(10), first.ExpiresAt);
        _time.Now += TimeSpan.FromMinutes(10) - TimeSpan.FromSeconds(1);
        Assert.False(codes.Redeem(""));
        Assert.True(codes.Redeem(first.Code));
        Assert.False(codes.Redeem(first.Code));
        _time.Now += TimeSpan.FromSeconds(1);
        Assert.False(codes.Redeem(second.Code));
    }

    [Fact]
    public void OpenCodes_AreFew()
    {
        var codes = new SignInCodes(_time, new(_time));
        var first = codes.Issue().Code;
        for (var i = 0; i < 16; i++)
            codes.Issue();
        Assert.False(codes.Redeem(first));
    }

    [Fact]
    public async Task Command_PrintsALinkOfTheRunningNode()
    {
        await using var node = await TestNode.StartAsync();
        var folder = Path.Combine(node.Folder, "data");
        var output = new StringWriter();
        Assert.Equal(0, await SignInCommand.RunAsync(folder, output));
        var link = new Uri(output.ToString().Trim());
        Assert.Equal(node.Host.AdminUri.Authority, link.Authority);
        node.Http.DefaultRequestHeaders.Authorization = null;
        (await node.GetAsync(link.PathAndQuery, ("Origin", "http://evil.example"))).IsProblem(HttpStatusCode.Forbidden, "FORBIDDEN");
        Assert.Contains("managed_session=", (await node.GetAsync(link.PathAndQuery))
            .Is(HttpStatusCode.Redirect).Headers.GetValues("Set-Cookie").Single());
        (await node.GetAsync(link.PathAndQuery)).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHENTICATED");
        (await node.PostAsync("auth/sign-in-links")).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHENTICATED");
    }

    [Fact]
    public async Task Command_SaysWhenNoNodeRuns()
    {
        string folder;
        await using (var node = await TestNode.StartAsync())
        {
            await node.Host.DisposeAsync();
            folder = Path.Combine(node.Folder, "data");
            Assert.False(File.Exists(Path.Combine(folder, "admin-address")));
            // of a run that was killed: its port may be somebody else's
            await File.WriteAllTextAsync(Path.Combine(folder, "admin-address"), "http://127.0.0.1:9/");
            Assert.Contains("no node runs",
                (await Assert.ThrowsAsync<StartException>(() => SignInCommand.RunAsync(folder, TextWriter.Null))).Message);
        }
        Assert.Contains("no node runs",
            (await Assert.ThrowsAsync<StartException>(() => SignInCommand.RunAsync(folder, TextWriter.Null))).Message);
    }

    [Fact]
    public async Task CodesAndTokens_AreInNoLogOrEvent()
    {
        await using var program = await RunningProgram.StartAsync();
        using var http = new HttpClient(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false }) { BaseAddress =
            new(program.SignInLink.GetLeftPart(UriPartial.Authority)) };
        var token = (await File.ReadAllTextAsync(Path.Combine(program.DataFolder, "admin-token"))).Trim();
        using (var trace = new HttpRequestMessage(HttpMethod.Post,
            "/logging?level=trace&Microsoft=trace&System=trace&Microsoft.AspNetCore.Hosting.Diagnostics=trace&"
                + "Microsoft.AspNetCore.Server.Kestrel=trace"))
        {
            trace.Headers.Authorization = new("Bearer", token);
            Assert.Equal(HttpStatusCode.OK, (await http.SendAsync(trace)).StatusCode);
        }
        var signedIn = await http.GetAsync(program.SignInLink);
        Assert.Equal(HttpStatusCode.Redirect, signedIn.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync(program.SignInLink)).StatusCode);
        var cookie = signedIn.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
        using (var me = new HttpRequestMessage(HttpMethod.Get,
            "/api/v1/auth/me") { Headers = { { "Cookie", cookie }, { "Sec-Fetch-Site", "same-origin" } } })
            Assert.Equal(HttpStatusCode.OK, (await http.SendAsync(me)).StatusCode);
        await program.StopAsync();
        Assert.Contains("dbug", program.Errors); // the trace level was on
        foreach (var secret in new[] { program.SignInLink.Query["?code=".Length..], token, cookie.Split('=')[1] })
        {
            Assert.DoesNotContain(secret, program.Errors);
            foreach (var file in Directory.EnumerateFiles(program.DataFolder, "*", SearchOption.AllDirectories)
                .Where(f => Path.GetFileName(f) != "admin-token"))
                Assert.DoesNotContain(secret, Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file)));
        }
    }
}
