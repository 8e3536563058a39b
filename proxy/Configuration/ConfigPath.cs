using System.Globalization;
using System.Text;

namespace Managed.Proxy.Configuration;

/// <summary>The place of a node inside its source; prints as an RFC 6901 section 6 pointer in URI fragment form, <c>#/listeners/0/name</c>.
/// Linked towards the root, so a node costs one small object and the text is made only for an error.</summary>
public sealed class ConfigPath
{
    public static readonly ConfigPath Root = new(null, "");

    /// <summary>Compares places and not instances.</summary>
    internal static readonly IEqualityComparer<ConfigPath> ByPlace = EqualityComparer<ConfigPath>.Create(SamePlace, p => p.PlaceHash());

    private readonly ConfigPath? _parent;
    private readonly string? _name;
    private readonly int _index;

    private ConfigPath(ConfigPath? parent, string? name, int index = 0) => (_parent, _name, _index) = (parent, name, index);

    public ConfigPath Child(string name) => new(this, name);

    public ConfigPath Child(int index) => new(this, null, index);

    /// <summary>From this place outwards: the name of each member, null for an item.</summary>
    internal IEnumerable<string?> Names()
    {
        for (var path = this; path._parent is not null; path = path._parent)
            yield return path._name;
    }

    public override string ToString()
    {
        var segments = new Stack<string>();
        for (var path = this; path._parent is not null; path = path._parent)
            segments.Push(path._name ?? path._index.ToString(CultureInfo.InvariantCulture));
        var text = new StringBuilder("#");
        foreach (var segment in segments)
            AppendSegment(text.Append('/'), segment);
        return text.ToString();
    }

    /// <summary>Splits a pointer (<c>#/a/0</c> or <c>/a/0</c>) into its unescaped segments; null when it is not a pointer.</summary>
    public static string[]? Split(string pointer)
    {
        var text = pointer.StartsWith('#') ? Uri.UnescapeDataString(pointer[1..]) : pointer;
        if (text.Length == 0)
            return [];
        if (text[0] != '/')
            return null;
        return [.. text[1..].Split('/').Select(s => s.Replace("~1", "/", StringComparison.Ordinal)
            .Replace("~0", "~", StringComparison.Ordinal))];
    }

    private static bool SamePlace(ConfigPath? a, ConfigPath? b)
    {
        for (; !ReferenceEquals(a, b); (a, b) = (a._parent, b._parent))
            if (a?._parent is null || b?._parent is null || a._index != b._index || a._name != b._name)
                return a?._parent is null && b?._parent is null && a is not null && b is not null;
        return true;
    }

    private int PlaceHash()
    {
        var hash = new HashCode();
        for (var path = this; path._parent is not null; path = path._parent)
        {
            hash.Add(path._index);
            hash.Add(path._name);
        }
        return hash.ToHashCode();
    }

    private static void AppendSegment(StringBuilder text, string segment)
    {
        foreach (var rune in segment.EnumerateRunes())
        {
            if (rune.Value == '~')
                text.Append("~0");
            else if (rune.Value == '/')
                text.Append("~1");
            else if (rune.IsAscii && (char.IsAsciiLetterOrDigit((char)rune.Value) || "-._!$&'()*+,;=:@?".Contains((char)rune.Value)))
                text.Append((char)rune.Value); // RFC 3986 section 3.5: the characters a fragment may hold as they are
            else
                text.Append(Uri.EscapeDataString(rune.ToString()));
        }
    }
}
