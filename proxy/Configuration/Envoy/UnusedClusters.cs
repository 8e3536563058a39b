using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.ShortForms;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Envoy;

/// <summary>
/// Clusters of a bootstrap file that carry no traffic: those of management servers, collectors and log services, which nothing here uses.
/// One that could not be served is left out with a warning instead of making the file fail.
/// </summary>
internal static class UnusedClusters
{
    // Letters looked at: hundreds of clusters in a document of megabytes. Beyond that they count as used.
    private const long MaxWork = 500_000_000;

    public static void Drop(ConfigObject document, ConfigErrors notes)
    {
        if (document.Array("clusters") is not { } clusters)
            return;
        List<string> texts = [];
        if (!Collect(document, texts))
            return;
        var length = texts.Sum(t => t.Length + 1L);
        var work = 0L;
        clusters.RemoveAll(node =>
        {
            if (work > MaxWork || node is not ConfigObject cluster || cluster.Text("name") is not { } name
                || WhatIsMissing(cluster) is not { } missing)
                return false;
            work += length;
            if (texts.Exists(t => t.Contains(name, StringComparison.Ordinal)))
                return false;
            notes.Warning(cluster, ConfigCode.UnsupportedField, $"the cluster '{name}' is left out: nothing uses it, and {missing}");
            return true;
        });
    }

    /// <summary>Null when it can be served, or is wrong in another way.</summary>
    private static string? WhatIsMissing(ConfigObject cluster)
    {
        var errors = new ConfigErrors();
        var copy = cluster.Clone();
        ClusterExpansion.Expand(copy, errors);
        ConfigBinder.Bind<ClusterConfig>(copy, errors);
        return errors.HasErrors && errors.Errors.All(e => e.Code == ConfigCode.UnsupportedField) ? errors.Errors[0].Detail : null;
    }

    /// <summary>
    /// All texts that may name a cluster, scripts included; false when a name may come from elsewhere: a request, a file, a module.
    /// </summary>
    private static bool Collect(ConfigObject document, List<string> texts)
    {
        foreach (var member in document.Members)
            if (member.Key != "clusters" && !Collect(member.Value, texts))
                return false;
        return true;
    }

    private static bool Collect(ConfigNode node, List<string> texts)
    {
        switch (node)
        {
            case ConfigScalar { Kind: ConfigScalarKind.String } text:
                texts.Add(text.Text);
                return true;
            case ConfigArray items:
                return items.All(i => Collect(i, texts));
            case ConfigObject o:
                var elsewhere = o.Has("cluster_header") || o.Has("vm_config") || o.Has("source_codes")
                    || o.Object("default_source_code")?.Has("inline_string") == false;
                return !elsewhere && o.Members.All(m => Collect(m.Value, texts));
            default:
                return true;
        }
    }
}
