using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Versions;

/// <summary>
/// A place where a document names a file to read: <c>{filename: page.html}</c>, or a filter in C# of the plug-in folder
/// (<c>{assembly: Greeting}</c>), with the digest of its bytes once it is part of a version.
/// </summary>
/// <param name="Node">The data source, or the filter's configuration.</param>
/// <param name="Holder">The field that it is the value of, such as <c>body</c>: what may be read as a script need not be fit to be
/// shown. Of a plug-in <see cref="PlugIn"/>.</param>
/// <param name="Filename">Path of the file; of a plug-in its name within the plug-in folder.</param>
/// <param name="Sha256">64 hexadecimal digits, the mark of a secret, or null.</param>
/// <param name="Watched">A version is made when the file changes.</param>
/// <param name="Sensitive">The sensitive field that it is in or below of.</param>
internal sealed record FileReference(ConfigObject Node, string Holder, string Filename, string? Sha256, bool Watched,
    (string Name, bool OnlyWithPrivateKey)? Sensitive)
{
    // What a user may fill freely; a member "filename" in there is his own.
    private static readonly HashSet<string> Free =
        ["metadata", "filter_metadata", "filter_context", "configuration", "key_values", "runtime", "labels", "json_format"];
    private static readonly HashSet<string> Fields = ["filename", "sha256", "sha_256", "watch", "watched_directory", "watchedDirectory"];
    private static readonly HashSet<string> PlugInFields = ["@type", "name", "assembly", "sha256", "sha_256", "watch", "type",
        "configuration", "failure_policy", "failurePolicy", "limits"];

    public const string PlugIn = "assembly";

    public (string Holder, string Filename, string? Sha256) Key => (Holder, Filename, Sha256);

    public bool IsPlugIn => Holder == PlugIn;

    /// <summary>Where the name of the file stands.</summary>
    public ConfigNode Name => Node[IsPlugIn ? PlugIn : "filename"]!;

    /// <summary>
    /// Whether a version has the bytes of the files that it names. Those of plug-ins were not kept by earlier programs, and are read from
    /// their folder then.
    /// </summary>
    public static bool AreKept(ConfigNode document) => !In(document).Any(r => r is { Sha256: null, IsPlugIn: false });

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
                found.Add(new(o, holder, name.Text, DigestIn(o), watched, sensitive));
            else if (o[PlugIn] is ConfigScalar { Kind: ConfigScalarKind.String } assembly && IsNative(o, holder))
                found.Add(new(o, PlugIn, assembly.Text, DigestIn(o), o["watch"] is ConfigScalar { Text: "true" }, null));
            else
                for (var i = 0; i < o.Members.Count; i++)
                    if (o.Members[i] is var member && member.Value is not ConfigScalar && !Free.Contains(member.Key))
                        Walk(member.Value, member.Key, watched, sensitive ?? SensitiveFields.Of(member.Key), found);
        }
    }

    private static string? DigestIn(ConfigObject o)
        => (o["sha256"] ?? o["sha_256"]) is ConfigScalar { IsNull: false } digest ? digest.Text : null;

    /// <summary>Writes the digest of its bytes beside its name; null: there is none any more.</summary>
    public void SetDigest(string? digest)
    {
        Node.Remove("sha_256"); // the other spelling of the same field
        if (digest is null)
            Node.Remove("sha256");
        else
            Node.Set("sha256", ConfigScalar.String(digest, Name.Origin));
    }

    // Somebody's own values may look like it: they are below no typed_config, and have no type of ours.
    private static bool IsNative(ConfigObject o, string holder)
        => o.Members.All(m => PlugInFields.Contains(m.Key))
        && (o.Text("@type") is { } type ? type.Contains("native", StringComparison.OrdinalIgnoreCase) : holder is not "value");
}
