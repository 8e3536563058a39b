using System.Globalization;
using System.Text;

namespace Managed.Proxy.Configuration;

/// <summary>Writes a node tree as block-style YAML 1.2. A string that a reader could take for something else is quoted as JSON does, which
/// YAML reads alike; texts of several lines become literal blocks, so that scripts stay readable.</summary>
internal static class ConfigYaml
{
    public static string Write(ConfigNode node)
    {
        var text = new StringBuilder();
        if (node is ConfigObject { Count: > 0 } or ConfigArray { Count: > 0 })
            WriteBlock(text, node, 0);
        else
        {
            WriteInline(text, node);
            text.Append('\n');
        }
        return text.ToString();
    }

    /// <summary>A non-empty object or array; the cursor stands at the column of its first line.</summary>
    private static void WriteBlock(StringBuilder text, ConfigNode node, int indent)
    {
        var first = true;
        if (node is ConfigObject o)
            foreach (var (name, value) in o.Members)
            {
                if (!first)
                    text.Append(' ', indent);
                first = false;
                text.Append(Key(name)).Append(':');
                WriteMember(text, value, indent);
            }
        else
            foreach (var item in (ConfigArray)node)
            {
                if (!first)
                    text.Append(' ', indent);
                first = false;
                text.Append('-').Append(' ');
                if (item is ConfigObject { Count: > 0 } or ConfigArray { Count: > 0 })
                    WriteBlock(text, item, indent + 2);
                else
                    WriteScalarLine(text, item, indent + 2);
            }
    }

    private static void WriteMember(StringBuilder text, ConfigNode value, int indent)
    {
        if (value is ConfigObject { Count: > 0 })
        {
            text.Append('\n').Append(' ', indent + 2);
            WriteBlock(text, value, indent + 2);
        }
        else if (value is ConfigArray { Count: > 0 })
        {
            text.Append('\n').Append(' ', indent); // items align with their key, as Envoy's own examples do
            WriteBlock(text, value, indent);
        }
        else
        {
            text.Append(' ');
            WriteScalarLine(text, value, indent + 2);
        }
    }

    private static void WriteScalarLine(StringBuilder text, ConfigNode node, int blockIndent)
    {
        if (node is ConfigScalar { Kind: ConfigScalarKind.String } s && IsLiteral(s.Text))
        {
            text.Append('|').Append(s.Text.EndsWith('\n') ? "" : "-").Append('\n');
            foreach (var line in (s.Text.EndsWith('\n') ? s.Text[..^1] : s.Text).Split('\n'))
            {
                if (line.Length > 0)
                    text.Append(' ', blockIndent).Append(line);
                text.Append('\n');
            }
            return;
        }
        WriteInline(text, node);
        text.Append('\n');
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
