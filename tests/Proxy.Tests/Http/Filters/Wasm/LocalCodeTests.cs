using System.Text;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>Code in a file, in the document, in the environment: found, or refused at the field that names it.</summary>
public sealed class LocalCodeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("managed-local-").FullName;
    private readonly byte[] _module = new WatGuest().On("request_headers", "(call $say \"here\")").Build();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Yaml(string local, int upstream = 1) => WasmProxy.Document(
        $"{{name: wasm, typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm, config: {{vm_config: "
            + $"{{code: {{local: {{{local}}}}}}}}}}}}}", upstream);

    private string Write(string name, byte[] content)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    private static async Task<string> ErrorAsync(string local)
    {
        await using var proxy = await ProxyFixture.StartAsync("listeners: []");
        var result = await proxy.TryPublishAsync(Yaml(local));
        Assert.False(result.Applied);
        var error = Assert.Single(result.Errors);
        Assert.EndsWith("/config/vm_config/code/local/" + local[..local.IndexOf(':', StringComparison.Ordinal)], error.Pointer,
            StringComparison.Ordinal);
        return error.ToString();
    }

    [Theory]
    [InlineData("filename")]
    [InlineData("inline_bytes")]
    [InlineData("inline_string")]
    public async Task Module_RunsFromWhereverItIs(string field)
    {
        byte[] module = field == "inline_string" ? Ascii : _module;
        string value = field switch { "filename" => Write("filter.wasm", module), "inline_bytes" => Convert.ToBase64String(module),
            _ => WasmProxy.Quote(Encoding.ASCII.GetString(module)) };
        await using var upstream = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Yaml($"{field}: {value}", upstream.Port));
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(field == "filename" ? "filter" : "inline", Assert.Single(proxy.Server.GuestVms()).Name);
    }

    [Fact]
    public async Task FileThatIsNotThere_IsNamed()
        => Assert.Contains("file '/nowhere/filter.wasm' does not exist", await ErrorAsync("filename: /nowhere/filter.wasm"),
            StringComparison.Ordinal);

    [Fact]
    public async Task Directory_IsNoFile() => Assert.Contains("is a directory", await ErrorAsync("filename: " + _folder),
        StringComparison.Ordinal);

    [Fact]
    public async Task FileAboveTheLimit_IsRefused()
    {
        string path = Path.Combine(_folder, "large.wasm");
        using (var file = File.Create(path)) file.SetLength((64 << 20) + 1);
        Assert.Contains("is larger than 64 MiB", await ErrorAsync("filename: " + path), StringComparison.Ordinal);
        Assert.Contains("is not a regular file", await ErrorAsync("filename: /dev/zero"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatIsNoModule_IsRefusedWithAHint()
    {
        Assert.Contains("it is empty", await ErrorAsync("filename: " + Write("empty", [])), StringComparison.Ordinal);
        Assert.Contains("it is compressed by gzip", await ErrorAsync("filename: " + Write("zipped", [0x1f, 0x8b, 8, 0])),
            StringComparison.Ordinal);
        Assert.Contains("its binary version is not 1", await ErrorAsync("filename: " + Write("component", [.. "\0asm"u8, 0x0d, 0, 1, 0])),
            StringComparison.Ordinal);
        Assert.Contains("it is WebAssembly text, and the binary is needed", await ErrorAsync("inline_string: '(module)'"),
            StringComparison.Ordinal);
        Assert.Contains("it is base64, which inline_bytes", await ErrorAsync("inline_string: " + Convert.ToBase64String(_module)),
            StringComparison.Ordinal);
        Assert.Contains("it is empty", await ErrorAsync("inline_bytes: ''"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task EnvironmentVariable_IsReadOrNamed()
    {
        Assert.Contains("environment variable 'NO_SUCH_MODULE' is not set", await ErrorAsync("environment_variable: NO_SUCH_MODULE"),
            StringComparison.Ordinal);
        string name = "MODULE_" + Guid.NewGuid().ToString("N");
        Environment.SetEnvironmentVariable(name, "(module)"); // no variable holds the NUL that a binary begins with
        Assert.Contains("it is WebAssembly text", await ErrorAsync("environment_variable: " + name), StringComparison.Ordinal);
        Environment.SetEnvironmentVariable(name, null);
    }

    // (module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))): all its bytes are below 128, so that a text can hold
    // them.
    private static byte[] Ascii
        => Wasmtime.Module.ConvertText("(module (memory (export \"memory\") 1) (func (export \"proxy_abi_version_0_2_1\")))");
}
