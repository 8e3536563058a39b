using System.Collections.Frozen;

namespace Managed.Proxy.Configuration;

/// <summary>Members that walks over whole documents look for.</summary>
[Flags]
public enum ConfigMention
{
    None = 0,
    /// <summary><c>filename</c>, <c>assembly</c></summary>
    Files = 1,
    /// <summary><c>module</c></summary>
    Modules = 2,
    /// <summary><c>sds_config</c>, <c>eds_cluster_config</c></summary>
    SecretFiles = 4,
    /// <summary>Any of <see cref="SensitiveFields"/>.</summary>
    Secrets = 8,
    /// <summary><c>typed_per_filter_config</c></summary>
    RouteFilters = 16,
    /// <summary><c>google_grpc</c></summary>
    GrpcTargets = 32,
    /// <summary>What may name a secret of the document: <c>tls</c>, <c>transport_socket</c>, fields of filters.</summary>
    SecretNames = 64,
    All = 127,
}

/// <summary>What is known of a tree that is not changed any more.</summary>
internal sealed record ConfigFacts(DocumentSize Size, ConfigMention Mentions)
{
    // Of smaller trees the size is not kept: one record does for all that mention the same.
    private const int MinNodes = 6;

    private static readonly ConfigFacts[] OfSmall =
        [.. Enumerable.Range(0, (int)ConfigMention.All + 1).Select(m => new ConfigFacts(default, (ConfigMention)m))];

    private static readonly FrozenDictionary<string, ConfigMention> ByName = Names().ToFrozenDictionary(StringComparer.Ordinal);

    public bool HasSize => Size.Nodes > 0;

    public ConfigFacts Kept => Size.Nodes < MinNodes ? OfSmall[(int)Mentions] : this;

    /// <summary>What a member of this name is, in either spelling.</summary>
    public static ConfigMention Of(string member) => ByName.GetValueOrDefault(member);

    private static IEnumerable<KeyValuePair<string, ConfigMention>> Names()
    {
        var single = new Dictionary<string, ConfigMention>(StringComparer.Ordinal)
        {
            ["filename"] = ConfigMention.Files, ["module"] = ConfigMention.Modules, ["sds_config"] = ConfigMention.SecretFiles,
            ["typed_per_filter_config"] = ConfigMention.RouteFilters, ["google_grpc"] = ConfigMention.GrpcTargets,
            ["eds_cluster_config"] = ConfigMention.SecretFiles, ["assembly"] = ConfigMention.Files,
            ["tls"] = ConfigMention.SecretNames, ["transport_socket"] = ConfigMention.SecretNames,
            ["token_secret"] = ConfigMention.SecretNames, ["hmac_secret"] = ConfigMention.SecretNames,
            ["client_secret"] = ConfigMention.SecretNames, ["credential"] = ConfigMention.SecretNames,
        };
        foreach (var (name, _) in SensitiveFields.Names)
            single.Add(name, ConfigMention.Secrets);
        return single.Concat(single.Where(s => s.Key.Contains('_')).Select(s => KeyValuePair.Create(FieldName.Camel(s.Key), s.Value)));
    }
}
