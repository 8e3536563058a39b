using System.Collections.Frozen;

namespace Managed.Proxy.Configuration;

/// <summary>Members that walks over whole documents look for.</summary>
[Flags]
public enum ConfigMention
{
    None = 0,
    /// <summary><c>filename</c></summary>
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
    All = 63,
}

/// <summary>What is known of a tree that is not changed any more.</summary>
internal sealed record ConfigFacts(DocumentSize Size, ConfigMention Mentions)
{
    /// <summary>Those of smaller trees are not kept: to walk them costs as much.</summary>
    public const int MinNodes = 6;

    public static readonly ConfigFacts OfSmall = new(default, ConfigMention.All);

    private static readonly FrozenDictionary<string, ConfigMention> ByName = Names().ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>What a member of this name is, in either spelling.</summary>
    public static ConfigMention Of(string member) => ByName.GetValueOrDefault(member);

    private static IEnumerable<KeyValuePair<string, ConfigMention>> Names()
    {
        var single = new Dictionary<string, ConfigMention>(StringComparer.Ordinal)
        {
            ["filename"] = ConfigMention.Files, ["module"] = ConfigMention.Modules, ["sds_config"] = ConfigMention.SecretFiles,
            ["typed_per_filter_config"] = ConfigMention.RouteFilters, ["google_grpc"] = ConfigMention.GrpcTargets,
            ["eds_cluster_config"] = ConfigMention.SecretFiles,
        };
        foreach (var (name, _) in SensitiveFields.Names)
            single.Add(name, ConfigMention.Secrets);
        return single.Concat(single.Where(s => s.Key.Contains('_')).Select(s => KeyValuePair.Create(FieldName.Camel(s.Key), s.Value)));
    }
}
