using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>
/// Puts what a TLS context names of the document's secrets, or of a file, into it: behind this the context is as if all had stood in it.
/// Values stay the marks that they are.
/// <code>
/// tls_certificates: [NAME]                    the certificate
/// tls_certificate_sds_secret_configs          behind tls_certificates
/// validation_context_sds_secret_config        validation_context
/// combined_validation_context                 validation_context: the default one with what the secret gives over it, lists joined
/// session_ticket_keys_sds_secret_config       session_ticket_keys
/// token_secret, hmac_secret … of HTTP filters generic_secret in them
/// </code>
/// </summary>
internal sealed class SecretExpansion(ConfigObject root, ConfigErrors errors)
{
    // Fields of HTTP filters that name a generic secret.
    private static readonly HashSet<string> OfFilters =
        ["token_secret", "hmac_secret", "client_secret", "credential", "tokenSecret", "hmacSecret", "clientSecret"];
    private static readonly HashSet<string> WithSecrets = ["envoy.extensions.filters.http.oauth2.v3.OAuth2",
        "envoy.extensions.filters.http.credential_injector.v3.CredentialInjector"];

    private readonly Dictionary<string, ConfigObject> _secrets = ByName(root);

    public void Expand()
    {
        foreach (var secret in ShortForm.Items(root, "secrets"))
            if (!secret.IsSealed) TlsExpansion.NameFilesOf(secret);
        foreach (string place in (string[])["listeners", "route_configurations", "extension_configs"])
            if (root[place] is { } nodes) Filters(nodes);
        foreach (var listener in ShortForm.Items(root, "listeners"))
        {
            foreach (var chain in ShortForm.Items(listener, "filter_chains")) Socket(chain);
            if (listener.Object("default_filter_chain") is { } fallback) Socket(fallback);
        }
        foreach (var cluster in ShortForm.Items(root, "clusters")) Socket(cluster);
    }

    private static Dictionary<string, ConfigObject> ByName(ConfigObject root)
    {
        var all = new Dictionary<string, ConfigObject>(StringComparer.Ordinal);
        foreach (var secret in ShortForm.Items(root, "secrets"))
            if (secret.Text("name") is { } name) all.TryAdd(name, secret);
        return all;
    }

    // Wherever such a filter is configured, in a chain or for a route.
    private void Filters(ConfigNode node, bool within = false)
    {
        if (node.IsSealed) return; // made before, with its secrets
        if (node is ConfigArray items)
            foreach (var item in items) Filters(item, within);
        if (node is not ConfigObject owner) return;
        within |= owner.Text("@type") is { } type && WithSecrets.Contains(ExtensionNames.Bare(type));
        for (int i = 0; i < owner.Members.Count; i++)
        {
            var (name, value) = owner.Members[i];
            if (within && value is ConfigObject reference && OfFilters.Contains(name) && reference.Has("name")
                && reference["typed_config"] is null)
            {
                if (!reference.Has("generic_secret") && Named(reference, "generic_secret") is { } secret)
                    reference.Set("generic_secret", secret);
            }
            else if (value is not ConfigScalar) Filters(value, within);
        }
    }

    private void Socket(ConfigObject owner)
    {
        if (owner.Object("transport_socket")?.Object("typed_config") is not { } context) return;
        Socket(context); // one may stand inside of another
        if (context.Object("common_tls_context") is { } common)
        {
            Certificates(common);
            Validation(common);
        }
        if (context["session_ticket_keys_sds_secret_config"] is { } keys && !context.Has("session_ticket_keys")
            && Named(keys, "session_ticket_keys") is { } given)
        {
            context.Remove("session_ticket_keys_sds_secret_config");
            context.Set("session_ticket_keys", given);
        }
    }

    private void Certificates(ConfigObject common)
    {
        if (common["tls_certificates"] is ConfigScalar { Kind: ConfigScalarKind.String } only)
            common.Set("tls_certificates", new ConfigArray(only.Origin).Add(only));
        if (common["tls_certificates"] is ConfigArray given && given.OfType<ConfigScalar>().Any(IsName)) NamedInList(common, given);
        var named = common["tls_certificate_sds_secret_configs"];
        if (named is null or ConfigScalar) return;
        var all = common.Array("tls_certificates") ?? new ConfigArray(named.Origin);
        bool whole = true;
        foreach (var reference in named is ConfigArray list ? list : new ConfigArray().Add(named))
            if (Named(reference, "tls_certificate") is { } certificate) all.Add(certificate);
            else whole = false;
        if (!whole && all.Count == 0) return; // the errors are said, and that there is none would be another
        common.Remove("tls_certificate_sds_secret_configs");
        common.Set("tls_certificates", all);
    }

