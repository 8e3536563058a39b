using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("What stands between the socket and the bytes: TLS, or nothing (raw_buffer).")]
public sealed record TransportSocketConfig : ConfigRecord
{
    [Required, ResourceName, Description("For people. Without an @type in typed_config it also chooses the extension: tls or raw_buffer.")]
    public string Name { get; init; } = "";

    [Description("The extension's own message; @type names it.")]
    public ConfigObject? TypedConfig { get; init; }
}

[Description("The bytes as they are.")]
public sealed record RawBufferConfig : ConfigRecord;
