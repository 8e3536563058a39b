using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("What both sides of TLS have.")]
[UnsupportedField(
    "tls_certificate_provider_instance tls_certificate_certificate_provider tls_certificate_certificate_provider_instance "
        + "validation_context_certificate_provider "
    + "validation_context_certificate_provider_instance custom_handshaker custom_tls_certificate_selector",
        "not available in this version")]
public sealed record CommonTlsContextConfig : ConfigRecord
{
    [Description("Versions and algorithms.")]
    public TlsParametersConfig TlsParams { get; init; } = new();

    [Length(0, 5000),
        Description(
            "Certificates with their keys. A server chooses among them by the name that the client asks for and the types of key that "
                + "it can use; a client shows the first.")]
    public IReadOnlyList<TlsCertificateConfig> TlsCertificates { get; init; } = [];

    [Length(0, 5000), Description("Likewise, as secrets; behind those of tls_certificates.")]
    public IReadOnlyList<SdsSecretConfig> TlsCertificateSdsSecretConfigs { get; init; } = [];

    [OneOf("validation_context_type"), Description("What the peer's certificate has to fulfil.")]
    public CertificateValidationContextConfig? ValidationContext { get; init; }

    [OneOf("validation_context_type"), Description("Likewise, as a secret.")]
    public SdsSecretConfig? ValidationContextSdsSecretConfig { get; init; }

    [OneOf("validation_context_type"), Description("Likewise, of two parts.")]
    public CombinedValidationContextConfig? CombinedValidationContext { get; init; }

    [Description("Writes the secrets of connections to a file, so that recorded traffic can be read. For finding faults: whoever has the "
        + "file can read everything.")]
    public TlsKeyLogConfig? KeyLog { get; init; }

    [Length(0, 32), Description("Application protocols (ALPN), best first, such as h2 and http/1.1.")]
    public IReadOnlyList<string> AlpnProtocols { get; init; } = [];
}

[Description(
    "Versions and algorithms of TLS. Lists are in the order of preference; empty ones leave it to OpenSSL and the policy of the machine.")]
[UnsupportedField("compliance_policies", "not available in this version")]
public sealed record TlsParametersConfig : ConfigRecord
{
    [Description("The lowest version. TLS_AUTO is TLSv1_2; what is lower is not spoken here.")]
    public TlsProtocol TlsMinimumProtocolVersion { get; init; } = TlsProtocol.TlsAuto;

    [Description("The highest version. TLS_AUTO is TLSv1_3.")]
    // Envoy's clients stop at TLSv1_2 then; both sides speak 1.3 here
    public TlsProtocol TlsMaximumProtocolVersion { get; init; } = TlsProtocol.TlsAuto;

    [Description(
        "OpenSSL's names, such as ECDHE-RSA-AES128-GCM-SHA256; those of TLS 1.3 begin with TLS_. [A|B], which Envoy takes for equals, "
            + "are A and B in this order.")]
    public IReadOnlyList<string> CipherSuites { get; init; } = [];

    [Description("Groups of the key exchange, such as X25519 and P-256.")]
    public IReadOnlyList<string> EcdhCurves { get; init; } = [];

    [Description("Such as ecdsa_secp256r1_sha256 and rsa_pss_rsae_sha256.")]
    public IReadOnlyList<string> SignatureAlgorithms { get; init; } = [];
}

/// <summary>Envoy's TlsParameters.TlsProtocol.</summary>
public enum TlsProtocol
{
    TlsAuto,
    [JsonStringEnumMemberName("TLSv1_0")] Tls10,
    [JsonStringEnumMemberName("TLSv1_1")] Tls11,
    [JsonStringEnumMemberName("TLSv1_2")] Tls12,
    [JsonStringEnumMemberName("TLSv1_3")] Tls13,
}

[Description("A certificate with its key.")]
[UnsupportedField("private_key_provider signed_certificate_timestamp", "not available in this version")]
public sealed record TlsCertificateConfig : ConfigRecord
{
    [Sensitive(OnlyWithPrivateKey = true), Description("PEM: the certificate, then those that lead to a trusted one.")]
    public DataSourceConfig? CertificateChain { get; init; }

    [Sensitive, Description("PEM: the private key of the certificate.")]
    public DataSourceConfig? PrivateKey { get; init; }

    [Sensitive, JsonPropertyName("pkcs12"), Description("PKCS#12 (.p12, .pfx) with both, in place of certificate_chain and private_key.")]
    public DataSourceConfig? Pkcs12 { get; init; }

    [Sensitive, Description("Of the private key or the PKCS#12 file.")]
    public DataSourceConfig? Password { get; init; }

    [Description("When files are moved in this folder, a version with what is at the certificate's paths then is made.")]
    public WatchedDirectoryConfig? WatchedDirectory { get; init; }

    [Description("An OCSP response in DER that is sent to clients that ask for one.")]
    public DataSourceConfig? OcspStaple { get; init; }

    [Description("Where certificate and key come from in place of certificate_chain and private_key: an authority, by ACME.")]
    public AcmeConfig? Acme { get; init; }
}

[Description("Whose secrets are written, and where.")]
public sealed record TlsKeyLogConfig : ConfigRecord
{
    [Required, Length(1, 4096), Description("Of the file, which is appended to; in NSS key log format.")]
    public string Path { get; init; } = "";

    [Length(0, 100), Description("Connections to one of these addresses of ours. Absent: all.")]
    public IReadOnlyList<CidrRangeConfig> LocalAddressRange { get; init; } = [];

    [Length(0, 100), Description("Connections of peers in one of these blocks. Absent: all.")]
    public IReadOnlyList<CidrRangeConfig> RemoteAddressRange { get; init; } = [];
}
