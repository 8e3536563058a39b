using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Tls;

namespace Managed.Proxy.Security;

/// <summary>
/// What a build finds in the place of <c>acme: {…}</c>. The certificates themselves are no part of a version: a roll-back brings back what
/// was asked for, not a certificate that has expired since.
/// </summary>
public sealed partial class AcmeCertificates
{
    private const string Key = "acme-certificates", LetsEncrypt = "letsencrypt", LetsEncryptStaging = "letsencrypt_staging";

    /// <summary>The certificate that there is for a request, PEM with the leaf first, and its key; null: none yet. Any thread.</summary>
    public Func<AcmeRequest, (byte[] ChainPem, byte[] KeyPem)?>? Find { get; set; }

    /// <summary>The operator's directory, for configurations that name none; a URL or one of the two words.</summary>
    public string? Directory { get; init; }

    /// <summary>What listeners answer meanwhile.</summary>
    public PendingChallenges Challenges { get; } = new();

    /// <summary>Of the process; a tool that only looks at documents has none, and all certificates are placeholders.</summary>
    internal static AcmeCertificates Of(SharedState shared) => shared.GetOrAdd(Key, static () => new AcmeCertificates());

    /// <summary>For all builds of the process; whoever installs it has to hold it.</summary>
    internal AcmeCertificates Install(SharedState shared) => shared.GetOrAdd(Key, () => this);

    /// <summary>A directory by its URL or one of the words that stand for one; null when it is neither, or not safe.</summary>
    public static Uri? DirectoryOf(string text) => text switch
    {
        LetsEncrypt => new("https://acme-v02.api.letsencrypt.org/directory"),
        LetsEncryptStaging => new("https://acme-staging-v02.api.letsencrypt.org/directory"),
        _ => Uri.TryCreate(text, UriKind.Absolute, out var url) && IsSafe(url) ? url : null,
    };

    /// <summary>RFC 8555 section 6.1: by TLS. Without it only to this machine, for tests.</summary>
    public static bool IsSafe(Uri url) => url.UserInfo.Length == 0 && (url.Scheme == Uri.UriSchemeHttps
        || (url.Scheme == Uri.UriSchemeHttp && url.IsLoopback));

    /// <summary>What a configuration wants; null with errors added.</summary>
    internal AcmeRequest? Request(AcmeConfig config, ConfigErrors errors)
    {
        int before = errors.Count;
        var domains = new List<string>();
        foreach (string given in config.Domains)
            if (NameOf(given, out string? wrong) is { } name)
            {
                if (!domains.Contains(name)) domains.Add(name);
            }
            else errors.ErrorAt(config.Node, "domains", ConfigCode.InvalidValue, $"'{given}' {wrong}");
        string directory = config.DirectoryUrl.Length > 0 ? config.DirectoryUrl : Directory ?? "";
        var url = DirectoryOf(directory);
        if (directory.Length == 0)
            errors.ErrorAt(config.Node, "directory_url", ConfigCode.MissingField,
                "'directory_url' is missing, and the operator has named no authority",
                "give the URL of an authority's directory, or letsencrypt; or start with --acme-directory");
        else if (url is null)
            errors.ErrorAt(config.Node, "directory_url", ConfigCode.InvalidValue,
                $"'{directory}' is no https URL of a directory", $"or one of {LetsEncrypt}, {LetsEncryptStaging}");
        if (config.Email.Length > 0 && !EmailShape().IsMatch(config.Email))
            errors.ErrorAt(config.Node, "email", ConfigCode.InvalidValue, $"'{config.Email}' is no address of one mailbox");
        if (config.Challenges.Distinct().Count() < config.Challenges.Count)
            errors.ErrorAt(config.Node, "challenges", ConfigCode.InvalidValue, "one of them is named twice");
        byte[]? external = config.ExternalAccountBinding is { } binding ? ExternalKey(binding, errors) : [];
        byte[]? trusted = config.TrustedCa is { } ca ? ca.TryRead(errors) : [];
        if (trusted is { Length: > 0 } && Authorities(trusted) == 0)
            errors.ErrorAt(config.Node, "trusted_ca", ConfigCode.InvalidValue, "there is no certificate in PEM in it");
        if (errors.Count > before || url is null || external is null || trusted is null) return null;
        return new AcmeRequest
        {
            Domains = domains, Directory = url, Email = config.Email, TermsAgreed = config.TermsOfServiceAgreed,
            ExternalKid = config.ExternalAccountBinding?.Kid, ExternalKey = external, Rsa = config.KeyType == AcmeKeyType.Rsa2048,
            Challenges = [.. config.Challenges.Select(c => c == AcmeChallenge.Http01 ? "http-01" : "tls-alpn-01")],
            RenewBefore = config.RenewBefore, TrustedCa = trusted, Profile = config.Profile,
        };
    }

