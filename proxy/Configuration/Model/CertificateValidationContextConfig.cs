using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description(
    "What a peer's certificate has to fulfil: all that is given of chain, name and pin. With nothing given any certificate is taken.")]
[UnsupportedField("ca_certificate_provider_instance custom_validator_config require_signed_certificate_timestamp",
    "not available in this version")]
[UnsupportedField("verify_subject_alt_name", "use match_typed_subject_alt_names")]
public sealed record CertificateValidationContextConfig : ConfigRecord
{
    [Sensitive(OnlyWithPrivateKey = true), Description("PEM: certificates that a chain may end in. Intermediate ones end it too.")]
    public DataSourceConfig? TrustedCa { get; init; }

    [Description("When files are moved in this folder, a version with what is at the context's paths then is made.")]
    public WatchedDirectoryConfig? WatchedDirectory { get; init; }

    [Description("The certificates that the machine trusts, as long as trusted_ca is absent.")]
    public EmptyConfig? SystemRootCerts { get; init; }

    [Length(0, 1000),
        Description("SHA-256 of the public key in base64: the certificate must have one of them, or be one of verify_certificate_hash.")]
    public IReadOnlyList<string> VerifyCertificateSpki { get; init; } = [];

    [Length(0, 1000), Description("SHA-256 of the certificate in hexadecimal, with colons or without.")]
    public IReadOnlyList<string> VerifyCertificateHash { get; init; } = [];

    [Length(0, 1000), Description("An alternative name of the certificate must fulfil one of these.")]
    public IReadOnlyList<SubjectAltNameMatcherConfig> MatchTypedSubjectAltNames { get; init; } = [];

    [Length(0, 1000), Description("Deprecated in Envoy, use match_typed_subject_alt_names: names of any type.")]
    public IReadOnlyList<StringMatcherConfig> MatchSubjectAltNames { get; init; } = [];

    [Sensitive(OnlyWithPrivateKey = true), Description(
        "PEM: lists of certificates that were revoked. Each authority of a chain must have one, unless only_verify_leaf_cert_crl.")]
    public DataSourceConfig? Crl { get; init; }

    [Description("Only the peer's own certificate is looked up in crl.")]
    public bool OnlyVerifyLeafCertCrl { get; init; }

    [Description("Takes certificates that are out of date or not valid yet.")]
    public bool AllowExpiredCertificate { get; init; }

    [Description("ACCEPT_UNTRUSTED takes a chain that does not end in a trusted certificate; the connection counts as not verified.")]
    public TrustChainVerification TrustChainVerification { get; init; } = TrustChainVerification.VerifyTrustChain; // Envoy's default

    [Range(0, 100), Description("Most intermediate certificates in a chain.")]
    public int? MaxVerifyDepth { get; init; }
}

/// <summary>Envoy's CertificateValidationContext.TrustChainVerification.</summary>
public enum TrustChainVerification { VerifyTrustChain, AcceptUntrusted }

[Description("A condition on alternative names of one type.")]
public sealed record SubjectAltNameMatcherConfig : ConfigRecord
{
    [Required, Description("Which names.")]
    [UnsupportedValue("SAN_TYPE_UNSPECIFIED", "say which names")]
    public SubjectAltNameType? SanType { get; init; }

    [Required, Description("What the name must be. exact with DNS is also fulfilled by the certificate's wildcard.")]
    public StringMatcherConfig? Matcher { get; init; }

    [Description("With OTHER_NAME: the object identifier of the kind of name.")]
    public string Oid { get; init; } = "";
}

/// <summary>Envoy's SubjectAltNameMatcher.SanType.</summary>
public enum SubjectAltNameType { Email, Dns, Uri, IpAddress, OtherName }
