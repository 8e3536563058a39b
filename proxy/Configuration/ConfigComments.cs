using System.Text;
using System.Text.Json;

namespace Managed.Proxy.Configuration;

/// <summary>
/// The comments of one text, by the places they belong to. A document is data and has none; they are kept beside it, and found by the
/// origins of its nodes, so that they go where the nodes go. Never changed once the text is read.
/// </summary>
public sealed class ConfigComments
{
    /// <summary>UTF-16 characters that are kept of one text; what is beyond is left out.</summary>
    public const int MaxChars = 1 << 20;

    private readonly Dictionary<ConfigPath, NodeComments> _byPlace = new(ConfigPath.ByPlace);
    private int _chars;

    public int Count => _byPlace.Count;

    /// <summary>Some did not fit.</summary>
    public bool IsCut { get; private set; }

    internal NodeComments? At(ConfigPath path) => _byPlace.GetValueOrDefault(path);

    internal void Add(ConfigPath path, NodeComments comments)
    {
        if (_chars + comments.Length > MaxChars)
            IsCut = true;
        else if (_byPlace.TryAdd(path, comments))
            _chars += comments.Length;
    }

    internal static NodeComments? Of(ConfigNode node) => node.Source.Comments?.At(node.Origin.Path);

    /// <summary>Of a document that was put together from others, by the places in it; null where there are none.</summary>
    /// <param name="document">Its nodes bring what stands beside them.</param>
    /// <param name="former">
    /// The document before: what is edited in a form that has no comments keeps those of its place.
    /// </param>
    public static ConfigComments? Carried(ConfigObject document, ConfigObject? former) => CommentCarry.Of(document, former);

    /// <summary>Whether two documents say the same beside the same places.</summary>
    public static bool Same(ConfigComments? a, ConfigComments? b) => (a?.Count ?? 0) == (b?.Count ?? 0)
        && (a is null || b is null || ReferenceEquals(a, b) || a._byPlace.All(c => c.Value.SaysTheSame(b.At(c.Key))));

    /// <summary>What stands beside the places within a node, for digests and comparisons; empty where nothing does.</summary>
    public static string Within(ConfigNode node)
    {
        if (node.Source.Comments is null && node.Source != ConfigSource.None)
            return ""; // whatever is below it came with it
        var text = new StringBuilder();
        Collect(node, ConfigPath.Root, text);
        return text.ToString();
    }

    private static void Collect(ConfigNode node, ConfigPath path, StringBuilder text)
    {
        if (Of(node) is { } comments)
        {
            text.Append(path.ToString()).Append('\n');
            foreach (var line in comments.Before)
                text.Append('<').Append(line).Append('\n');
            text.Append('=').Append(comments.End).Append('\n');
            foreach (var line in comments.After)
                text.Append('>').Append(line).Append('\n');
        }
        if (node is ConfigObject o)
            for (var i = 0; i < o.Members.Count; i++)
                Collect(o.Members[i].Value, path.Child(o.Members[i].Key), text);
        else if (node is ConfigArray a)
            for (var i = 0; i < a.Count; i++)
                Collect(a[i], path.Child(i), text);
    }

    /// <summary>UTF-8 JSON: each pointer with what stands before, at the end of the line and after.</summary>
    public byte[] ToJson()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            foreach (var (path, comments) in _byPlace)
            {
                json.WriteStartArray(path.ToString());
                json.WriteStringValue(string.Join('\n', comments.Before));
                json.WriteStringValue(comments.End ?? "");
                json.WriteStringValue(string.Join('\n', comments.After));
                json.WriteEndArray();
            }
            json.WriteEndObject();
        }
        return buffer.ToArray();
    }

    /// <summary>Gives a document its comments back. Those whose place it does not have are left out.</summary>
    /// <param name="document">The root, alone in its source.</param>
    /// <param name="json">See <see cref="ToJson"/>.</param>
    /// <exception cref="JsonException">The bytes are something else.</exception>
    public static void Attach(ConfigObject document, ReadOnlySpan<byte> json)
    {
        var comments = new ConfigComments();
        var reader = new Utf8JsonReader(json);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var pointer = reader.GetString()!;
            reader.Read();
            var (before, end, after) = (Next(ref reader), Next(ref reader), Next(ref reader));
            reader.Read();
            if (document.Find(pointer) is { } node)
                comments.Add(node.Origin.Path, new(Lines(before), end.Length == 0 ? null : end, Lines(after)));
        }
        (document.Source.TakesComments, document.Source.Comments) = (true, comments.Count == 0 ? null : comments);
    }

    private static string Next(ref Utf8JsonReader reader) => reader.Read() && reader.TokenType == JsonTokenType.String
        ? reader.GetString()! : throw new JsonException("a comment is three texts");

    private static string[] Lines(string text) => text.Length == 0 ? [] : text.Split('\n');
}
