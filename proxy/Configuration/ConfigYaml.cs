using System.Globalization;
using System.Text;

namespace Managed.Proxy.Configuration;

/// <summary>Writes a node tree as block-style YAML 1.2. A string that a reader could take for something else is quoted as JSON does, which
/// YAML reads alike; texts of several lines become literal blocks, so that scripts stay readable.</summary>
internal sealed class ConfigYaml
{
    private readonly StringBuilder _text = new();
    private readonly HashSet<NodeComments> _said = new(ReferenceEqualityComparer.Instance); // what a node expands into has its place, too

    /// <summary>With the comments that belong to the places of its nodes.</summary>
    public static string Write(ConfigNode node)
    {
        var writer = new ConfigYaml();
        writer.Document(node);
        return writer._text.ToString();
    }

    private void Document(ConfigNode node)
    {
        var comments = CommentsOf(node);
        Lines(comments?.Before, 0);
        if (node is ConfigObject { Count: > 0 } or ConfigArray { Count: > 0 })
        {
            if (comments?.End is { } end)
                Lines([end], 0);
            WriteBlock(node, 0);
        }
        else
        {
            WriteInline(_text, node);
            EndLine(comments);
        }
        Lines(comments?.After, 0);
    }

    private NodeComments? CommentsOf(ConfigNode node) => ConfigComments.Of(node) is { } comments && _said.Add(comments) ? comments : null;

    /// <summary>The cursor stands at the beginning of a line, and does so again.</summary>
    private void Lines(IReadOnlyList<string>? lines, int indent)
    {
        foreach (var line in lines ?? [])
        {
            if (line.Length > 0)
                _text.Append(' ', indent).Append(line);
            _text.Append('\n');
        }
    }

    private void EndLine(NodeComments? comments)
    {
        if (comments?.End is { } end)
            _text.Append(' ').Append(end);
        _text.Append('\n');
    }

    /// <summary>
    /// A non-empty object or array; the cursor stands at the beginning of its first line, or in it where <paramref name="begun"/>.
    /// </summary>
    /// <param name="first">Of the first member or item, written already above what has begun.</param>
    private void WriteBlock(ConfigNode node, int indent, bool begun = false, NodeComments? first = null)
    {
        if (node is ConfigObject o)
            foreach (var (name, value) in o.Members)
            {
                var comments = begun ? first : CommentsOf(value);
                if (!begun)
                    Lines(comments?.Before, indent);
                _text.Append(' ', begun ? 0 : indent).Append(Key(name)).Append(':');
                begun = false;
                WriteMember(value, indent, comments);
                Lines(comments?.After, indent);
            }
        else
            foreach (var item in (ConfigArray)node)
            {
                var comments = begun ? first : CommentsOf(item);
                if (!begun)
                    Lines(comments?.Before, indent);
                WriteItem(item, indent, begun, comments);
                begun = false;
                Lines(comments?.After, indent);
            }
    }

    private void WriteItem(ConfigNode item, int indent, bool begun, NodeComments? comments)
    {
        if (item is not (ConfigObject { Count: > 0 } or ConfigArray { Count: > 0 }))
        {
            _text.Append(' ', begun ? 0 : indent).Append("- ");
            WriteScalarLine(item, indent + 2, comments);
            return;
        }
        // What stands above its first line stands above the dash.
        if (!begun && comments?.End is { } end)
            Lines([end], indent);
        var first = CommentsOf(item is ConfigObject o ? o.Members[0].Value : ((ConfigArray)item)[0]);
        if (!begun)
            Lines(first?.Before, indent);
        _text.Append(' ', begun ? 0 : indent).Append("- ");
        WriteBlock(item, indent + 2, begun: true, first);
    }

    private void WriteMember(ConfigNode value, int indent, NodeComments? comments)
    {
        if (value is ConfigObject { Count: > 0 })
        {
            EndLine(comments);
            WriteBlock(value, indent + 2);
        }
        else if (value is ConfigArray { Count: > 0 })
        {
            EndLine(comments);
            WriteBlock(value, indent); // items align with their key, as Envoy's own examples do
        }
        else
        {
            _text.Append(' ');
            WriteScalarLine(value, indent + 2, comments);
        }
    }

    private void WriteScalarLine(ConfigNode node, int blockIndent, NodeComments? comments)
    {
        if (node is ConfigScalar { Kind: ConfigScalarKind.String } s && IsLiteral(s.Text))
        {
            _text.Append('|').Append(s.Text.EndsWith('\n') ? "" : "-");
            EndLine(comments);
            foreach (var line in (s.Text.EndsWith('\n') ? s.Text[..^1] : s.Text).Split('\n'))
            {
                if (line.Length > 0)
                    _text.Append(' ', blockIndent).Append(line);
                _text.Append('\n');
            }
            return;
        }
        WriteInline(_text, node);
        EndLine(comments);
    }

    private static void WriteInline(StringBuilder text, ConfigNode node)
    {
        text.Append(node switch
        {
            ConfigObject => "{}",
            ConfigArray => "[]",
            ConfigScalar { Kind: ConfigScalarKind.String } s => IsPlain(s.Text) ? s.Text : Quoted(s.Text),
            ConfigScalar s => s.Text,
            _ => "",
        });
    }

    /// <summary>Stricter than for values: readers differ most in what a plain key may hold.</summary>
    private static string Key(string name) =>
        name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' or '/') && IsPlain(name) ? name : Quoted(name);

    /// <summary>Letters, digits and harmless punctuation, not beginning with an indicator, and not a number, boolean or null.</summary>
    private static bool IsPlain(string s)
    {
        if (s.Length == 0 || !(char.IsAsciiLetterOrDigit(s[0]) || s[0] is '/' or '_' or '.' or '+' or '$' or '(' or '^')
            || s[^1] is ' ' or ':')
            return false;
        for (var i = 0; i < s.Length; i++)
        {
            var c = s[i];
            var inside = char.IsAsciiLetterOrDigit(c) || "-._~!$()*+;=@/?%^ <>|".Contains(c) || (c == ':' && s[i + 1] != ' ');
            if (!inside || (c == ' ' && !(char.IsAsciiLetterOrDigit(s[i + 1]) || s[i + 1] is '/' or '(')))
                return false;
        }
        return s != "..." && !YamlCoreSchema.LooksSpecial(s); // ... ends a document
    }

    /// <summary>
    /// Several lines that a literal block holds exactly: printable, first line neither empty nor indented, at most one line break at the
    /// end.
    /// </summary>
    private static bool IsLiteral(string s) =>
        s.Contains('\n') && s[0] is not (' ' or '\n' or '\t') && !s.EndsWith("\n\n", StringComparison.Ordinal)
        && !s.Split('\n').Any(l => l.Length > 0 && string.IsNullOrWhiteSpace(l))
        && !s.EndsWith(' ') && !s.EndsWith('\t')
        && s.All(c => c is '\n' or '\t' or (>= ' ' and < '\u007f') or (>= '\u00a0' and < '\ud800' and not ('\u2028' or '\u2029')));

    private static string Quoted(string s)
    {
        var text = new StringBuilder("\"", s.Length + 2);
        foreach (var c in s)
            _ = c switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                < ' ' or (>= '\u007f' and <= '\u009f') or '\u2028' or '\u2029' or '\ufeff' or '\ufffe' or '\uffff'
                    => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => text.Append(c),
            };
        return text.Append('"').ToString();
    }
}
