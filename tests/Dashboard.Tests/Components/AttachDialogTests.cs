using Managed.Dashboard.Components.Controls;
using MudBlazor;

namespace Managed.Dashboard.Tests.Components;

public sealed class AttachDialogTests
{
    private const string Chain = """
        {"items":[{"name":"main","filters":[{"name":"http_connection_manager","typed_config":{"stat_prefix":"edge"}}]}]}
        """;
    private const string DryRun = """
        {"dry_run":true,"changed":true,"diff":[{"op":"add","pointer":"#/listeners/0","where":"listeners[edge]"}]}
        """;

    [Fact]
    public async Task NewFilter_NamesTheModule_AndGoesToTheReview()
    {
        var (context, api) = Create();
        await using var _ = context;
        api.Answer("listeners/edge/filter_chains/main/http_filters?dry_run=true", DryRun);
        var dialogs = Show(context, new("wasm", "geo", null, "root", "{\"a\":1}", "", "", ""));
        dialogs.WaitForAssertion(() => Assert.False(Review(dialogs).HasAttribute("disabled")));
        Review(dialogs).Click();
        dialogs.WaitForAssertion(() => Assert.Contains("listeners[edge]", dialogs.Markup));
        Assert.Equal(
            """{"name":"geo","typed_config":{"@type":"type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm","config":"""
                + """{"name":"geo","root_id":"root","configuration":"{\u0022a\u0022:1}","vm_config":{"code":{"module":"geo"}}}}}""",
            api.Bodies.Last());
    }

    [Fact]
    public async Task ScriptInPlaceOfAFilter_IsStoredFirst_AndKeepsTheFiltersOtherSettings()
    {
        var (context, api) = Create();
        await using var _ = context;
        api.Answer("listeners/edge/filter_chains/main/http_filters/stamp",
            """{"name":"stamp","typed_config":{"@type":"lua","stat_prefix":"s","default_source_code":{"inline_string":"-- old"}}}""",
            etag: "\"e1\"");
        api.Answer("listeners/edge/filter_chains/main/http_filters/stamp?dry_run=true", DryRun);
        var dialogs = Show(context, new("lua", null, null, "", "", "edge", "main", "stamp"));
        dialogs.WaitForAssertion(() => Assert.Contains("takes the place of the filter “stamp”", dialogs.Markup));
        dialogs.Find("input").Input("stamp-2");
        Review(dialogs).Click();
        dialogs.WaitForAssertion(() => Assert.Contains("listeners[edge]", dialogs.Markup));
        Assert.Equal("stamp-2", context.JSInterop.VerifyInvoke("store").Arguments[0]);
        Assert.Equal("""{"name":"stamp","typed_config":{"@type":"lua","stat_prefix":"s","module":"stamp-2"}}""", api.Bodies.Last());
        Assert.Equal("\"e1\"", api.Requests.Last(r => r.Method == HttpMethod.Put).Headers.GetValues("If-Match").Single());
    }

    private static (BunitContext Context, ScriptedApi Api) Create()
    {
        var (context, api) = ScriptedApi.Create();
        api.Answer("listeners?page_size=200", """{"items":[{"name":"edge","address":"127.0.0.1:1"}]}""");
        api.Answer("listeners/edge/filter_chains?page_size=200", Chain);
        api.Answer("listeners/edge/filter_chains/main/http_filters?page_size=200",
            """{"items":[{"name":"stamp","typed_config":{"@type":"lua"}},{"name":"router"}]}""");
        return (context, api);
    }

    private static IRenderedComponent<MudDialogProvider> Show(BunitContext context, BenchSubject subject)
    {
        var bench = context.JSInterop.SetupModule("./_content/Managed.Dashboard/js/dist/editor.js").SetupModule("createBench", _ => true);
        bench.Mode = JSRuntimeMode.Loose;
        bench.Setup<EditorWrite>("store", _ => true).SetResult(new(true, null, true, 0, null, null));
        var view = context.Render<BenchView>();
        var dialogs = context.Render<MudDialogProvider>();
        view.WaitForAssertion(() => Assert.NotEmpty(view.FindAll(".bench")));
        _ = dialogs.InvokeAsync(() => view.Instance.OnAttach(subject));
        dialogs.WaitForAssertion(() => Assert.Contains("Attach to a listener", dialogs.Markup));
        return dialogs;
    }

    private static AngleSharp.Dom.IElement Review(IRenderedComponent<MudDialogProvider> dialogs) =>
        dialogs.FindAll("button").First(b => b.TextContent.Trim() == "Review");
}
