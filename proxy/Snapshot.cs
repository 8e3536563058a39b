using Managed.Proxy.Configuration;
using Managed.Proxy.Upstream;

namespace Managed.Proxy;

/// <summary>
/// One built version: every reference resolved, routes compiled, filters built. Immutable but for the counts of who still uses it.
/// </summary>
public sealed partial class Snapshot
{
    internal Snapshot(long version, ConfigObject document, ConfigObject expanded, IReadOnlyDictionary<string, Cluster> clusters)
    {
        Version = version;
        Document = document;
        ExpandedDocument = expanded;
        Clusters = clusters;
    }

    /// <summary>The version's number.</summary>
    public long Version { get; }
    /// <summary>As submitted, short forms kept.</summary>
    public ConfigObject Document { get; }
    /// <summary>The long form, defaults left out.</summary>
    public ConfigObject ExpandedDocument { get; }
    public IReadOnlyDictionary<string, Cluster> Clusters { get; }
}
