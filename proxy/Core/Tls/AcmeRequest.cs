using System.Security.Cryptography;
using System.Text;

namespace Managed.Proxy.Core.Tls;

/// <summary>
/// What a configuration wants of an authority (ACME, RFC 8555): a certificate for these names. Two places that want the same share one
/// certificate: <see cref="Id"/> says what is the same.
/// </summary>
public sealed record AcmeRequest
{
    /// <summary>DNS names in lower case, at least one.</summary>
    public required IReadOnlyList<string> Domains { get; init; }
    /// <summary>Of the directory.</summary>
    public required Uri Directory { get; init; }
    /// <summary>Empty: the authority is told none.</summary>
    public string Email { get; init; } = "";
    public bool TermsAgreed { get; init; }
    /// <summary>Of the external account; null without one.</summary>
    public string? ExternalKid { get; init; }
    public byte[] ExternalKey { get; init; } = [];
    /// <summary>RSA with 2048 bits in place of ECDSA with P-256.</summary>
    public bool Rsa { get; init; }
    /// <summary><c>tls-alpn-01</c> and <c>http-01</c>, best first.</summary>
    public required IReadOnlyList<string> Challenges { get; init; }
    /// <summary>Null: at two thirds of the life.</summary>
    public TimeSpan? RenewBefore { get; init; }
    /// <summary>PEM; empty: those that the system trusts.</summary>
    public byte[] TrustedCa { get; init; } = [];
    /// <summary>Empty: the authority's usual one.</summary>
    public string Profile { get; init; } = "";

    /// <summary>
    /// Names the certificate, the same for the same names, directory, kind of key and profile: its shortest name and ten digits. An account
    /// or a time of renewal may change, and it is still the same certificate.
    /// </summary>
    public string Id => field ??= Domains.OrderBy(d => d.Length).ThenBy(d => d, StringComparer.Ordinal).First() + "-"
        + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
            string.Join('\n', (string[])[Directory.AbsoluteUri, Rsa ? "rsa" : "ecdsa", Profile,
                .. Domains.Order(StringComparer.Ordinal)]))))
            [..10];
}
