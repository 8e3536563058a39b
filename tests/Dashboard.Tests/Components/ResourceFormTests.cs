using System.Net;
using Managed.Dashboard.Components.Controls;
using MudBlazor;

namespace Managed.Dashboard.Tests.Components;

public sealed class ResourceFormTests
{
    private const string Schema = """
        {"type":"object","required":["name"],"properties":{"@type":{"type":"string"},"name":{"type":"string"},
          "connect_timeout":{"type":"string","description":"How long a connection may take.","default":"5s"},
          "type":{"enum":["STATIC","EDS"],"default":"STATIC"},"endpoints":{"type":"array","items":{}},
          "address":{"$ref":"#/$defs/A"},"weight":{"type":"integer"},"eager":{"type":"boolean"},
          "limits":{"$ref":"#/$defs/Limits","description":"Most of each."}},
         "$defs":{"A":{"anyOf":[{"type":"string"},{"type":"object"}]},
          "Limits":{"type":"object","properties":{"most":{"anyOf":[{"type":"integer"},{"type":"string"}]},"inner":{"$ref":"#/$defs/Limits"}}}}}
        """;

    private const string DryRun = """
        {"dry_run":true,"changed":true,"diff":[{"op":"replace","pointer":"#/clusters/0","where":"clusters[web]"}]}
        """;

    [Fact]
    public async Task EveryKindOfField_IsEnteredAndSent_AsTheSchemaHasIt()
    {
        var (context, api) = Create("""{"name":"web","endpoints":["a:1"],"weight":1}""");
        await using var _ = context;
        api.Answer("clusters/web?dry_run=true", DryRun);
        var dialogs = context.Render<MudDialogProvider>();
        var page = context.Render<ResourceForm>(p => p.Add(f => f.Kind, ResourceKind.Cluster).Add(f => f.Name, "web"));
        page.WaitForAssertion(() => Assert.Equal("name *", page.FindAll("label.field .mono")[0].TextContent));
        // what is set comes first
        Assert.Equal(["name *", "endpoints", "weight"], page.FindAll("label.field > .mono").Take(3).Select(f => f.TextContent));
        Assert.Contains("How long a connection may take.", page.Markup);
        Field(page, "connect_timeout").Change("2s");
        Field(page, "type").Change("EDS");
        Field(page, "endpoints").Change("[\"b:2\"]");
        Field(page, "address").Change("127.0.0.1:80");
        Field(page, "weight").Change("");
        Field(page, "eager").Change("true");
        page.Find("details").TriggerEvent("ontoggle", EventArgs.Empty);
        Field(page, "most").Change("4 MiB");
        page.FindAll("button").Single(b => b.TextContent.Trim() == "Review").Click();
        dialogs.WaitForAssertion(() => Assert.Contains("clusters[web]", dialogs.Markup));
        Assert.Equal(
            ["""{"name":"web","endpoints":["b:2"],"connect_timeout":"2s","type":"EDS","address":"127.0.0.1:80","eager":true,"""
                + "\"limits\":{\"most\":\"4 MiB\"}}"],
            api.Bodies);
    }

    [Theory]
    [InlineData("endpoints", "[1,", "It is not JSON: line 1")]
    [InlineData("weight", "many", "It is not a number.")]
    public async Task WrongEntry_IsSaidAtItsField_AndNotSent(string field, string typed, string said)
    {
        var (context, _) = Create("""{"name":"web"}""");
        await using var _1 = context;
        var page = context.Render<ResourceForm>(p => p.Add(f => f.Kind, ResourceKind.Cluster).Add(f => f.Name, "web"));
        page.WaitForAssertion(() => Assert.NotEmpty(page.FindAll("label.field")));
        Field(page, field).Change(typed);
        Assert.Contains(said, page.Find("[role=alert]").TextContent);
        Assert.Equal("true", Field(page, field).GetAttribute("aria-invalid"));
        Assert.True(page.FindAll("button").Single(b => b.TextContent.Trim() == "Review").HasAttribute("disabled"));
    }

    [Fact]
    public async Task ChangedByOthersMeanwhile_IsSaidInsteadOfOverwritten()
    {
        var (context, api) = Create("""{"name":"web"}""");
        await using var _ = context;
        api.Answer("clusters/web?dry_run=true",
            """{"title":"This piece has moved on","status":412,"code":"ETAG_MISMATCH","detail":"it is no longer what If-Match says"}""",
            HttpStatusCode.PreconditionFailed);
        var dialogs = context.Render<MudDialogProvider>();
        var page = context.Render<ResourceForm>(p => p.Add(f => f.Kind, ResourceKind.Cluster).Add(f => f.Name, "web"));
        page.WaitForAssertion(() => Assert.NotEmpty(page.FindAll("label.field")));
        Field(page, "connect_timeout").Change("2s");
        page.FindAll("button").Single(b => b.TextContent.Trim() == "Review").Click();
        dialogs.WaitForAssertion(() => Assert.Contains("it is no longer what If-Match says", dialogs.Markup));
        Assert.True(dialogs.FindAll("button").Single(b => b.TextContent.Trim() == "Apply").HasAttribute("disabled"));
        Assert.Equal("\"etag-1\"", api.Requests.Last(r => r.Method == HttpMethod.Put).Headers.GetValues("If-Match").Single());
    }

    private static AngleSharp.Dom.IElement Field(IRenderedComponent<ResourceForm> page, string name) =>
        page.FindAll("label.field").Single(l => l.Children[0].TextContent.TrimEnd(' ', '*') == name)
            .QuerySelector("input, select, textarea")!;

    private static (BunitContext Context, ScriptedApi Api) Create(string cluster)
    {
        var (context, api) = ScriptedApi.Create();
        api.Answer("schema/cluster", Schema);
        api.Answer("clusters/web", cluster, etag: "\"etag-1\"");
        return (context, api);
    }
}
