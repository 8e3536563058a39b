using System.Net;
using Managed.AdminApi.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Managed.AdminApi.Tests.Hosting;

/// <summary>The dashboard is made by the first request for it; without it the API is all there is.</summary>
public sealed class DashboardHostTests
{
    [Fact]
    public async Task Pages_AreServedBesideTheApi()
    {
        await using var node = await TestNode.StartAsync();
        (await node.GetAsync("status")).Is(HttpStatusCode.OK);
        Assert.Contains("<form", (await node.GetAsync("/sign-in", ("Accept", "text/html"))).Is(HttpStatusCode.OK).Body);
        (await node.GetAsync("/favicon.ico", ("Accept", "image/*"))).Is(HttpStatusCode.NotFound);
        (await node.GetAsync("status")).Is(HttpStatusCode.OK);
        (await node.PostAsync("auth/sign-in-links")).Is(HttpStatusCode.Created);
    }

    [Fact]
    public async Task WithoutIt_ThereIsNothingToSignInTo_AndEverythingElseIsThere()
    {
        await using var node = await TestNode.StartAsync();
        await node.RestartAsync(null, "--no-dashboard");
        Assert.Null(node.Host.Services.GetService<DashboardHost>());
        (await node.GetAsync("status")).Is(HttpStatusCode.OK);
        (await node.GetAsync("/stats/prometheus")).Is(HttpStatusCode.OK);
        (await node.GetAsync("/swagger/index.html")).Is(HttpStatusCode.OK);
        (await node.PostAsync("auth/sign-in-links")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        node.Http.DefaultRequestHeaders.Authorization = null;
        (await node.GetAsync("/", ("Accept", "text/html"))).Is(HttpStatusCode.Unauthorized);
        (await node.GetAsync("/sign-in", ("Accept", "text/html"))).Is(HttpStatusCode.Unauthorized);
        var output = new StringWriter();
        node.Host.Announce(output);
        Assert.DoesNotContain("dashboard", output.ToString());
    }
}
