namespace Managed.Proxy.Configuration;

/// <summary>
/// The fields that are marked with <see cref="Validation.SensitiveAttribute"/>, by their names, so that they are found in every form a
/// document may have: short or long, in a bootstrap, in a piece of a document, with mistakes in it.
/// </summary>
public static class SensitiveFields
{
    private static readonly string[] Always = ["private_key", "pkcs12", "password", "session_ticket_keys", "generic_secret", "local_jwks",
        "users", "credentials", "hmac_key"];
    private static readonly string[] WithPrivateKey = ["certificate_chain", "trusted_ca", "crl"];

    // Members of a source of bytes that say where the value is; they are not the value.
    private static readonly HashSet<string> Places = new(StringComparer.Ordinal)
    {
        "filename", "environment_variable", "environmentVariable", "module", "sha256", "sha_256", "watch",
        "watched_directory", "watchedDirectory", "@type", "name",
        "client", // whose a key is, which goes to upstreams: no mark may stand there
    };

    private static readonly string[] Secrets = ["token_secret", "tokenSecret", "hmac_secret", "hmacSecret"];

    // What a user may fill freely: no field of ours is below these.
    private static readonly HashSet<string> Free =
    [
        "metadata", "filter_metadata", "filter_context", "configuration", "key_values", "runtime", "labels", "json_format",
        "filterMetadata", "filterContext", "keyValues", "jsonFormat",
    ];

    private static readonly Dictionary<string, Holder> ByName = All();

    /// <summary>The snake_case names with whether each is sensitive only where a private key stands in it.</summary>
    public static IEnumerable<(string Name, bool OnlyWithPrivateKey)> Names =>
        ByName.Values.Distinct().Select(h => (h.Name, h.OnlyWithPrivateKey));

    /// <summary>The sensitive field that a member of this name is, in either spelling; null when it is none.</summary>
    public static (string Name, bool OnlyWithPrivateKey)? Of(string member) =>
        ByName.TryGetValue(member, out var holder) ? (holder.Name, holder.OnlyWithPrivateKey) : null;

    /// <summary>Whether bytes are PEM with a private key in it, of whatever kind and however protected.</summary>
    public static bool HoldsPrivateKey(ReadOnlySpan<byte> content) => content.IndexOf("PRIVATE KEY-----"u8) >= 0;

    /// <summary>
    /// The document with each sensitive value replaced; itself where there is none. What has no value below it is shared with the given
    /// one.
    /// </summary>
    /// <param name="document">Stays as it is.</param>
    /// <param name="replace">
    /// Gives another scalar for one (a value, or a mark), or the same; told the sensitive field's snake_case name.
    /// </param>
    public static ConfigObject Replace(ConfigObject document, Func<string, ConfigScalar, ConfigScalar> replace) =>
        (ConfigObject)Walk(document, null, replace);

    private static ConfigNode Walk(ConfigNode node, Holder? holder, Func<string, ConfigScalar, ConfigScalar> replace)
    {
        if (holder is null && !node.MayMention(ConfigMention.Secrets)) return node;
        switch (node)
        {
            case ConfigScalar scalar:
                return holder is null || scalar.IsNull || scalar.Text.Length == 0 || (holder.OnlyWithPrivateKey
                    && !HoldsPrivateKey(scalar) && SecretMark.DigestOf(scalar.Text) is null) ? scalar : replace(holder.Name, scalar);
            case ConfigArray array:
                ConfigArray? items = null;
                for (int i = 0; i < array.Count; i++)
                {
                    var item = Walk(array[i], holder, replace);
                    if (!ReferenceEquals(item, array[i])) (items ??= Copy(array))[i] = item;
                }
                return items ?? array;
            default:
                return Members((ConfigObject)node, holder, replace);
        }
    }

    private static ConfigObject Members(ConfigObject from, Holder? holder, Func<string, ConfigScalar, ConfigScalar> replace)
    {
        ConfigObject? to = null;
        for (int i = 0; i < from.Members.Count; i++)
        {
            var (name, value) = from.Members[i];
            if (holder is null ? value is ConfigScalar && !ByName.ContainsKey(name) || Free.Contains(name)
                : Places.Contains(name) && !(value is ConfigScalar pasted && HoldsPrivateKey(pasted)))
                continue;
            var changed = Walk(value, holder ?? HolderOf(name, value), replace);
            if (ReferenceEquals(changed, value)) continue;
            to ??= Copy(from);
            to.Put(from.Members[i] with { Value = changed });
        }
        return to ?? from;
    }

    // The credentials of oauth2 are names of secrets, which stand elsewhere; those of api_key_auth are keys.
    private static Holder? HolderOf(string name, ConfigNode value)
        => value is ConfigObject named && named["key"] is null && Secrets.Any(s => named[s] is ConfigObject) ? null
            : ByName.GetValueOrDefault(name);

    private static ConfigArray Copy(ConfigArray array)
    {
        var copy = new ConfigArray(array.Origin);
        foreach (var item in array) copy.Add(item);
        return copy;
    }

    private static ConfigObject Copy(ConfigObject o)
    {
        var copy = new ConfigObject(o.Origin) { Notes = o.Notes };
        foreach (var member in o.Members) copy.TryAdd(member);
        return copy;
    }

    // In base64 the words stand at one of three shifts; whoever decodes it can tell.
    private static bool HoldsPrivateKey(ConfigScalar scalar)
    {
        if (scalar.Text.Contains("PRIVATE KEY-----", StringComparison.Ordinal)) return true;
        if (scalar.Text.StartsWith('-')) return false; // PEM as it is, which base64 cannot be
        byte[] buffer = new byte[scalar.Text.Length * 3 / 4 + 3];
        return scalar.Text.Length > 32 && Convert.TryFromBase64String(scalar.Text, buffer, out int written)
            && HoldsPrivateKey(buffer.AsSpan(0, written));
    }

    private static Dictionary<string, Holder> All()
    {
        var all = new Dictionary<string, Holder>(StringComparer.Ordinal);
        foreach (var holder in Always.Select(n => new Holder(n, false)).Concat(WithPrivateKey.Select(n => new Holder(n, true))))
        {
            all[holder.Name] = holder;
            all[FieldName.Camel(holder.Name)] = holder;
        }
        return all;
    }

    private sealed record Holder(string Name, bool OnlyWithPrivateKey);
}
