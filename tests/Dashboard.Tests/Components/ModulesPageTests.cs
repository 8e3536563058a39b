using System.Net;
using System.Text.Json;
using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;
using Managed.Dashboard.Components.Pages;
using Microsoft.AspNetCore.Components;

namespace Managed.Dashboard.Tests.Components;

public sealed class ModulesPageTests
{
    private const string List = "modules?page_size=200", Machines = "vms?page_size=200";
    private static readonly string A = "sha256:" + new string('a', 64), B = "sha256:" + new string('b', 64);

    private static string Items => $$"""
        {"items":[
          {"digest":"{{A}}","kind":"wasm","names":["auth","auth-v2"],"size":1234567,"created_at":"2024-05-01T10:00:00Z","author":"maria","abi":"proxy_abi_version_0_2_1","imports":["env.proxy_log"],"exports":["memory"],"used_by":[7,5]},
          {"digest":"{{B}}","kind":"lua","names":[],"size":312,"created_at":"2024-05-02T10:00:00Z","author":"kim","abi":null,"imports":[],"exports":[],"used_by":[]}],"total_size":2}
        """;

    private static string Vms => $$"""
        {"items":[
          {"kind":"wasm","name":"auth","digest":"{{A}}","worker":0,"state":"active","executions":1000,"errors":0,"breaches":0,"memory_bytes":131072,"created":1,"reloads":0,"active":1,"last_error":"","time_histogram":[{"le":2,"count":980},{"le":512,"count":15},{"le":4096,"count":5}],"callbacks":[{"name":"proxy_on_request_headers","calls":600,"time_micros":1200,"max_micros":90}]},
          {"kind":"wasm","name":"auth","digest":"{{A}}","worker":1,"state":"quarantined","executions":10,"errors":12,"breaches":2,"memory_bytes":131072,"created":3,"reloads":2,"active":1,"retry_in_seconds":3.4,"last_error":"stack overflow (in walk)","time_histogram":[],"callbacks":[{"name":"proxy_on_request_headers","calls":400,"time_micros":800,"max_micros":1900}]},
          {"kind":"lua","name":"inline_code","digest":"sha256:c","worker":0,"state":"ready","executions":0,"memory_bytes":61440}],"total_size":3}
        """;

