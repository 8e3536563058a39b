using System.Text;
using Managed.Proxy.Bindings.Wasm;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>What is wrong with a plugin is said when it is published, with its place; who shares a VM with whom.</summary>
public sealed class ConfigTests
{
    private static readonly byte[] Fine = new WatGuest().Build();

    private static async Task<string> ErrorAsync(byte[] module, string plugin = "", string vm = "")
    {
        await using var proxy = await ProxyFixture.StartAsync("listeners: []");
        var result = await proxy.TryPublishAsync(WasmProxy.Yaml(module, 1, plugin, vm));
        Assert.False(result.Applied);
        Assert.Empty(proxy.Server.Current!.Listeners);
        return string.Join("\n", result.Errors);
    }

    private static byte[] Text(string wat) => Wasmtime.Module.ConvertText(wat);

    [Theory]
    [InlineData("(module (memory (export \"memory\") 1))", "it exports no proxy_abi_version_0_1_0, _0_2_0 or _0_2_1")]
    [InlineData("(module (func (export \"proxy_abi_version_0_2_1\")))", "it exports no memory named 'memory'")]
    [InlineData("(module (memory (export \"memory\") 1) (func (export \"proxy_abi_version_0_3_0\")))",
        "its ABI 0.3.0 is none of 0.1.0, 0.2.0, 0.2.1")]
    [InlineData(
        "(module (import \"env\" \"proxy_fly\" (func)) (import \"wasi_snapshot_preview1\" \"fd_teleport\" (func)) (memory (export "
            + "\"memory\") 1) (func (export \"proxy_abi_version_0_2_1\")))", "env.proxy_fly, wasi_snapshot_preview1.fd_teleport")]
    [InlineData("(module (import \"env\" \"memory\" (memory 1)) (func (export \"proxy_abi_version_0_2_1\")))",
        "it imports env.memory, which is no function")]
    [InlineData(
        "(module (memory (export \"memory\") 1) (func (export \"proxy_abi_version_0_2_1\")) (func (export \"proxy_on_tick\") (param i64)))",
            "its export proxy_on_tick has the signature (Int64) -> ()")]
    [InlineData(
        "(module (import \"env\" \"proxy_log\" (func (param i64) (result i32))) (memory (export \"memory\") 1) (func (export "
            + "\"proxy_abi_version_0_2_1\")))", "proxy_log")]
    public async Task ModuleThatCannotRun_IsRefusedWithTheReason(string wat, string reason)
    {
        string error = await ErrorAsync(Text(wat));
        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.Contains("/config/vm_config/code/local/inline_bytes", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task BytesThatAreNoModule_AreRefused()
    {
        Assert.Contains("it does not begin as a WebAssembly module does", await ErrorAsync(Encoding.ASCII.GetBytes("no module")),
            StringComparison.Ordinal);
        Assert.Contains("it does not compile", await ErrorAsync([.. Fine[..40], 0xFF, .. Fine[40..]]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("_initialize", "unreachable", "unreachable")]
    [InlineData("_initialize", "(loop $l (br $l))", "ran longer than")]
    [InlineData("_start", "(call $proc_exit (i32.const 1))", "proc_exit(1)")]
    [InlineData("context_create", "unreachable", "it fails at the creation of its context")]
    [InlineData("vm_start", "unreachable", "it fails at its start")]
    [InlineData("vm_start", "(return (i32.const 0))", "it refuses to start")]
    [InlineData("configure", "unreachable", "it fails at its configuration")]
    [InlineData("configure", "(return (i32.const 0))", "it refuses its configuration")]
    public async Task GuestThatDoesNotStart_IsRefused(string callback, string code, string reason)
        => Assert.Contains(reason, await ErrorAsync(new WatGuest().On(callback, code).Build(), ", limits: {cpu_on_start: 0.05s}"),
            StringComparison.Ordinal);

    [Theory]
    [InlineData(", runtime: envoy.wasm.runtime.null", "", "there is no runtime")]
    [InlineData("", ", failure_policy: FAIL_OPEN, fail_open: true", "only one of fail_open and failure_policy")]
    [InlineData("", ", failure_policy: SOMETIMES", "SOMETIMES")]
    [InlineData("", ", capability_restriction_config: {allowed_capabilities: {proxy_lag: {} } }", "did you mean 'proxy_log'?")]
    [InlineData("", ", limits: {memory: 1}", "memory")]
    [InlineData("", ", configuration: {\"@type\": type.googleapis.com/google.protobuf.Duration, value: 1s}",
        "a configuration cannot be a google.protobuf.Duration")]
    [InlineData("", ", configuration: {\"@type\": type.googleapis.com/google.protobuf.BytesValue, value: \"!\"}", "must be base64")]
    [InlineData(", environment_variables: {host_env_keys: [A], key_values: {A: b} }", "", "'A' is given under key_values too")]
    [InlineData(", environment_variables: {key_values: {\"A=B\": c} }", "", "is no name of an environment variable")]
    [InlineData(", singleton: true", "", "'singleton' is not a known field")]
    public async Task WrongField_IsNamed(string vm, string plugin, string reason)
        => Assert.Contains(reason, await ErrorAsync(Fine, plugin, vm), StringComparison.Ordinal);

    [Fact]
    public async Task MemoryAboveItsLimit_IsRefusedAtTheStart_AndCannotBeGrownInto()
    {
        Assert.Contains("memory", await ErrorAsync(Fine, ", limits: {memory: 64KiB}"), StringComparison.Ordinal);
        Assert.Equal(["grow: -1", "grow: 2"],
            await Guests.OnRequestSaysAsync("""(call $n "grow" (memory.grow (i32.const 3))) (call $n "grow" (memory.grow (i32.const 2)))""",
                ", limits: {memory: 256KiB}"));
    }

    [Fact]
    public async Task PluginsThatAgreeOnTheirVm_ShareIt()
    {
        byte[] module = new WatGuest().With("(global $n (mut i32) (i32.const 0))")
            .On("request_headers", """(global.set $n (i32.add (global.get $n) (i32.const 1))) (call $n "count" (global.get $n))""").Build();
        await using var upstream = RecordingUpstream.Start();
        string filters = string.Join(", ", WasmProxy.Filter(module, ", name: a, root_id: one", name: "first"),
            WasmProxy.Filter(module, ", name: b, configuration: x", name: "second"),
                WasmProxy.Filter(module, vm: ", vm_id: other", name: "third"));
        await using var proxy = await ProxyFixture.StartAsync(WasmProxy.Document(filters, upstream.Port));

        Assert.Equal(200, (await proxy.GetAsync()).Status);

        Assert.Equal(["a: count: 1", "b: count: 2", "inline: count: 1"],
            proxy.Log.Lines.Select(l => l[..l.IndexOf(" (", StringComparison.Ordinal)]));
        Assert.Equal(2, proxy.Server.GuestVms().Count);
    }

    [Fact]
    public async Task PublicationWithTheSameCode_KeepsTheVm_OtherCodeSwapsIt()
    {
        static byte[] Module(int by) => new WatGuest().With("(global $n (mut i32) (i32.const 0))")
            .On("request_headers", $"""(global.set $n (i32.add (global.get $n) (i32.const {by}))) (call $n "count" (global.get $n))""")
                .Build();
        await using var proxy = await WasmProxy.StartAsync(Module(1));
        await proxy.GetAsync();
        await proxy.PublishAsync(Module(1), route: ", timeout: 3s");
        await proxy.GetAsync();
        await proxy.PublishAsync(Module(10));
        await proxy.GetAsync();

        Assert.Equal(["count: 1", "count: 2", "count: 10"], proxy.Said);
        await Eventually.Async(() => proxy.Proxy.Server.GuestVms().Count == 1, "the old VM is given back");
    }

    [Fact]
    public async Task EachWorker_HasItsOwnVm()
    {
        await using var proxy = await WasmProxy.StartAsync(Fine, workers: 3);
        Assert.Equal([0, 1, 2], proxy.Proxy.Server.GuestVms().Select(v => v.Worker));
        Assert.All(proxy.Proxy.Server.GuestVms(), v => Assert.Equal(("wasm", 1, 1L), (v.Kind, v.Active, v.Created)));
        Assert.Equal(3, proxy.Proxy.Stat("wasm.inline.vm_active"));
    }

    [Fact]
    public async Task MachineCode_IsKeptByDigest_AndBelievedOnlyWhole()
    {
        string folder = Directory.CreateTempSubdirectory("managed-wasm-").FullName;
        try
        {
            byte[] module = new WatGuest().On("request_headers", $"""(call $say "{Guid.NewGuid()}")""").Build();
            Assert.NotNull(WasmModule.Load(module, folder, out _));
            string file = Assert.Single(Directory.GetFiles(folder));
            Assert.StartsWith(WasmModule.DigestOf(module)["sha256:".Length..], Path.GetFileName(file), StringComparison.Ordinal);
            byte[] kept = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
            kept[^1] ^= 1;
            await File.WriteAllBytesAsync(file, kept, TestContext.Current.CancellationToken);
            for (int i = 0; i < 5; i++) { GC.Collect(); GC.WaitForPendingFinalizers(); }

            Assert.NotNull(WasmModule.Load(module, folder, out string error));
            Assert.Equal("", error);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
