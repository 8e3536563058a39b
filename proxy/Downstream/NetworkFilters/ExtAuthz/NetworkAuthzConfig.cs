using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Downstream.NetworkFilters.ExtAuthz;

[Description("Asks a service whether a connection may go on; otherwise it is closed.")]
[UnsupportedField("filter_enabled_metadata bootstrap_metadata_labels_key", "not available in this version")]
[UnsupportedField("send_tls_alert_on_denial", "a connection is closed without an alert")]
public sealed record NetworkAuthzConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Stands in the names of the statistics behind ext_authz.")]
    public string StatPrefix { get; init; } = "";

    [Required, Description("The service (envoy.service.auth.v3). Time-out: 200ms.")]
    public GrpcServiceConfig? GrpcService { get; init; }

    [Description("Lets connections go on when the service cannot be asked or fails; otherwise they are closed.")]
    public bool FailureModeAllow { get; init; }

    [Description("Sends the client's certificate, as PEM with percent-encoding.")]
    public bool IncludePeerCertificate { get; init; }

    [Description("Sends the server name of the TLS session.")]
    public bool IncludeTlsSession { get; init; }

    [Description("V3; messages of version 2 are not spoken.")]
    [UnsupportedValue("V2", "version 2 is gone from Envoy too")]
    public ApiVersion TransportApiVersion { get; init; }

    [Description("Asks when the connection is there; otherwise before its first byte goes by, in either direction.")]
    public bool CheckOnNewConnection { get; init; }
}
