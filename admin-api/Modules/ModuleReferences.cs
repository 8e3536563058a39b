using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Modules;

/// <summary>The places where a document names stored modules: <c>module: NAME</c> and <c>module: sha256:…</c>.</summary>
internal static class ModuleReferences
{
    // What a user may fill freely; a member "module" in there is his own.
    private static readonly HashSet<string> Free =
        ["metadata", "filter_metadata", "filter_context", "configuration", "key_values", "runtime", "labels"];

    /// <summary>The digests in it.</summary>
    public static IReadOnlyCollection<string> In(ConfigNode document)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        Walk(document, (_, scalar) =>
        {
            if (ModuleDigest.IsDigest(scalar.Text))
                found.Add(scalar.Text);
        });
        return found;
    }

    /// <summary>
    /// The document with each name replaced by the digest it stands for now, so that the version means the same code for ever. A name
    /// that stands for nothing stays, for the builder to report.
    /// </summary>
    public static ConfigObject Pin(ConfigObject document, ModuleSource modules)
    {
        var names = false;
        Walk(document, (_, scalar) => names |= !ModuleDigest.IsDigest(scalar.Text));
        if (!names)
            return document;
        var pinned = document.Clone();
        Walk(pinned, (parent, scalar) =>
        {
            if (!ModuleDigest.IsDigest(scalar.Text) && modules.Find(scalar.Text) is { } module)
                parent.Set("module", ConfigScalar.String(module.Digest, scalar.Origin));
        });
        return pinned;
    }

    private static void Walk(ConfigNode node, Action<ConfigObject, ConfigScalar> visit)
    {
        if (!node.MayMention(ConfigMention.Modules))
            return;
        if (node is ConfigArray array)
            for (var i = 0; i < array.Count; i++)
                Walk(array[i], visit);
        else if (node is ConfigObject o)
            for (var i = 0; i < o.Members.Count; i++) // by number, since the visitor may set what it visits
                if (o.Members[i] is var member && member.Key == "module"
                    && member.Value is ConfigScalar { Kind: ConfigScalarKind.String } scalar)
                    visit(o, scalar);
                else if (member.Value is not ConfigScalar && !Free.Contains(member.Key))
                    Walk(member.Value, visit);
    }
}