    /// <summary>The certificate that there is, or the placeholder. Null with errors added.</summary>
    internal TlsCertificate? Certificate(TlsCertificateConfig config, SharedState shared, ConfigErrors errors)
    {
        foreach (var (name, other) in ((string, object?)[])[("certificate_chain", config.CertificateChain),
            ("private_key", config.PrivateKey), ("pkcs12", config.Pkcs12), ("password", config.Password),
            ("ocsp_staple", config.OcspStaple), ("watched_directory", config.WatchedDirectory)])
            if (other is not null)
                errors.ErrorAt(config.Node, name, ConfigCode.Conflict, $"acme gives the certificate and its key: leave {name} out");
        if (Request(config.Acme!, errors) is not { } request) return null;
        errors.Host.Asked++; // what is built of it is built anew when there is another certificate
        if (Find?.Invoke(request) is var (chain, key)
            && shared.GetOrAddUnlessNull("certificate|" + TlsCertificate.DigestOf(chain, key, "", []),
                () => TlsCertificate.Read(chain, key, "", null, out _)) is { } issued) return issued;
        return shared.GetOrAddUnlessNull("acme-placeholder|" + request.Id, () => Placeholder(request.Domains));
    }

    // Whoever connects is to see at once what it is, and that it is not to be trusted.
    private static TlsCertificate? Placeholder(IReadOnlyList<string> domains)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=placeholder until the ACME certificate has come", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        foreach (string domain in domains) names.AddDnsName(domain);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddYears(10));
        return TlsCertificate.Read(Encoding.ASCII.GetBytes(certificate.ExportCertificatePem()),
            Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem()), "", null, out _);
    }

    private static byte[]? ExternalKey(AcmeExternalAccountConfig binding, ConfigErrors errors)
    {
        if (binding.HmacKey is not { } source || source.TryRead(errors) is not { } text) return null;
        string digits = Encoding.UTF8.GetString(text).Trim().TrimEnd('=').Replace('+', '-').Replace('/', '_');
        byte[] key = new byte[digits.Length];
        if (System.Buffers.Text.Base64Url.TryDecodeFromChars(digits, key, out int length) && length >= 16) return key[..length];
        errors.ErrorAt(binding.Node, "hmac_key", ConfigCode.InvalidValue, "is no key in base64url of 16 bytes or more");
        return null;
    }

    private static int Authorities(byte[] pem)
    {
        var found = Pem.ReadCertificates(TlsLibrary.Of(0), pem);
        foreach (nint certificate in found) LibCrypto.X509_free(certificate);
        return found.Count;
    }

    // As it goes into the order: lower case, letters of other alphabets as in the DNS (RFC 5890).
    private static string? NameOf(string given, out string? wrong)
    {
        wrong = null;
        string name = given.TrimEnd('.');
        if (name.StartsWith("*.", StringComparison.Ordinal)) wrong = "is a wildcard, which only dns-01 proves, and that is not supported";
        else if (System.Net.IPAddress.TryParse(name.Trim('[', ']'), out _))
            wrong = "is an address: certificates for addresses are not supported";
        if (wrong is not null) return null;
        try
        {
            name = new IdnMapping { UseStd3AsciiRules = true }.GetAscii(name).ToLowerInvariant();
            if (name.Length <= 253 && name.Contains('.', StringComparison.Ordinal)) return name;
        }
        catch (ArgumentException)
        {
            // Said below.
        }
        wrong = "is no name of a host with a domain";
        return null;
    }

    [GeneratedRegex("^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251})$", RegexOptions.NonBacktracking)]
    private static partial Regex EmailShape();
}
