using System.Net;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Security;

/// <summary>
/// From what a document says of TLS to what the mechanism takes, for both sides; on the control thread. Errors are collected.
/// </summary>
internal static class TlsBuilder
{
    // Where the systems that .NET runs on keep the certificates that they trust.
    private static readonly string[] SystemBundles =
        ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
            "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem"];

    public static TlsParameters? Parameters(CommonTlsContextConfig config, bool preferClientCiphers, ConfigErrors errors)
    {
        var given = config.TlsParams;
        if (Version(given, "tls_minimum_protocol_version", given.TlsMinimumProtocolVersion, TlsVersion.Tls12, errors) is not { } min
            || Version(given, "tls_maximum_protocol_version", given.TlsMaximumProtocolVersion, TlsVersion.Tls13, errors) is not { } max)
            return null;
        if (min > max)
        {
            errors.ErrorAt(given.Node, "tls_maximum_protocol_version", ConfigCode.InvalidValue,
                "is lower than tls_minimum_protocol_version");
            return null;
        }
        foreach (string name in config.AlpnProtocols)
            if (name.Length is 0 or > 255 || name.Any(c => c is < '!' or > '~'))
            {
                errors.ErrorAt(config.Node, "alpn_protocols", ConfigCode.InvalidValue, $"'{name}' is no name of a protocol");
                return null;
            }
        return new TlsParameters
        {
            MinVersion = min, MaxVersion = max, CipherSuites = given.CipherSuites, Curves = given.EcdhCurves,
            SignatureAlgorithms = given.SignatureAlgorithms,
            Alpn = config.AlpnProtocols, PreferClientCiphers = preferClientCiphers,
        };
    }

    /// <summary>Null where nothing is logged, or with errors added.</summary>
    public static KeyLog? KeyLog(CommonTlsContextConfig common, SharedState shared, ConfigErrors errors)
    {
        if (common.KeyLog is not { } config) return null;
        if (errors.Host.RefusalToLog(config.Path) is { } refusal)
        {
            errors.ErrorAt(config.Node, "path", ConfigCode.InvalidValue, refusal);
            return null;
        }
        int before = errors.Count;
        var (local, remote) = (Blocks(config.LocalAddressRange, errors), Blocks(config.RemoteAddressRange, errors));
        if (errors.Count > before) return null;
        errors.Warning(config.Node, ConfigCode.InvalidValue, $"the secrets of connections are written to '{config.Path}'",
            "take key_log out when the fault is found");
        string? wrong = null;
        if (shared.LeaseUnlessNull("tls-key-log|" + config.Path, () => KeyLogFile.TryOpen(config.Path, out wrong)) is { } file)
            return new KeyLog(config.Path, file.Write, local, remote);
        errors.ErrorAt(config.Node, "path", ConfigCode.InvalidValue, $"'{config.Path}' cannot be opened: {wrong}");
        return null;
    }

    private static List<IPNetwork> Blocks(IReadOnlyList<CidrRangeConfig> ranges, ConfigErrors errors)
    {
        var blocks = new List<IPNetwork>();
        foreach (var range in ranges)
            if (!IPAddress.TryParse(range.AddressPrefix, out var address))
                errors.ErrorAt(range.Node, "address_prefix", ConfigCode.InvalidValue, $"'{range.AddressPrefix}' is not an IP address");
            else blocks.Add(Block(address, range.PrefixLen));
        return blocks;
    }

    // The bits behind the prefix do not count.
    private static IPNetwork Block(IPAddress address, int length)
    {
        byte[] bytes = address.GetAddressBytes();
        length = Math.Min(length, bytes.Length * 8);
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] &= (byte)(i * 8 >= length ? 0 : i * 8 + 8 <= length ? 0xFF : 0xFF << (8 - length % 8));
        return new IPNetwork(new IPAddress(bytes), length);
    }

    private static TlsVersion? Version(TlsParametersConfig config, string field, TlsProtocol given, TlsVersion otherwise,
        ConfigErrors errors)
    {
        if (given is not (TlsProtocol.Tls10 or TlsProtocol.Tls11))
            return given switch { TlsProtocol.Tls12 => TlsVersion.Tls12, TlsProtocol.Tls13 => TlsVersion.Tls13, _ => otherwise };
        errors.ErrorAt(config.Node, field, ConfigCode.InvalidValue, "TLS 1.0 and 1.1 are not spoken (RFC 8996)", "use TLSv1_2 or TLSv1_3");
        return null;
    }

    /// <summary>Null with errors added.</summary>
    public static List<byte[]>? TicketKeys(TlsSessionTicketKeysConfig config, ConfigErrors errors)
    {
        var keys = new List<byte[]>();
        foreach (var source in config.Keys)
        {
            if (source.TryRead(errors) is not { } key) return null;
            if (key.Length != TicketKey.GivenLength)
            {
                errors.Error(source.Node, ConfigCode.InvalidValue,
                    $"a key of session tickets has {TicketKey.GivenLength} bytes, this one {key.Length}", "make one with: openssl rand 80");
                return null;
            }
            keys.Add(key);
        }
        return keys;
    }

    /// <summary>
    /// Whether every secret is what it says, used or not. Those that the version before has too were looked at then. Returns the
    /// certificates, so that they are still there when the chains want them.
    /// </summary>
    public static IReadOnlyList<TlsCertificate?> CheckSecrets(IReadOnlyList<SecretConfig> secrets, IReadOnlyList<SecretConfig>? former,
        SharedState shared, ConfigErrors errors)
    {
        var read = new List<TlsCertificate?>();
        var known = former is null ? [] : former.ToHashSet<SecretConfig>(ReferenceEqualityComparer.Instance);
        var fresh = secrets.Where(s => !s.HasErrors && !known.Contains(s)).ToList();
        ReadAhead([.. fresh.Select(s => s.TlsCertificate).OfType<TlsCertificateConfig>()], shared, errors);
        foreach (var secret in fresh)
        {
            if (secret.TlsCertificate is { } certificate) read.Add(Certificate(certificate, shared, errors));
            if (secret.ValidationContext is { } context) Verifier(context, requiresServerName: false, errors);
            if (secret.SessionTicketKeys is { } tickets) TicketKeys(tickets, errors);
            secret.GenericSecret?.Secret?.TryRead(errors);
        }
        return read;
    }

    /// <summary>The certificates of a chain; null for each that is wrong, with errors added.</summary>
    public static List<TlsCertificate?> Certificates(IReadOnlyList<TlsCertificateConfig> configs, SharedState shared, ConfigErrors errors)
    {
        ReadAhead(configs, shared, errors);
        return [.. configs.Select(c => Certificate(c, shared, errors))];
    }

    // Few are not worth a thread.
    private const int ManyCertificates = 64, Niceness = 5;

    // By as many threads as there are processors, which stand back behind those that carry traffic. What is wrong is found again, and
    // told in its order, by whoever asks for the certificates.
    private static void ReadAhead(IReadOnlyList<TlsCertificateConfig> configs, SharedState shared, ConfigErrors errors)
    {
        var unread = configs.Where(c => IsAllSaid(c) && Known(c) is null).ToList();
        if (unread.Count < ManyCertificates) return;
        int next = -1;
        Thread[] threads = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Thread(Run)
            { Name = "certificates", IsBackground = true })];
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();

        void Run()
        {
            _ = Libc.setpriority(0, 0, Niceness);
            while (Interlocked.Increment(ref next) is var at && at < unread.Count)
                try
                {
                    Certificate(unread[at], shared, new ConfigErrors { Host = errors.Host });
                }
                catch (Exception)
                {
                    // Whoever asks for it gets it again, where it can be told.
                }
        }
    }

    // By the value that says the private key in a document: what several versions and several chains share is read once, and its key taken
    // out of the vault once. Not those with a staple, which is to be fresh each time; and what names a file belongs to the reading of
    // files.
    private static readonly ConditionalWeakTable<ConfigScalar, TlsCertificate> s_read = [];

    private static TlsCertificate? Known(TlsCertificateConfig config)
        => KeyOf(config) is { } key && s_read.TryGetValue(key, out var known) && Says(config.CertificateChain!, known) ? known : null;

    private static ConfigScalar? KeyOf(TlsCertificateConfig config)
        => IsAllSaid(config) ? (config.PrivateKey!.Node as ConfigObject)?["inline_string"] as ConfigScalar : null;

    // One key may stand beside several certificates.
    private static bool Says(DataSourceConfig chain, TlsCertificate certificate)
        => chain.InlineString is { } text ? text.Length == certificate.ChainPem.Length && Ascii.Equals(certificate.ChainPem, text)
            : chain.InlineBytes.AsSpan().SequenceEqual(certificate.ChainPem);

    private static bool IsAllSaid(TlsCertificateConfig config)
        => config is { OcspStaple: null, Pkcs12: null, Password: null, CertificateChain: { } chain, PrivateKey: { } key }
            && IsInline(chain) && IsInline(key);

    private static bool IsInline(DataSourceConfig source) => source.InlineString is not null || source.InlineBytes is not null;

    /// <summary>Null with errors added. One that another version has is not read anew.</summary>
    public static TlsCertificate? Certificate(TlsCertificateConfig config, SharedState shared, ConfigErrors errors)
    {
        if (config.Acme is not null) return AcmeCertificates.Of(shared).Certificate(config, shared, errors);
        if (Known(config) is { } known)
        {
            Judge(config, known, errors);
            return known;
        }
        byte[]? password = config.Password is { } secret ? secret.TryRead(errors) : [];
        byte[]? staple = config.OcspStaple is { } ocsp ? ocsp.TryRead(errors) : [];
        if (password is null || staple is null) return null;
        string word = Encoding.UTF8.GetString(password).TrimEnd('\n', '\r'); // a file of one line
        if (Pair(config, word, errors) is not var (chain, key, keyPassword)) return null;
        OcspStaple? response = null;
        if (staple.Length > 0 && (response = OcspStaple.Read(staple, TimeProvider.System, out string? unread)) is null)
        {
            errors.ErrorAt(config.Node, "ocsp_staple", ConfigCode.InvalidValue, unread!);
            return null;
        }
        string? wrong = null;
        var certificate = shared.GetOrAddUnlessNull("certificate|" + TlsCertificate.DigestOf(chain, key, keyPassword, staple),
            () => TlsCertificate.Read(chain, key, keyPassword, response, out wrong));
        if (certificate is not null)
        {
            if (KeyOf(config) is { } said) s_read.AddOrUpdate(said, certificate);
            Judge(config, certificate, errors);
            return certificate;
        }
        errors.ErrorAt(config.Node, config.Pkcs12 is not null ? "pkcs12" : wrong!.Contains("private key", StringComparison.Ordinal)
            ? "private_key" : "certificate_chain", ConfigCode.InvalidValue, wrong!);
        return null;
    }

    /// <summary>What authorities are asked for, of certificates that were built.</summary>
    public static IReadOnlyList<AcmeRequest> Requests(CommonTlsContextConfig common, SharedState shared, ConfigErrors errors)
        => [.. common.TlsCertificates.Select(c => c.Acme is { } acme ? AcmeCertificates.Of(shared).Request(acme, errors) : null)
            .OfType<AcmeRequest>()];

    private static (byte[] Chain, byte[] Key, string Password)? Pair(TlsCertificateConfig config, string password, ConfigErrors errors)
    {
        if (config.Pkcs12 is { } bundle)
        {
            if (config.CertificateChain is not null || config.PrivateKey is not null)
                errors.ErrorAt(config.Node, "pkcs12", ConfigCode.Conflict,
                    "only one of these may be given: pkcs12, certificate_chain with private_key");
            return bundle.TryRead(errors) is { } bytes ? FromPkcs12(config, bytes, password, errors) : null;
        }
        if (config.CertificateChain is null)
            errors.ErrorAt(config.Node, "certificate_chain", ConfigCode.MissingField, "'certificate_chain' is missing");
        if (config.PrivateKey is null) errors.ErrorAt(config.Node, "private_key", ConfigCode.MissingField, "'private_key' is missing");
        return config.CertificateChain?.TryRead(errors) is { } chain
            && config.PrivateKey?.TryRead(errors) is { } key ? (chain, key, password) : null;
    }

    private static (byte[], byte[], string)? FromPkcs12(TlsCertificateConfig config, byte[] bytes, string password, ConfigErrors errors)
    {
        if (Pkcs12.Read(bytes, password) is var (chain, key)) return (chain, key, "");
        errors.ErrorAt(config.Node, "pkcs12", ConfigCode.InvalidValue,
            "it is no PKCS#12 with a certificate and its key, or not with this password");
        return null;
    }

    private static void Judge(TlsCertificateConfig config, TlsCertificate certificate, ConfigErrors errors)
    {
        var now = TimeProvider.System.GetUtcNow();
        if (certificate.Leaf.NotAfter < now)
            errors.Warning(config.Node, ConfigCode.InvalidValue,
                $"the certificate of {certificate.Title} expired at {certificate.Leaf.NotAfter:u}");
        else if (certificate.Leaf.NotAfter < now.AddDays(14))
            errors.Warning(config.Node, ConfigCode.InvalidValue,
                $"the certificate of {certificate.Title} expires soon, at {certificate.Leaf.NotAfter:u}");
        if (certificate.Leaf.NotBefore > now)
            errors.Warning(config.Node, ConfigCode.InvalidValue,
                $"the certificate of {certificate.Title} is not valid before {certificate.Leaf.NotBefore:u}");
    }

    /// <summary>
    /// Null with errors added. <paramref name="requiresServerName"/>: the name that a client asks for must be in the certificate.
    /// </summary>
    public static PeerVerifier? Verifier(CertificateValidationContextConfig config, bool requiresServerName, ConfigErrors errors)
    {
        bool fromSystem = config.TrustedCa is null && config.SystemRootCerts is not null;
        byte[]? authorities = config.TrustedCa is { } ca ? ca.TryRead(errors) : fromSystem ? SystemRoots(config, errors) : [];
        byte[]? lists = config.Crl is { } crl ? crl.TryRead(errors) : [];
        if (config.TrustedCa is null && !fromSystem && lists is { Length: > 0 })
            errors.ErrorAt(config.Node, "crl", ConfigCode.InvalidValue,
                "without trusted_ca no chain is verified, so nothing is looked up in it");
        var names = new List<SanMatcher>();
        foreach (var item in config.MatchTypedSubjectAltNames)
            if (item is { SanType: { } type, Matcher: { } matcher } && Name((SanType)type, matcher, item, errors) is { } name)
                names.Add(name);
        foreach (var matcher in config.MatchSubjectAltNames)
            foreach (var type in (SanType[])[SanType.Dns, SanType.Uri, SanType.Email, SanType.IpAddress])
                if (Name(type, matcher, null, errors) is { } name) names.Add(name);
        var pins = Pins(config, "verify_certificate_hash", config.VerifyCertificateHash,
            static t => Convert.FromHexString(t.Replace(":", "", StringComparison.Ordinal)), "hexadecimal", errors);
        var keys = Pins(config, "verify_certificate_spki", config.VerifyCertificateSpki, Convert.FromBase64String, "base64", errors);
        if (authorities is null || lists is null || pins is null || keys is null) return null;
        if (names.Count > 0 && authorities.Length == 0)
            errors.Warning(config.Node, ConfigCode.InvalidValue,
                "names are looked for in certificates that anybody can make: without trusted_ca a name proves nothing");
        return new PeerVerifier
        {
            TrustedCa = authorities, TellsAuthorities = !fromSystem, RevocationLists = lists,
            RevocationOfLeafOnly = config.OnlyVerifyLeafCertCrl,
            AllowExpired = config.AllowExpiredCertificate,
            AcceptUntrusted = config.TrustChainVerification == TrustChainVerification.AcceptUntrusted,
            MaxDepth = config.MaxVerifyDepth ?? 100, Names = names, RequiresServerName = requiresServerName, CertificatePins = pins,
            KeyPins = keys,
        };
    }

    private static byte[]? SystemRoots(CertificateValidationContextConfig config, ConfigErrors errors)
    {
        string? given = Environment.GetEnvironmentVariable("SSL_CERT_FILE"); // OpenSSL's own
        foreach (string path in given is null ? SystemBundles : [given, .. SystemBundles])
        {
            try
            {
                if (File.Exists(path)) return File.ReadAllBytes(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The next may be there.
            }
        }
        errors.ErrorAt(config.Node, "system_root_certs", ConfigCode.UnknownReference,
            "this machine has no bundle of certificates that it trusts", "install ca-certificates, or give trusted_ca");
        return null;
    }

    private static SanMatcher? Name(SanType type, StringMatcherConfig config, SubjectAltNameMatcherConfig? item, ConfigErrors errors)
    {
        if (type == SanType.OtherName && item!.Oid.Length == 0)
        {
            errors.ErrorAt(item.Node, "oid", ConfigCode.MissingField, "OTHER_NAME needs the object identifier of the kind of name");
            return null;
        }
        string oid = item?.Oid ?? "";
        if (config.Exact is { } exact && !config.IgnoreCase)
            return new SanMatcher { Type = type, Oid = oid, Exact = type == SanType.IpAddress
                && IPAddress.TryParse(exact, out var ip) ? ip.ToString() : exact };
        return StringMatch.Of(config, errors) is { } match
            ? new SanMatcher { Type = type, Oid = oid, Test = value => match.IsMatch(Encoding.UTF8.GetBytes(value)),
                Text = match.ToString() + config.IgnoreCase } : null;
    }

    private static List<byte[]>? Pins(ConfigRecord config, string field, IReadOnlyList<string> texts, Func<string, byte[]> read,
        string form, ConfigErrors errors)
    {
        var pins = new List<byte[]>();
        foreach (string text in texts)
        {
            byte[] pin;
            try
            {
                pin = read(text);
            }
            catch (FormatException)
            {
                pin = [];
            }
            if (pin.Length == 32) { pins.Add(pin); continue; }
            errors.ErrorAt(config.Node, field, ConfigCode.InvalidValue, $"'{text}' is no SHA-256 in {form}");
            return null;
        }
        return pins;
    }

    /// <summary>The same for verifiers that accept the same.</summary>
    public static string Digest(PeerVerifier? verifier)
    {
        if (verifier is null) return "";
        var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(verifier.TrustedCa);
        hash.AppendData(SHA256.HashData(verifier.RevocationLists));
        foreach (byte[] pin in verifier.CertificatePins) hash.AppendData(pin);
        foreach (byte[] pin in verifier.KeyPins) hash.AppendData(pin);
        string flags = string.Join('|', verifier.TellsAuthorities, verifier.RevocationOfLeafOnly, verifier.AllowExpired,
            verifier.AcceptUntrusted, verifier.MaxDepth,
            verifier.RequiresServerName, verifier.CertificatePins.Count, string.Join('|', verifier.Names.Select(n => n.Key)));
        hash.AppendData(Encoding.UTF8.GetBytes(flags));
        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
