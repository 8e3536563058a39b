using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Wasm.Code;

[Description("A VM. Plugins with the same vm_id, code, configuration, environment, capabilities and limits share one on each worker.")]
public sealed record VmConfig : ConfigRecord
{
    [Description("Tells VMs of the same code apart. VMs of one vm_id share data and queues.")]
    public string VmId { get; init; } = "";

    [Description("Envoy's name of an engine; Wasmtime runs all modules here.")]
    public string Runtime { get; init; } = "";

    [Required, Description("The module.")]
    public CodeConfig? Code { get; init; }

    [Description("Given to proxy_on_vm_start; in the forms of the plugin's configuration.")]
    public ConfigNode? Configuration { get; init; }

    [Description("Accepted for Envoy's sake: modules are always compiled here, and their machine code is kept by digest.")]
    public bool AllowPrecompiled { get; init; }

    [Description(
        "For remote code that is not here yet: true refuses the version and fetches in the background, so that a later attempt finds "
            + "it; false waits for the code while the version is built.")]
    public bool NackOnCodeCacheMiss { get; init; }

    [Description("The module's environment variables.")]
    public EnvironmentVariablesConfig? EnvironmentVariables { get; init; }
}

[Description("Where a module's code is.")]
public sealed record CodeConfig : ConfigRecord
{
    [OneOf("specifier", Required = true), Description("A file, inline bytes, or an environment variable.")]
    public DataSourceConfig? Local { get; init; }

    [OneOf("specifier", Required = true), Description("Fetched from a URL once and kept by its digest.")]
    public RemoteCodeConfig? Remote { get; init; }

    [OneOf("specifier", Required = true), Description("Name or digest (sha256:…) of a stored module; a version keeps the digest.")]
    public string? Module { get; init; }
}

[Description("Code behind a URL.")]
public sealed record RemoteCodeConfig : ConfigRecord
{
    [Required, Description("The URL.")]
    public HttpUriConfig? HttpUri { get; init; }

    [Required, Description("The code's SHA-256 in 64 hexadecimal digits; anything else that comes is refused.")]
    public string Sha256 { get; init; } = "";

    [Description("When a fetch fails.")]
    public FetchRetryConfig RetryPolicy { get; init; } = new();
}

[Description("Environment variables of a module, given by WASI's environ_get.")]
public sealed record EnvironmentVariablesConfig : ConfigRecord
{
    [Description("Copied from the proxy's own environment where they are set.")]
    public IReadOnlyList<string> HostEnvKeys { get; init; } = [];

    [Description("Set here.")]
    public IReadOnlyDictionary<string, string> KeyValues { get; init; } = new Dictionary<string, string>();
}
