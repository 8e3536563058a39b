using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Modules;

/// <summary>The digests a document names as <c>module: sha256:…</c>.</summary>
internal static class ModuleReferences
{
    public static IReadOnlyCollection<string> In(ConfigNode document)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        Walk(document, found);
        return found;
    }

    private static void Walk(ConfigNode node, HashSet<string> found)
    {
        if (node is ConfigArray array)
            foreach (var item in array)
                Walk(item, found);
        else if (node is ConfigObject o)
            foreach (var (name, value) in o.Members)
                if (name == "module" && value is ConfigScalar scalar && ModuleDigest.IsDigest(scalar.Text))
                    found.Add(scalar.Text);
                else
                    Walk(value, found);
    }
}