    private static bool IsName(ConfigScalar item) => item.Kind == ConfigScalarKind.String;

    // A name that is no secret's stays as the reference that it is: the error is said, and another for a text in place of an object would
    // be of the same cause.
    private void NamedInList(ConfigObject common, ConfigArray given)
    {
        var found = new ConfigArray(given.Origin);
        foreach (var item in given)
        {
            if (item is not ConfigScalar name || !IsName(name))
            {
                found.Add(item);
                continue;
            }
            if (_secrets.TryGetValue(name.Text, out var known) && known["tls_certificate"] is ConfigObject { IsSealed: true } made)
            {
                found.Add(made); // as the version before has it
                continue;
            }
            var reference = new ConfigObject(name.Origin).Set("name", name);
            if (Named(reference, "tls_certificate") is { } certificate) found.Add(certificate);
            else if (!common.Has("tls_certificate_sds_secret_configs"))
                common.Set("tls_certificate_sds_secret_configs", new ConfigArray(name.Origin).Add(reference));
            else common.Array("tls_certificate_sds_secret_configs")?.Add(reference);
        }
        common.Set("tls_certificates", found);
    }

    private void Validation(ConfigObject common)
    {
        bool given = common.Has("validation_context");
        if (common["validation_context_sds_secret_config"] is { } named && !given && !common.Has("combined_validation_context")
            && Named(named, "validation_context") is { } context)
        {
            common.Remove("validation_context_sds_secret_config");
            common.Set("validation_context", context);
        }
        if (common.Object("combined_validation_context") is { } combined && !given && !common.Has("validation_context_sds_secret_config")
            && ConfigBinder.Bind<CombinedValidationContextConfig>(combined, errors) is not null
            && Named(combined["validation_context_sds_secret_config"]!, "validation_context") is { } over)
        {
            common.Remove("combined_validation_context");
            common.Set("validation_context", Merged(combined.Object("default_validation_context")!, over));
        }
    }

    // As protobuf merges messages: what is set in the second counts, lists are joined.
    private static ConfigObject Merged(ConfigObject first, ConfigObject second)
    {
        var merged = first.Clone();
        foreach (var (name, value) in second.Clone().Members)
        {
            string field = RecordShape.Of(typeof(CertificateValidationContextConfig)).Fields
                .FirstOrDefault(f => f.Name == name || FieldName.Camel(f.Name) == name)?.Name ?? name;
            if (merged[field] is ConfigArray items && value is ConfigArray more)
                foreach (var item in more) items.Add(item);
            else merged.Set(field, value);
        }
        return merged;
    }

    private ConfigObject? Named(ConfigNode reference, string type)
    {
        if (ConfigBinder.Bind<SdsSecretConfig>(reference, errors) is not { } config) return null;
        if (config.SdsConfig is not { } source) return Find(((ConfigObject)reference)["name"]!, config.Name, type);
        return FromFile(source, config.Name) is not { } secret ? null
            : Of(secret, type, reference, $"the file {source.PathConfigSource?.Path ?? source.Path}", config.Name);
    }

    private ConfigObject? Find(ConfigNode at, string name, string type)
    {
        if (_secrets.TryGetValue(name, out var secret)) return Of(secret, type, at, "the document", name);
        errors.Error(at, ConfigCode.UnknownReference, $"there is no secret '{name}'",
            Suggestions.Hint(name, _secrets.Keys) ?? "put it under secrets");
        return null;
    }

    private ConfigObject? Of(ConfigObject secret, string type, ConfigNode at, string where, string name)
    {
        if (secret[type] is ConfigObject value) return value.IsSealed ? value : value.Clone();
        errors.Error(at, ConfigCode.InvalidValue, $"secret '{name}' of {where} is no {type}");
        return null;
    }

    // Whoever makes versions has read it, and keeps what it said with the version.
    private ConfigObject? FromFile(SdsSourceConfig source, string name)
    {
        if (source.PathConfigSource?.Pinned is { } pinned) return pinned;
        string path = source.PathConfigSource?.Path ?? source.Path!;
        if (errors.Host.Unreadable.TryGetValue(path, out var why))
            errors.Error(source.Node, why.Code, $"file '{path}' {why.Why}");
        else
            errors.Error(source.Node, ConfigCode.UnknownReference, $"what file '{path}' says of secret '{name}' is not known here",
                "only a running node reads it: POST /api/v1/config/validate checks this");
        return null;
    }
}
