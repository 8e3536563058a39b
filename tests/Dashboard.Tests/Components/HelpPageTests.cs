using Managed.Dashboard.Components.Controls;
using Managed.Dashboard.Components.Pages;
using System.Text.Json;

namespace Managed.Dashboard.Tests.Components;

public sealed class HelpPageTests
{
    private const string Schema = """
        {"type":"object","description":"Runs a script.","required":["code"],"properties":{"@type":{"type":"string"},
          "code":{"$ref":"#/$defs/Source","description":"The script."},"many":{"type":"array","items":{"$ref":"#/$defs/Source"}},
          "names":{"type":"object","additionalProperties":{"type":"string"}},"policy":{"enum":["OPEN","CLOSED"],"default":"OPEN"},
          "memory":{"anyOf":[{"type":"integer"},{"type":"string"}]},"word":{"$ref":"#/$defs/Word"}},
         "$defs":{"Source":{"type":"object","properties":{"inner":{"$ref":"#/$defs/Source"}}},"Word":{"type":"string"}}}
        """;

    [Fact]
    public void Fields_SayWhatTheyTake_AndLeadToTheirParts()
    {
        var reference = SchemaReference.Read(JsonDocument.Parse(Schema).RootElement, null)!;
        Assert.Equal("Runs a script.", reference.Description);
        Assert.Equal(
            [("code", true, "Source", null, "Source"), ("many", false, "list of Source", null, "Source"),
                ("names", false, "map of text", null, null),
                ("policy", false, "one of OPEN, CLOSED", "OPEN", null), ("memory", false, "integer or text", null, null),
                ("word", false, "Word", null, null)],
            reference.Fields.Select(f => (f.Name, f.Required, f.Takes, f.Usual, f.Part)));
        Assert.Equal("inner", SchemaReference.Read(JsonDocument.Parse(Schema).RootElement, "Source")!.Fields.Single().Name);
        Assert.Null(SchemaReference.Read(JsonDocument.Parse(Schema).RootElement, "Nothing"));
    }

    [Fact]
    public async Task Reference_IsListedByKind_AndEachHasItsPage()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer("schema", """
            {"kinds":[{"kind":"lua","type":"http_filter","summary":"Runs a Lua script."},{"kind":"listener","type":"resource"},
             {"kind":"local_ratelimit","type":"http_filter"},{"kind":"local_ratelimit","type":"listener_filter"}]}
            """);
        api.Answer("schema/lua", Schema);
        var page = context.Render<HelpPage>();
        page.WaitForAssertion(() => Assert.Equal(["What it is called elsewhere", "HTTP filters", "Listener filters", "Resources"],
            page.FindAll("caption").Select(c => c.TextContent)));
        Assert.Equal(["/help/local_ratelimit", "/help/lua"],
            page.FindAll("[aria-label='HTTP filters table'] a").Select(a => a.GetAttribute("href")));
        Assert.Equal("/help/envoy.filters.listener.local_ratelimit",
            page.Find("[aria-label='Listener filters table'] a").GetAttribute("href"));
        page.Render(p => p.Add(h => h.Kind, "lua"));
        page.WaitForAssertion(() => Assert.Equal("/help/lua?part=Source", page.Find("tbody a").GetAttribute("href")));
    }
}