    [Fact]
    public async Task List_ShowsEachModuleWithItsMachines()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer(List, Items);
        api.Answer(Machines, Vms);
        var page = context.Render<Modules>();
        page.WaitForAssertion(() => Assert.Contains("quarantined", page.FindAll("tbody tr")[0].TextContent));
        Assert.Equal(["authauth-v2sha256:aaaaaaaaaaaa", "wasm", "0.2.1", "1.2 MiB", "2 versions", "quarantined 1active 1",
            "2024-05-01 10:00 maria", "Delete"], Row(page, 0));
        Assert.Equal(["sha256:bbbbbbbbbbbb", "lua", "–", "312 B", "not used", "not loaded", "2024-05-02 10:00 kim", "Delete"],
            Row(page, 1));
        Assert.Equal($"/modules/{A}", page.Find("tbody th a").GetAttribute("href"));
        Assert.NotNull(page.Find("input[type=file]"));
    }

    [Fact]
    public async Task ModulesWithoutAnswerOfTheMachines_AreShownAllTheSame()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer(List, Items);
        var page = context.Render<Modules>();
        page.WaitForAssertion(() => Assert.Equal(2, page.FindAll("tbody tr").Count));
    }

    [Fact]
    public async Task NoModules_SaysWhatToDoFirst()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer(List, """{"items":[],"total_size":0}""");
        api.Answer(Machines, """{"items":[]}""");
        var page = context.Render<Modules>();
        page.WaitForAssertion(() => Assert.Contains("Drop a file above", page.Find(".blank").TextContent));
    }

    [Fact]
    public async Task Viewer_CannotUploadOrDelete()
    {
        var (context, api) = ScriptedApi.Create(role: "viewer");
        await using var _ = context;
        api.Answer(List, Items);
        api.Answer(Machines, Vms);
        var page = context.Render<Modules>();
        page.WaitForAssertion(() => Assert.Equal(2, page.FindAll("tbody tr").Count));
        Assert.Empty(page.FindAll("input[type=file]"));
        Assert.Empty(page.FindAll(".row-actions button"));
    }

    [Theory]
    [InlineData("?q=AUTH-V2", "auth")]
    [InlineData("?q=bbbb", "sha256:bbbbbbbbbbbb")]
    [InlineData("?kind=lua", "sha256:bbbbbbbbbbbb")]
    [InlineData("?sort=-name", "sha256:bbbbbbbbbbbb", "auth")]
    [InlineData("?sort=size", "sha256:bbbbbbbbbbbb", "auth")]
    [InlineData("?sort=health", "auth", "sha256:bbbbbbbbbbbb")]
    [InlineData("?sort=-uploaded", "sha256:bbbbbbbbbbbb", "auth")]
    [InlineData("?q=nothing")]
    public async Task Address_HoldsFilterAndOrder(string query, params string[] titles)
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer(List, Items);
        api.Answer(Machines, Vms);
        context.Services.GetRequiredService<NavigationManager>().NavigateTo("/modules" + query);
        var page = context.Render<Modules>();
        page.WaitForAssertion(() => Assert.NotEmpty(page.FindAll(".table-tools .num")));
        page.WaitForAssertion(() => Assert.Equal(titles, page.FindAll("tbody th a").Select(a => a.TextContent)));
    }

    [Fact]
    public async Task Upload_ShowsProgressThenWhatTheNodeSaid()
    {
        var (context, _) = ScriptedApi.Create();
        await using var _1 = context;
        var stored = 0;
        var upload = context.Render<ModuleUpload>(p => p.Add(u => u.OnStored, () => { stored++; }));
        await upload.InvokeAsync(() => upload.Instance.OnStart(1, "auth.wasm", 2048));
        await upload.InvokeAsync(() => upload.Instance.OnProgress(1, 40));
        Assert.Equal("40", upload.Find("progress").GetAttribute("value"));
        Assert.Contains("2 KiB", upload.Find(".upload-row").TextContent);
        await upload.InvokeAsync(() => upload.Instance.OnDone(1, A, "auth", true));
        Assert.Empty(upload.FindAll("progress"));
        Assert.Equal($"/modules/{A}", upload.Find(".uploads a").GetAttribute("href"));
        Assert.Equal(1, stored);

        await upload.InvokeAsync(() => upload.Instance.OnFailed(2, "bad.wasm", 10,
            new EditorProblem(422, "COMPILE_FAILED", "It does not compile", "2 errors",
                [new("#", "COMPILE_FAILED", "it imports env.a", null, null, null),
                    new("#", "COMPILE_FAILED", "it imports env.b", null, null, "did you mean 'proxy_log'?")])));
        Assert.Equal(["it imports env.a", "it imports env.b — did you mean 'proxy_log'?"],
            upload.FindAll(".note li").Select(l => l.TextContent.Trim()));
        Assert.Equal("bad.wasm: refused", upload.Find("[role=status]").TextContent);
        upload.Find("button[aria-label='Dismiss bad.wasm']").Click();
        Assert.Single(upload.FindAll(".uploads li"));
    }

    [Fact]
    public async Task Module_ShowsItsMachinesAndHowToAttachIt()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer($"modules/{Uri.EscapeDataString(A)}", JsonDocument.Parse(Items).RootElement.GetProperty("items")[0].GetRawText());
        api.Answer(Machines, Vms);
        var page = context.Render<ModulePage>(p => p.Add(m => m.Reference, A));
        page.WaitForAssertion(() => Assert.Equal(3, page.FindAll("table.vms tbody tr").Count));
        Assert.Equal("auth", page.Find("h1").TextContent);
        Assert.Equal(["0", "active", "1 of 1", "1,000", "0", "0", "0", "≤ 2 µs", "≤ 512 µs", "128 KiB"],
            page.FindAll("table.vms tbody tr")[0].Children.Select(Text));
        Assert.Equal(["1", "quarantined · retry in 4 s", "1 of 3", "10", "12", "2", "2", "–", "–", "128 KiB"],
            page.FindAll("table.vms tbody tr")[1].Children.Select(Text));
        Assert.Equal("Last error stack overflow (in walk)", Text(page.Find("tr.more td")));
        Assert.Equal(["proxy_on_request_headers", "1,000", "2 µs", "1.9 ms", "2 ms"],
            page.FindAll("table")[1].QuerySelectorAll("tbody tr")[0].Children.Select(Text));
        Assert.Equal(["v7", "v5"], page.FindAll(".version-links a").Select(a => a.TextContent));
        Assert.Contains("code: {module: \"auth\"}", page.Find("pre").TextContent);
        Assert.Contains("\"vm_config\":{\"code\":{\"module\":\"auth\"}}", page.FindAll("pre")[1].TextContent);
        Assert.Equal(["env.proxy_log"], page.FindAll(".names")[0].Children.Select(c => c.TextContent));
    }

    [Fact]
    public async Task UnknownModule_SaysSo()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer("modules/by-name/gone",
            """{"title":"Not found","status":404,"code":"NOT_FOUND","detail":"module 'gone' does not exist"}""", HttpStatusCode.NotFound);
        api.Answer(Machines, """{"items":[]}""");
        var page = context.Render<ModulePage>(p => p.Add(m => m.Reference, "gone"));
        page.WaitForAssertion(() => Assert.Contains("There is no module “gone”", page.Markup));
    }

    [Fact]
    public async Task AllMachines_AreListedWhereverTheirCodeIsFrom()
    {
        var (context, api) = ScriptedApi.Create();
        await using var _ = context;
        api.Answer(Machines, Vms);
        api.Answer(List, Items);
        var page = context.Render<RuntimeView>();
        page.WaitForAssertion(() => Assert.Equal(4, page.FindAll("tbody tr").Count)); // one is the error below its row
        page.WaitForAssertion(() => Assert.Equal(2, page.FindAll($"tbody th a[href='/modules/{A}']").Count));
        Assert.Equal("inline_code", Text(page.FindAll("tbody tr th")[2])); // not stored: no page of its own
        page.Find("select[value='']").Change("wasm");
        page.WaitForAssertion(() => Assert.EndsWith("?kind=wasm", context.Services.GetRequiredService<NavigationManager>().Uri));
    }

    [Theory]
    [InlineData("""{"listeners":[{"name":"edge","http_filters":[{"name":"f","typed_config":{"module":"X"}}]}]}""",
        "listener edge, filter f", "edge")]
    [InlineData(
        """{"listeners":[{"name":"edge","filter_chains":[{"name":"main","filters":[{"name":"hcm","typed_config":{"route_config":"""
            + """{"virtual_hosts":[{"name":"all","routes":[{"name":"r","typed_per_filter_config":{"lua":{"source_code":{"module":"X"}}"""
                + """}}]}]}}}]}]}]}""", "listener edge, chain main, filter hcm, virtual host all, route r", "edge")]
    [InlineData("""{"extension_configs":[{"name":"e","typed_config":{"code":{"module":"X"}}}]}""", "extension configuration e", null)]
    [InlineData("""{"listeners":[{"name":"edge","http_filters":[{"name":"f","typed_config":{"inline_code":"return 1"}}]}]}""",
        "listener edge, filter f", "edge", "sha256:486d9affb60dbb0063b03d8e23a6ccf6364ce203dc3a9f56f20e750eb41ecade")]
    public void Use_IsSaidWithItsPlace(string document, string where, string? listener, string digest = "X") =>
        Assert.Equal([new ModuleUse(where, listener)], ModuleUse.Find(JsonDocument.Parse(document).RootElement, digest));

    [Theory]
    [InlineData(0.5, 2)]
    [InlineData(0.98, 2)]
    [InlineData(0.99, 512)]
    [InlineData(1, 4096)]
    public void Quantile_IsTheUpperEndOfItsStep(double share, long micros) =>
        Assert.Equal(micros, new GuestVm { TimeHistogram = [new(4096, 5), new(2, 980), new(512, 15)] }.Quantile(share));

    private static string[] Row(IRenderedComponent<Modules> page, int row) => [.. page.FindAll("tbody tr")[row].Children.Select(Text)];

    private static string Text(AngleSharp.Dom.IElement element)
        => string.Join(' ', element.TextContent.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
