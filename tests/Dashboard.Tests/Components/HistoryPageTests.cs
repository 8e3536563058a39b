using System.Net;
using Managed.Dashboard.Components.Controls;
using Managed.Dashboard.Components.Pages;

namespace Managed.Dashboard.Tests.Components;

public sealed class HistoryPageTests
{
    private const string Path = "versions?page_size=25";

    [Fact]
    public async Task NoVersions_SaysWhatMakesOne()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer(Path, """{"items":[],"total_size":0}""");
        var page = context.Render<History>();
        page.WaitForAssertion(() => Assert.Contains("No version yet", page.Markup));
    }

    [Fact]
    public async Task Failure_ShowsTheReason()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer(Path, """{"title":"Broken","status":500,"code":"INTERNAL","detail":"history database is locked"}""",
            HttpStatusCode.InternalServerError);
        var page = context.Render<History>();
        page.WaitForAssertion(() => Assert.Contains("history database is locked", page.Find("[role=alert]").TextContent));
    }

    [Fact]
    public async Task ActiveAndRejectedVersions_OfferNoRollBack()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer(Path, """
            {"items":[
              {"version":3,"created_at":"2024-05-01T10:00:00Z","state":"active","base_version":1},
              {"version":2,"created_at":"2024-05-01T10:00:00Z","state":"rejected","base_version":1},
              {"version":1,"created_at":"2024-05-01T10:00:00Z","state":"superseded"}],"total_size":3}
            """);
        var page = context.Render<History>();
        page.WaitForAssertion(() => Assert.Equal(3, page.FindAll("tbody tr").Count));
        Assert.Equal(["Roll back to v1"], page.FindAll(".row-actions button").Select(b => b.GetAttribute("aria-label")));
    }

    [Theory]
    [InlineData("40...43", 40L, 43L)]
    [InlineData("40..43", null, null)]
    [InlineData("a...b", null, null)]
    [InlineData("1...2...3", null, null)]
    [InlineData("-1...2", null, null)]
    public void Range_IsTwoNumbersOrNothing(string text, long? from, long? to) => Assert.Equal((from, to), ComparePage.Parse(text));

    [Theory]
    [InlineData(20, "just now")]
    [InlineData(61, "1 min ago")]
    [InlineData(7200, "2 h ago")]
    [InlineData(3 * 86400, "3 days ago")]
    [InlineData(40 * 86400, "2024-04-01 00:00")]
    public void Age_IsSaidInTheUnitThatFits(int seconds, string expected)
    {
        var now = new DateTimeOffset(2024, 5, 11, 0, 0, 0, TimeSpan.Zero);
        Assert.Equal(expected, When.Say(now.AddSeconds(-seconds), now));
    }
}
