using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Downstream.ListenerFilters.TlsInspector;

[Description("Finds out whether a connection begins with TLS, and what its ClientHello asks for.")]
public sealed record TlsInspectorConfig : ConfigRecord
{
    [JsonPropertyName("enable_ja3_fingerprinting"), Description("Makes the JA3 fingerprint of the client, for %TLS_JA3_FINGERPRINT%.")]
    public bool EnableJa3Fingerprinting { get; init; }

    [JsonPropertyName("enable_ja4_fingerprinting"), Description("Makes the JA4 fingerprint of the client, for %TLS_JA4_FINGERPRINT%.")]
    public bool EnableJa4Fingerprinting { get; init; }

    [Range(256, 65536),
        Description("Envoy's first buffer for the ClientHello. Here a buffer always holds what has come, so that it only has to be valid.")]
    public int? InitialReadBufferSize { get; init; }

    [ByteSize, Range(256L, 16384L), Description("A connection with a longer ClientHello is closed.")]
    public long MaxClientHelloSize { get; init; } = 16384; // Envoy's default

    [Description("Closes a connection whose first bytes began as TLS and are no ClientHello. Otherwise it counts as one without TLS.")]
    public bool CloseConnectionOnClientHelloParsingErrors { get; init; }
}
