namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>
/// The short form of TLS: <c>tls: {…}</c> on a listener, chain or cluster in place of <c>transport_socket</c>. Its fields are those of
/// Envoy's messages without the levels between, <c>certificates</c> and <c>alpn</c> for the long names; where a message takes a source of
/// bytes, a text is the path of a file.
/// </summary>
internal static class TlsExpansion
{
    private static readonly Dictionary<string, string> Renamed =
        new() { ["certificates"] = "tls_certificates", ["alpn"] = "alpn_protocols" };
    private static readonly HashSet<string> OfCommon =
    [
        "tls_certificates", "alpn_protocols", "validation_context", "tls_params", "tls_certificate_sds_secret_configs",
        "validation_context_sds_secret_config", "combined_validation_context", "key_log",
    ];
    private static readonly HashSet<string> OfParameters =
        ["tls_minimum_protocol_version", "tls_maximum_protocol_version", "cipher_suites", "ecdh_curves", "signature_algorithms"];
    private static readonly HashSet<string> OfValidation =
    [
        "trusted_ca", "system_root_certs", "verify_certificate_spki", "verify_certificate_hash", "match_typed_subject_alt_names", "crl",
        "only_verify_leaf_cert_crl",
        "allow_expired_certificate", "trust_chain_verification", "max_verify_depth", "watched_directory",
    ];
    private static readonly string[] Sources =
        ["certificate_chain", "private_key", "pkcs12", "password", "ocsp_staple", "trusted_ca", "crl"];

    private static readonly string[] InSecrets = ["tls_certificate", "validation_context"];

    /// <summary>Texts that are paths of files, in a secret.</summary>
    public static void NameFilesOf(ConfigObject secret)
    {
        foreach (string within in InSecrets) Files(secret.Object(within));
        Files(secret.Object("tls_certificate")?.Object("acme"));
    }

    /// <summary>What a listener says is for all its chains that say nothing themselves.</summary>
    public static void Share(ConfigObject listener, List<ConfigObject> chains, ConfigErrors errors)
    {
        if (listener["tls"] is not { } given) return;
        listener.Remove("tls");
        if (chains.Count == 0)
            errors.Error(given, ConfigCode.MissingField, "tls on a listener needs routes, tcp_proxy or filter_chains beside it");
        foreach (var chain in chains)
            if (!chain.Has("tls") && !chain.Has("transport_socket")) chain.Set("tls", given.Clone());
    }

    /// <summary>Of a chain or a cluster.</summary>
    public static void Expand(ConfigObject owner, ConfigErrors errors)
    {
        if (owner["tls"] is not { } given) return;
        owner.Remove("tls");
        if (owner.Has("transport_socket"))
        {
            errors.Error(given, ConfigCode.Conflict, "only one of these may be given: tls, transport_socket");
            return;
        }
        if (given is not ConfigObject tls)
        {
            errors.Error(given, ConfigCode.InvalidType, "must be an object, such as {certificates: […], alpn: [http/1.1]}");
            return;
        }
        owner.Set("transport_socket", new ConfigObject(tls.Origin)
            .Set("name", ConfigScalar.String("envoy.transport_sockets.tls", tls.Origin))
            .Set("typed_config", Context(tls, errors)));
    }

    /// <summary>
    /// The protocols that a chain with the short form offers where it does not say: those of HTTP that its connection manager speaks; none
    /// before anything else, which has no names for what it carries.
    /// </summary>
    /// <param name="common">Of the chain's TLS context.</param>
    /// <param name="terminal">The chain's last filter, expanded.</param>
    public static void OfferHttp(ConfigObject common, ConfigObject? terminal)
    {
        if (common.Has("alpn_protocols") || terminal?.Text("@type") is not { } type
            || ExtensionNames.Bare(type) != ExtensionNames.HttpConnectionManagerType) return;
        string? codec = terminal.Text("codec_type") ?? terminal.Text("codecType");
        var offered = new ConfigArray(common.Origin);
        if (codec != "HTTP1") offered.Add(ConfigScalar.String("h2", common.Origin));
        if (codec != "HTTP2") offered.Add(ConfigScalar.String("http/1.1", common.Origin));
        common.Set("alpn_protocols", offered);
    }

