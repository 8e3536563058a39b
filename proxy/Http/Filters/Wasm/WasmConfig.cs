using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Filters.Wasm.Plugins;

namespace Managed.Proxy.Http.Filters.Wasm;

[Description("Runs a Proxy-Wasm module on each request and response, or on each connection.")]
public sealed record WasmConfig : ConfigRecord
{
    [Required, Description("The plugin.")]
    public PluginConfig? Config { get; init; }
}
