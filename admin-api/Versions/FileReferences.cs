using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Versions;

/// <summary>
/// A place where a document names a file to read: <c>{filename: page.html}</c>, with the digest of its bytes once it is part of a version.
/// </summary>
/// <param name="Node">The data source.</param>
/// <param name="Holder">The field that it is the value of, such as <c>body</c>: what may be read as a script need not be fit to be
/// shown.</param>
/// <param name="Sha256">64 hexadecimal digits, the mark of a secret, or null.</param>
/// <param name="Watched">A version is made when the file changes.</param>
/// <param name="Sensitive">The sensitive field that it is in or below of.</param>
internal sealed record FileReference(ConfigObject Node, string Holder, string Filename, string? Sha256, bool Watched,
    (string Name, bool OnlyWithPrivateKey)? Sensitive)
{
    // What a user may fill freely; a member "filename" in there is his own.
    private static readonly HashSet<string> Free =
        ["metadata", "filter_metadata", "filter_context", "configuration", "key_values", "runtime", "labels", "json_format"];
    private static readonly HashSet<string> Fields = ["filename", "sha256", "watch", "watched_directory", "watchedDirectory"];

    public (string Holder, string Filename, string? Sha256) Key => (Holder, Filename, Sha256);

    public static IReadOnlyList<FileReference> In(ConfigNode? document)
    {
        var found = new List<FileReference>();
        if (document is not null)
            Walk(document, "", false, null, found);
        return found;
    }

    private static void Walk(ConfigNode node, string holder, bool watched, (string Name, bool OnlyWithPrivateKey)? sensitive,
        List<FileReference> found)
    {
        if (!node.MayMention(ConfigMention.Files))
            return;
        if (node is ConfigArray array)
            for (var i = 0; i < array.Count; i++)
                Walk(array[i], holder, watched, sensitive, found);
        else if (node is ConfigObject o)
        {
            // Of a source of bytes, or of the certificate or validation context that it is a part of.
            watched |= o["watched_directory"] is ConfigObject || o["watch"] is ConfigScalar { Text: "true" };
            if (o["filename"] is ConfigScalar { Kind: ConfigScalarKind.String } name && o.Members.All(m => Fields.Contains(m.Key)))
                found.Add(new(o, holder, name.Text, o["sha256"] is ConfigScalar { IsNull: false } digest ? digest.Text : null, watched,
                    sensitive));
            else
                for (var i = 0; i < o.Members.Count; i++)
                    if (o.Members[i] is var member && member.Value is not ConfigScalar && !Free.Contains(member.Key))
                        Walk(member.Value, member.Key, watched, sensitive ?? SensitiveFields.Of(member.Key), found);
        }
    }
}