    /// <summary>
    /// The document with <c>{filename: PATH}</c> for each text in a <c>tls</c> that is the path of a file; itself where there is none.
    /// </summary>
    public static ConfigObject NameFiles(ConfigObject document)
    {
        if (!Contexts(document).Any(c => Paths(c).Any())) return document;
        var named = document.Clone();
        foreach (var context in Contexts(named)) Files(context);
        return named;
    }

    // What sources of bytes may stand in, of every tls of a document.
    private static IEnumerable<ConfigObject> Contexts(ConfigObject document)
    {
        ConfigObject?[] roots = [document, document.Object("static_resources")];
        var listeners = roots.SelectMany(r => Objects(r, "listeners")).ToList();
        var owners = roots.SelectMany(r => Objects(r, "clusters")).Concat(listeners)
            .Concat(listeners.SelectMany(l => Objects(l, "filter_chains").Concat(Objects(l, "default_filter_chain"))));
        foreach (var secret in roots.SelectMany(r => Objects(r, "secrets")))
            foreach (string within in InSecrets)
                foreach (var part in Objects(secret, within))
                {
                    yield return part;
                    if (part.Object("acme") is { } acme) yield return acme;
                }
        foreach (var tls in owners.Select(o => o.Object("tls")).OfType<ConfigObject>())
            foreach (var holder in new[] { tls, tls.Object("common_tls_context") })
            {
                if (holder is null) continue;
                yield return holder;
                if (holder.Object("acme") is { } own) yield return own;
                foreach (string within in (string[])["validation_context", "certificates", "tls_certificates"])
                    foreach (var part in Objects(holder, within))
                    {
                        yield return part;
                        if (part.Object("acme") is { } acme) yield return acme;
                    }
            }
    }

    private static IEnumerable<string> Paths(ConfigObject owner)
        => Sources.Where(f => owner[f] is ConfigScalar { Kind: ConfigScalarKind.String });

    // One item may stand in place of a list.
    private static IEnumerable<ConfigObject> Objects(ConfigObject? owner, string list)
        => owner?[list] is ConfigObject one ? [one] : (owner?.Array(list) ?? []).OfType<ConfigObject>();

    private static ConfigObject Context(ConfigObject tls, ConfigErrors errors)
    {
        var context = new ConfigObject(tls.Origin);
        var common = tls.Object("common_tls_context") ?? new ConfigObject(tls.Origin);
        tls.Remove("common_tls_context");
        foreach (var (name, value) in tls.Members.ToList())
        {
            string full = Renamed.GetValueOrDefault(name, name);
            if (full == "acme") continue;
            if (full == "validation_context" && value is ConfigScalar { Kind: ConfigScalarKind.String })
                common.Set(full + "_sds_secret_config", new ConfigObject(value.Origin).Set("name", value));
            else if (OfCommon.Contains(full)) common.Set(full, value);
            else if (OfParameters.Contains(full)) Inside(common, "tls_params").Set(full, value);
            else if (OfValidation.Contains(full)) Inside(common, "validation_context").Set(full, value);
            else context.Set(full, value);
        }
        Files(common.Object("validation_context"));
        if (tls["acme"] is { } automatic) AddCertificate(common, automatic);
        if (common.Array("tls_certificates") is { } certificates)
            foreach (var certificate in certificates)
            {
                Files(certificate as ConfigObject);
                Files((certificate as ConfigObject)?.Object("acme"));
            }
        return context.Set("common_tls_context", common);
    }

    // acme: {…} is a certificate that is had by it, beside others if there are any.
    private static void AddCertificate(ConfigObject common, ConfigNode acme)
    {
        var all = new ConfigArray(acme.Origin);
        if (common["tls_certificates"] is ConfigArray given) foreach (var item in given) all.Add(item);
        else if (common["tls_certificates"] is { } one) all.Add(one);
        common.Set("tls_certificates", all.Add(new ConfigObject(acme.Origin).Set("acme", acme)));
    }

    private static ConfigObject Inside(ConfigObject owner, string field)
    {
        if (owner.Object(field) is { } there) return there;
        var made = new ConfigObject(owner.Origin);
        owner.Set(field, made);
        return made;
    }

    private static void Files(ConfigObject? owner)
    {
        if (owner is null) return;
        foreach (string field in Paths(owner).ToList())
            owner.Set(field, new ConfigObject(owner[field]!.Origin).Set("filename", owner[field]!));
    }
}
