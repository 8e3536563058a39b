using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Envoy;

/// <summary>
/// Envoy's bootstrap file (envoy.config.bootstrap.v3.Bootstrap) as a document of ours that means what the file means in Envoy. Whole files
/// go through here when they are handed in; the document that comes of one is like any other. docs/envoy.md says what becomes of what.
/// </summary>
public static class EnvoyBootstrap
{
    private const string Message = "Bootstrap";

    /// <summary>It has static_resources, or parts of a bootstrap file and none of a document.</summary>
    public static bool Is(ConfigObject document)
    {
        if (document.Has("static_resources"))
            return true;
        var own = RecordShape.Of(typeof(BootstrapConfig));
        // Of what both have, node and cluster_manager are in files without anything else that a document has.
        return document.Count > 0 && !own.Fields.Any(f => f.Name is not ("node" or "cluster_manager") && document.Has(f.Name))
            && document.Names.Any(n => FieldRules.Find(Message, n) is not null);
    }

    /// <summary>
    /// The document, or the one given when it is no bootstrap file. What was changed or left out stands in
    /// <see cref="ConfigObject.Notes"/>.
    /// </summary>
    /// <param name="document">Changed by the call.</param>
    /// <param name="configTypes">The record of a message name, from the extension catalogue; null where it knows none.</param>
    public static ConfigObject Take(ConfigObject document, Func<string, Type?> configTypes)
    {
        if (!Is(document))
            return document;
        var notes = new ConfigErrors();
        notes.AddNotes(document.Notes);
        Lift(document, notes);
        var form = new ProtoForm(notes, configTypes);
        form.Rules(document, Message, RecordShape.Of(typeof(BootstrapConfig)));
        form.Apply(document, typeof(BootstrapConfig));
        var known = RecordShape.Of(typeof(BootstrapConfig));
        var anchors = document.Members.Where(m => m.IsAnchored && !known.IsKnown(m.Key)).ToList();
        foreach (var unused in anchors)
            notes.Warning(document.NameOrigin(unused), ConfigCode.UnknownField,
                $"'{unused.Key}' is taken for a place of anchors and left out");
        document.RemoveAll(anchors.Select(m => m.Key).ToHashSet());
        EnvoyListeners.Take(document, notes, configTypes);
        foreach (var cluster in document.Array("clusters")?.OfType<ConfigObject>() ?? [])
            EnvoyClusters.Take(cluster, notes);
        UnusedClusters.Drop(document, notes);
        document.Notes = notes.Warnings;
        return document;
    }

    /// <summary>What is under static_resources comes to the root.</summary>
    private static void Lift(ConfigObject document, ConfigErrors notes)
    {
        if (!document.TryGet("static_resources", out var wrapped) || wrapped is not (ConfigObject or ConfigScalar { IsNull: true }))
            return;
        document.Remove("static_resources");
        foreach (var member in (wrapped as ConfigObject)?.Members ?? [])
            if (!document.TryAdd(member))
                document.Put(member with { Value = Joined(document[member.Key]!, member.Value) });
        if (document.Count == 0 || wrapped is not ConfigObject { Count: > 0 })
            notes.Warning(wrapped, ConfigCode.MissingField,
                "there is nothing in static_resources: no traffic is served until the API is given listeners");
    }

    private static ConfigArray Joined(ConfigNode first, ConfigNode second)
    {
        var all = new ConfigArray(first.Origin);
        foreach (var node in new[] { first, second })
            if (node is ConfigArray items)
                foreach (var item in items)
                    all.Add(item);
            else if (node is not ConfigScalar { IsNull: true })
                all.Add(node);
        return all;
    }
}
