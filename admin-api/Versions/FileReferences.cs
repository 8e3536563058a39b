using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Versions;

/// <summary>
/// A place where a document names a file to read: <c>{filename: page.html}</c>, with the digest of its bytes once it is part of a version.
/// </summary>
/// <param name="Node">The data source.</param>
/// <param name="Holder">The field that it is the value of, such as <c>body</c>: what may be read as a script need not be fit to be
/// shown.</param>
/// <param name="Sha256">64 hexadecimal digits, the mark of a secret, or null.</param>
/// <param name="Sensitive">The sensitive field that it is in or below of.</param>
internal sealed record FileReference(ConfigObject Node, string Holder, string Filename, string? Sha256,
    (string Name, bool OnlyWithPrivateKey)? Sensitive)
{
    // What a user may fill freely; a member "filename" in there is his own.
    private static readonly HashSet<string> Free =
        ["metadata", "filter_metadata", "filter_context", "configuration", "key_values", "runtime", "labels", "json_format"];
    private static readonly HashSet<string> Fields = ["filename", "sha256", "watch", "watched_directory"];

    public (string Holder, string Filename, string? Sha256) Key => (Holder, Filename, Sha256);
    public bool Watched => Node["watch"] is ConfigScalar { Text: "true" };

    public static IReadOnlyList<FileReference> In(ConfigNode? document)
    {
        var found = new List<FileReference>();
        if (document is not null)
            Walk(document, "", null, found);
        return found;
    }

    private static void Walk(ConfigNode node, string holder, (string Name, bool OnlyWithPrivateKey)? sensitive, List<FileReference> found)
    {
        if (node is ConfigArray array)
            for (var i = 0; i < array.Count; i++)
                Walk(array[i], holder, sensitive, found);
        else if (node is ConfigObject o)
        {
            if (o["filename"] is ConfigScalar { Kind: ConfigScalarKind.String } name && o.Members.All(m => Fields.Contains(m.Key)))
                found.Add(new(o, holder, name.Text, o["sha256"] is ConfigScalar { IsNull: false } digest ? digest.Text : null, sensitive));
            else
                for (var i = 0; i < o.Members.Count; i++)
                    if (o.Members[i] is var member && member.Value is not ConfigScalar && !Free.Contains(member.Key))
                        Walk(member.Value, member.Key, sensitive ?? SensitiveFields.Of(member.Key), found);
        }
    }
}
