using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("TLS for the connections of a filter chain.")]
public sealed record DownstreamTlsContextConfig : ConfigRecord
{
    [Required, Description("What both sides of TLS have: certificates, versions, validation.")]
    public CommonTlsContextConfig? CommonTlsContext { get; init; }

    [Description("A client must show a certificate. What it has to fulfil is in validation_context; without one any certificate is taken.")]
    public bool RequireClientCertificate { get; init; }

    [Description("A client must name the server that it wants (SNI).")]
    public bool RequireSni { get; init; }

    [OneOf("session_ticket_keys_type"), Sensitive,
        Description(
            "Keys that session tickets are encrypted with, the first one new tickets, so that several nodes share them. Absent: keys of "
                + "our own, renewed each session_timeout.")]
    public TlsSessionTicketKeysConfig? SessionTicketKeys { get; init; }

    [OneOf("session_ticket_keys_type"), Description("Likewise, as a secret.")]
    public SdsSecretConfig? SessionTicketKeysSdsSecretConfig { get; init; }

    [OneOf("session_ticket_keys_type"), Description("No session tickets: no session is resumed.")]
    public bool DisableStatelessSessionResumption { get; init; }

    [Description("Always so here: sessions are resumed by tickets alone, which all workers can read.")]
    public bool DisableStatefulSessionResumption { get; init; }

    [DurationRange(1), Description("How long a session may be resumed.")]
    public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromHours(2); // BoringSSL's SSL_DEFAULT_SESSION_TIMEOUT, and so Envoy's

    [Description("What becomes of a handshake for which there is no OCSP staple, or one that is out of date.")]
    public OcspStaplePolicy OcspStaplePolicy { get; init; } = OcspStaplePolicy.LenientStapling; // Envoy's default

    [Description(
        "For a server name that no certificate has, the first certificate for each type of key is used; otherwise the first of all.")]
    public bool FullScanCertsOnSniMismatch { get; init; }

    [Description("The client's order of cipher suites counts, not ours.")]
    public bool PreferClientCiphers { get; init; }
}

/// <summary>Envoy's DownstreamTlsContext.OcspStaplePolicy.</summary>
public enum OcspStaplePolicy { LenientStapling, StrictStapling, MustStaple }

[Description("Keys of session tickets.")]
public sealed record TlsSessionTicketKeysConfig : ConfigRecord
{
    [Required, Length(1, 16),
        Description("80 random bytes each (openssl rand 80): the first encrypts, all decrypt. To change keys, put the new one in front.")]
    public IReadOnlyList<DataSourceConfig> Keys { get; init; } = [];
}

[Description("TLS to the endpoints of a cluster. Without validation_context nobody is kept from being taken for an endpoint.")]
[UnsupportedField("allow_renegotiation", "renegotiation is refused on both sides")]
[UnsupportedField("enforce_rsa_key_usage", "OpenSSL does as it always does")]
public sealed record UpstreamTlsContextConfig : ConfigRecord
{
    [Description("What both sides of TLS have: certificates, versions, validation.")]
    public CommonTlsContextConfig CommonTlsContext { get; init; } = new();

    [Length(0, 255), Description("The server's name (SNI). Absent: none is sent, unless auto_host_sni says so.")]
    public string Sni { get; init; } = "";

    [Description("The name is the endpoint's hostname.")]
    public bool AutoHostSni { get; init; }

    [Description("The name that is sent must be in the endpoint's certificate.")]
    public bool AutoSniSanValidation { get; init; }

    [Range(0, 1000), Description("Sessions kept for each name and worker, to be resumed; 0 resumes none.")]
    public int MaxSessionKeys { get; init; } = 1; // Envoy's default
}
