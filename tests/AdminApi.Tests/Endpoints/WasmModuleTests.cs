using System.Net;
using System.Security.Cryptography;
using System.Text;
using Managed.TestKit;
using Managed.TestKit.Wasm;

namespace Managed.AdminApi.Tests.Endpoints;

/// <summary>
/// Wasm modules: compiled and checked as they are stored, named in a configuration, kept by digest; and those behind a URL.
/// </summary>
public sealed class WasmModuleTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private const string Answering = """
        listeners:
        - name: edge
          address: 127.0.0.1:0
          routes:
          - {name: all, match: {prefix: /}, direct_response: {status: 200}}
        """;

    private TestNode Node => fixture.Node;

    private static byte[] Stamp(string value)
        => new WatGuest().On("response_headers", $"(drop (call $proxy_add_header_map_value (i32.const 2) \"x-stamp\" \"{value}\"))")
            .Build();

    private static byte[] Text(string wat) => Wasmtime.Module.ConvertText(wat);

    private static string Sha(byte[] code) => Convert.ToHexStringLower(SHA256.HashData(code));

    private static Task<Answer> UploadAsync(TestNode node, byte[] module, string query = "") => UploadAsync(node.Http, module, query);

    private static async Task<Answer> UploadAsync(HttpClient http, byte[] module, string query = "")
    {
        using var content = new ByteArrayContent(module) { Headers = { ContentType = new("application/wasm") } };
        using var response = await http.PostAsync("/api/v1/modules" + query, content);
        return new(response.StatusCode, response.Headers, response.Content.Headers, await response.Content.ReadAsStringAsync());
    }

    private static async Task<string> StoreAsync(TestNode node, string stamp)
        => (await UploadAsync(node, Stamp(stamp), "?name=stamp")).Is(HttpStatusCode.Created).Json.GetProperty("digest").GetString()!;

    private static string Filter(string code, string more = "")
        => $$$"""{"name":"stamp","typed_config":{"@type":"wasm","config":{"vm_config":{"code":{{{code}}}{{{more}}} } } } }""";

    private static async Task<string> StampAsync(TestNode node)
    {
        var address = node.Host.Proxy.Listeners().Single(l => l.Name == "edge").BoundAddress;
        using var http = new HttpClient();
        using var answer = await http.GetAsync(new Uri($"http://{address}/"));
        return answer.Headers.TryGetValues("x-stamp", out var values) ? string.Join(",", values) : $"{(int)answer.StatusCode}";
    }

    [Fact]
    public async Task Upload_TellsWhatTheModuleIs_AndLeavesItsMachineCode()
    {
        var module =
            Text("(module (import \"env\" \"proxy_log\" (func (param i32 i32 i32) (result i32))) (memory (export \"memory\") 1) (func "
                + "(export \"proxy_abi_version_0_2_0\")) (func (export \"proxy_on_tick\") (param i32)))");
        var stored = (await UploadAsync(Node, module)).Is(HttpStatusCode.Created).Json;
        Assert.Equal(("wasm", "0.2.0"), (stored.GetProperty("kind").GetString(), stored.GetProperty("abi").GetString()));
        Assert.Equal(["env.proxy_log"], stored.GetProperty("imports").EnumerateArray().Select(i => i.GetString()!));
        Assert.Equal(["memory", "proxy_abi_version_0_2_0", "proxy_on_tick"],
            stored.GetProperty("exports").EnumerateArray().Select(i => i.GetString()!));

        var folder = Path.Combine(Node.Folder, "data", "cache", "wasm");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder));
        Assert.Single(Directory.GetFiles(folder, Sha(module) + "*.cwasm"));
    }

    [Fact]
    public async Task ImportsThatNoHostHas_AreErrorsOneByOne()
    {
        var refused =
            (await UploadAsync(Node,
                Text("(module (import \"env\" \"proxy_fly\" (func)) (import \"wasi_snapshot_preview1\" \"fd_teleport\" (func)) (import "
                    + "\"env\" \"fd_write\" (func (param i32 i32 i32 i32) (result i32))) (memory (export \"memory\") 1) (func (export "
                        + "\"proxy_abi_version_0_2_1\")))")))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "COMPILE_FAILED");
        Assert.Equal(["it imports env.proxy_fly, which no Proxy-Wasm host has",
            "it imports wasi_snapshot_preview1.fd_teleport, which no Proxy-Wasm host has",
                "it imports env.fd_write, which no Proxy-Wasm host has"],
            refused.Json.GetProperty("errors").EnumerateArray().Select(e => e.GetProperty("detail").GetString()!));
        Assert.All(refused.Json.GetProperty("errors").EnumerateArray(),
            e => Assert.Equal("COMPILE_FAILED", e.GetProperty("code").GetString()));
    }

    [Theory]
    [InlineData("(module (memory (export \"memory\") 1))", "it exports no proxy_abi_version_")]
    [InlineData("(module (func (export \"proxy_abi_version_0_2_1\")))", "it exports no memory named 'memory'")]
    [InlineData(
        "(module (memory (export \"memory\") 1) (func (export \"proxy_abi_version_0_2_1\")) (func (export \"proxy_on_tick\") (param i64)))",
            "its export proxy_on_tick has the signature (Int64) -> ()")]
    [InlineData(
        "(module (import \"env\" \"proxy_log\" (func (param i64) (result i32))) (memory (export \"memory\") 1) (func (export "
            + "\"proxy_abi_version_0_2_1\")))", "it imports env.proxy_log as (Int64) -> (Int32), which is not that function's signature")]
    public async Task ModuleThatCannotRun_IsNotStored(string wat, string reason)
    {
        var module = Text(wat);
        var refused = (await UploadAsync(Node, module)).IsProblem(HttpStatusCode.UnprocessableEntity, "COMPILE_FAILED");
        Assert.Contains(reason, refused.Json.GetProperty("errors")[0].GetProperty("detail").GetString(), StringComparison.Ordinal);
        (await Node.GetAsync("modules/sha256:" + Sha(module))).Is(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task WhatDoesNotCompile_IsRefusedWithTheCompilersWords()
    {
        var module =
            Text("(module (memory (export \"memory\") 1) (func (export \"proxy_abi_version_0_2_1\")) (func (result i32) (i32.const 77)))");
        module[module.AsSpan().IndexOf<byte>([0x41, 0xCD, 0])] = 0x42; // i64.const where 32 bits are due
        var refused = (await UploadAsync(Node, module)).IsProblem(HttpStatusCode.UnprocessableEntity, "COMPILE_FAILED");
        Assert.Contains("it does not compile: ", refused.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Contains("type mismatch", refused.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ModuleThatTakesTheCompilerTooMuch_IsGivenUp_WhileOthersGoOn()
    {
        // 0.4 MiB, of which Wasmtime would make half a GiB and more.
        var bomb = Text(
            $"(module (memory (export \"memory\") 1) (func (export \"proxy_abi_version_0_2_1\")) (func $f (param i32) (result i32) "
                + $"local.get 0 {string.Concat(Enumerable.Repeat("call $f ", 200_000))}))");
        using var patient = new HttpClient { BaseAddress = Node.Http.BaseAddress,
            DefaultRequestHeaders = { Authorization = Node.Http.DefaultRequestHeaders.Authorization }, Timeout = TimeSpan.FromMinutes(5) };
        var upload = UploadAsync(patient, bomb);
        (await Node.GetAsync("modules")).Is(HttpStatusCode.OK);
        Assert.False(upload.IsCompleted);
        (await UploadAsync(patient, Stamp("beside a bomb"))).Is(HttpStatusCode.Created);
        var refused = (await upload).IsProblem(HttpStatusCode.UnprocessableEntity, "COMPILE_FAILED");
        Assert.Matches("compiling it takes (more than 256 MiB of memory|longer than 5 s of CPU), the limit for its size",
            refused.Json.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task ManyFunctions_AreNoBomb()
        => (await UploadAsync(Node,
            Text($"(module (memory (export \"memory\") 1) (func (export \"proxy_abi_version_0_2_1\")) "
                + $"{string.Concat(Enumerable.Repeat("(func (param i32) (result i32) local.get 0)", 10_000))})")))
                    .Is(HttpStatusCode.Created);

    [Fact]
    public async Task NamedModule_RunsAndTheVersionKeepsItsDigest()
    {
        await using var node = await TestNode.StartAsync(Answering);
        var first = await StoreAsync(node, "one");
        var dry = await node.PostAsync("listeners/edge/filter_chains/main/http_filters?before=router&dry_run=true",
            Filter("""{"module":"stamp"}"""));
        Assert.Equal(["wasm stamp"], dry.Json.GetProperty("impact").GetProperty("code_to_compile").EnumerateArray()
            .Select(c => c.GetString()!));
        var added = (await node.PostAsync("listeners/edge/filter_chains/main/http_filters?before=router", Filter("""{"module":"stamp"}""")))
            .Is(HttpStatusCode.Created);
        Assert.Equal("one", await StampAsync(node));
        Assert.Contains(first, (await node.GetAsync("config")).Body, StringComparison.Ordinal);
        Assert.Equal(added.Version, (await node.GetAsync($"modules/{first}")).Json.GetProperty("used_by")[0].GetInt64());
        Assert.Equal(first, (await node.GetAsync($"versions/{added.Version}")).Json.GetProperty("modules")[0].GetString());

        // The name moves on: nothing that runs changes; naming it again, in the other place, brings the new code.
        var second = await StoreAsync(node, "two");
        Assert.Equal("one", await StampAsync(node));
        (await node.PutAsync("listeners/edge/filter_chains/main/http_filters/stamp", Filter("""{"local":{"module":"stamp"}}""")))
            .Is(HttpStatusCode.OK);
        Assert.Equal("two", await StampAsync(node));
        Assert.Contains(second, (await node.GetAsync("config")).Body, StringComparison.Ordinal);

        // A roll-back is to the code of then.
        (await node.PostAsync($"versions/{added.Version}/rollback", "{}")).Is(HttpStatusCode.OK);
        Assert.Equal("one", await StampAsync(node));
        (await node.DeleteAsync($"modules/{first}")).IsProblem(HttpStatusCode.Conflict, "IN_USE");
        (await node.DeleteAsync($"modules/{second}")).IsProblem(HttpStatusCode.Conflict, "IN_USE");

        // And the module is there when neither the database nor the cache is.
        await node.RestartAsync(() =>
        {
            File.WriteAllText(node.DatabaseFile, "this is no database at all, however long one looks at it");
            Directory.Delete(Path.Combine(node.Folder, "data", "cache"), recursive: true);
        });
        Assert.Equal("one", await StampAsync(node));
    }

    [Fact]
    public async Task EnvironmentVariableNamedModule_StaysWhatItIs()
    {
        await using var node = await TestNode.StartAsync(Answering);
        await StoreAsync(node, "one");
        (await node.PostAsync("listeners/edge/filter_chains/main/http_filters",
            Filter("""{"module":"stamp"}""", ""","environment_variables":{"key_values":{"module":"stamp"}}"""))).Is(HttpStatusCode.Created);
        var vm = (await node.GetAsync("listeners/edge/filter_chains/main/http_filters/stamp")).Json.GetProperty("typed_config")
            .GetProperty("config").GetProperty("vm_config");
        Assert.Equal("stamp", vm.GetProperty("environment_variables").GetProperty("key_values").GetProperty("module").GetString());
        Assert.StartsWith("sha256:", vm.GetProperty("code").GetProperty("module").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RemoteModule_IsThereAfterARestartWithoutItsServer()
    {
        var module = Stamp("remote " + Guid.NewGuid());
        var server = RecordingUpstream.Start();
        server.Answer = _ => $"HTTP/1.1 200 OK\r\nContent-Length: {module.Length}\r\n\r\n{Encoding.Latin1.GetString(module)}";
        await using var node = await TestNode.StartAsync(Answering
            + $"\nclusters:\n- {{name: code, endpoints: [\"127.0.0.1:{server.Port}\"]}}\n");
        string Remote(string sha, string cluster = "code")
            => Filter($$$"""{"remote":{"http_uri":{"uri":"http://code.test/stamp.wasm","cluster":"{{{cluster}}}","timeout":"20s"}"""
                + $$$""","sha256":"{{{sha}}}","retry_policy":{"num_retries":0} } }""");
        const string place = "listeners/edge/filter_chains/main/http_filters";

        // A test of filters meets no real cluster.
        var test = $$$"""{"filters":[{{{Remote(Sha(module))}}}],"request":{"path":"/"}}""";
        var early = (await node.PostAsync("filters/test", test))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED").Json.GetProperty("errors")[0];
        Assert.Contains("is not here, and nothing is fetched for a test", early.GetProperty("detail").GetString(),
            StringComparison.Ordinal);

        var refused = (await node.PostAsync(place, Remote(new string('0', 64))))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED").Json.GetProperty("errors")[0];
        Assert.Equal("#/typed_config/config/vm_config/code/remote/http_uri/uri", refused.GetProperty("pointer").GetString());
        Assert.Contains($"its SHA-256 is {Sha(module)}", refused.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal("did you mean 'code'?", (await node.PostAsync(place, Remote(Sha(module), "cod")))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED").Json.GetProperty("errors")[0].GetProperty("hint")
                .GetString());
        (await node.PostAsync(place + "?dry_run=true", Remote(Sha(module)))).Is(HttpStatusCode.Created);
        (await node.PostAsync(place, Remote(Sha(module)))).Is(HttpStatusCode.Created);
        var stamp = await StampAsync(node);
        Assert.StartsWith("remote ", stamp, StringComparison.Ordinal);
        Assert.Equal(2, server.Requests.Count); // one for the wrong digest, one for the right one

        await server.DisposeAsync();
        await node.RestartAsync();
        Assert.Equal(stamp, await StampAsync(node));
        var response = (await node.PostAsync("filters/test", test)).Is(HttpStatusCode.OK).Json.GetProperty("response");
        Assert.Contains(response.GetProperty("headers").EnumerateArray(), h => h.GetProperty("name").GetString() == "x-stamp"
            && h.GetProperty("value").GetString() == stamp);
    }
}
