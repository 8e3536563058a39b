using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("A certificate that an authority issues by itself and that is renewed in time (ACME, RFC 8555). Until the first one has come "
    + "a self-signed placeholder is shown, which clients do not trust.")]
[UnsupportedField("dns_challenge dns_provider", "a name is proved by http-01 or tls-alpn-01, which the listeners answer themselves")]
[UnsupportedField("preferred_chain", "the authority's first chain is taken")]
[UnsupportedField("on_demand", "names that clients make up would be asked for: give domains")]
public sealed record AcmeConfig : ConfigRecord
{
    [Required, Length(1, 100), Description("The names of the certificate. Wildcards cannot be proved by a listener, and are refused.")]
    public IReadOnlyList<string> Domains { get; init; } = [];

    [Length(0, 254), Description("Whom the authority may write to. Accounts are told apart by it.")]
    public string Email { get; init; } = "";

    [Length(0, 2048), Description("Where the authority's directory is (https), or letsencrypt or letsencrypt_staging. Absent: what the "
        + "operator has said (--acme-directory); without that it is an error, so that no public server is ever asked unasked.")]
    public string DirectoryUrl { get; init; } = "";

    [Description("Whoever writes this has read the authority's terms and agrees. Most authorities open no account without.")]
    public bool TermsOfServiceAgreed { get; init; }

    [Description("The account at the authority that the new one belongs to (RFC 8555 section 7.3.4).")]
    public AcmeExternalAccountConfig? ExternalAccountBinding { get; init; }

    [Description("Of the certificate's key.")]
    public AcmeKeyType KeyType { get; init; }

    [Length(1, 2), Description("How names are proved. The first that the authority offers is taken, after a failure the next. Absent: "
        + "tls-alpn-01, which the chain itself answers (port 443), then http-01, which any HTTP listener answers (port 80).")]
    public IReadOnlyList<AcmeChallenge> Challenges { get; init; } = [AcmeChallenge.TlsAlpn01, AcmeChallenge.Http01];

    [DurationRange(1), Description("How long before its end a certificate is renewed. Absent: at two thirds of its life, or when the "
        + "authority says (RFC 9773).")]
    public TimeSpan? RenewBefore { get; init; }

    [Sensitive(OnlyWithPrivateKey = true),
        Description("PEM: whom the authority's own server must be certified by. Absent: those that the system trusts.")]
    public DataSourceConfig? TrustedCa { get; init; }

    [Length(0, 64), Description("The kind of certificate, by the authority's name for it.")]
    public string Profile { get; init; } = "";
}

/// <summary>What the certificate's key is.</summary>
public enum AcmeKeyType
{
    [JsonStringEnumMemberName("ECDSA_P256")] EcdsaP256,
    [JsonStringEnumMemberName("RSA_2048")] Rsa2048,
}

/// <summary>RFC 8555 section 8.3 and RFC 8737, by their names there.</summary>
public enum AcmeChallenge
{
    [JsonStringEnumMemberName("tls-alpn-01")] TlsAlpn01,
    [JsonStringEnumMemberName("http-01")] Http01,
}

[Description("An account that exists at the authority already, outside of ACME.")]
public sealed record AcmeExternalAccountConfig : ConfigRecord
{
    [Required, Length(1, 1024), Description("The identifier that the authority gave.")]
    public string Kid { get; init; } = "";

    [Required, Sensitive, Description("The key that it gave with it: the text, in base64url.")]
    public DataSourceConfig? HmacKey { get; init; }
}
