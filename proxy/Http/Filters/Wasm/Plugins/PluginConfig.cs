using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Filters.Wasm.Code;

namespace Managed.Proxy.Http.Filters.Wasm.Plugins;

[Description("A plugin: a module's code with a configuration.")]
public sealed record PluginConfig : ConfigRecord
{
    [Description("Names the plugin in logs, stats and its own properties; plugins of one VM are told apart by it.")]
    public string Name { get; init; } = "";

    [Description("Which of a module's plugins it is, where a module has several.")]
    public string RootId { get; init; } = "";

    [Required, Description("The VM it runs in.")]
    public VmConfig? VmConfig { get; init; }

    [Description("Given to proxy_on_configure: a text or Envoy's StringValue or BytesValue as it is, an object or Struct as JSON.")]
    public ConfigNode? Configuration { get; init; }

    [Description(
        "What becomes of a stream whose plugin fails: FAIL_CLOSED (the default) answers 503 or closes the connection, FAIL_OPEN goes on "
            + "without the plugin, FAIL_RELOAD fails closed and makes a new VM no sooner than the back-off allows. In all cases a VM "
                + "that failed serves no new stream.")]
    public WasmFailurePolicy FailurePolicy { get; init; }

    [Description("Envoy's older form of failure_policy: true is FAIL_OPEN.")]
    public bool FailOpen { get; init; }

    [Description("For FAIL_RELOAD.")]
    public ReloadConfig? ReloadConfig { get; init; }

    [Description("Which host functions the module may call.")]
    public CapabilityRestrictionConfig? CapabilityRestrictionConfig { get; init; }

    [Description(
        "Lets a headers callback stop its own headers only: body callbacks come all the same. Otherwise its StopIteration stops "
            + "everything, as in Envoy.")]
    public bool AllowOnHeadersStopIteration { get; init; }

    [Description("What a VM may use. Plugins that share a VM must agree on it.")]
    public WasmLimitsConfig Limits { get; init; } = new();
}

public enum WasmFailurePolicy { Unspecified, FailReload, FailClosed, FailOpen }

[Description("Times of FAIL_RELOAD.")]
public sealed record ReloadConfig : ConfigRecord
{
    [Description("Least time between two VMs; doubled while they keep failing.")]
    public BackoffConfig? Backoff { get; init; }
}

[Description("Host functions by name: proxy_* and WASI's.")]
public sealed record CapabilityRestrictionConfig : ConfigRecord
{
    [Description("The functions that may be called; the others answer an error. Empty: all.")]
    public IReadOnlyDictionary<string, SanitizationConfig> AllowedCapabilities { get; init; } =
        new Dictionary<string, SanitizationConfig>();
}

[Description("Envoy's SanitizationConfig, which has no fields.")]
public sealed record SanitizationConfig : ConfigRecord;

[Description("Limits of one VM.")]
public sealed record WasmLimitsConfig : ConfigRecord
{
    [ByteSize, Range(1 << 16, 2147483647), Description("Linear memory; beyond it the module's memory.grow fails.")]
    public long Memory { get; init; } = 128 << 20;

    [Range(1, 10_000_000), Description("Entries of its function tables.")]
    public long TableElements { get; init; } = 100_000;

    [DurationRange(1, 60_000),
        Description("CPU time of one callback; beyond it the callback is stopped and its stream fails. Looked at every 2 ms.")]
    public TimeSpan CpuPerCall { get; init; } = TimeSpan.FromMilliseconds(10);

    [DurationRange(1, 60_000), Description("CPU time of the module's start and of a plugin's configuration.")]
    public TimeSpan CpuOnStart { get; init; } = TimeSpan.FromSeconds(1);

    [ByteSize, Range(1024, 1 << 30), Description("Keys and values of its vm_id's shared data.")]
    public long SharedData { get; init; } = 16 << 20;

    [Range(0, 100_000), Description("HTTP and gRPC calls that a plugin may have under way on one worker.")]
    public int Calls { get; init; } = 100;
}
