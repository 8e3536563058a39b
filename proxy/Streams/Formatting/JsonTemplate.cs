using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Streams.Formatting.Operators;

namespace Managed.Proxy.Streams.Formatting;

/// <summary>
/// A JSON object whose texts are formats. A text that is one operator keeps the operator's type (numbers stay numbers, unset is
/// <c>null</c>); mixed texts are texts. Members keep their order. One line, without the line end.
/// </summary>
public sealed class JsonTemplate
{
    private readonly JsonPart _root;

    private JsonTemplate(JsonPart root) => _root = root;

    /// <param name="format">The object as written in the configuration.</param>
    /// <param name="errors">Gets the errors of the formats inside.</param>
    /// <param name="omitEmpty">Leaves members out that are unset, and unset operators inside mixed texts.</param>
    public static JsonTemplate? Compile(ConfigObject format, ConfigErrors errors, bool omitEmpty, FormatUse use = FormatUse.Log)
        => JsonPart.Compile(format, errors, omitEmpty, use) is { } root ? new JsonTemplate(root) : null;

    public void Write(ByteWriter to, StreamInfo info) => _root.Write(to, info);
}

/// <summary>A node of a JSON template.</summary>
internal abstract class JsonPart
{
    /// <summary>False with nothing written: unset and to be left out.</summary>
    public abstract bool Write(ByteWriter to, StreamInfo info);

    public static JsonPart? Compile(ConfigNode node, ConfigErrors errors, bool omitEmpty, FormatUse use)
    {
        switch (node)
        {
            case ConfigObject map:
                var members = map.Members.Select(m => (Name: Encoded(m.Key), Part: Compile(m.Value, errors, omitEmpty, use))).ToArray();
                return Array.Exists(members, m => m.Part is null) ? null : new JsonMap([.. members.Select(m => (m.Name, m.Part!))]);
            case ConfigArray list:
                var items = list.Select(i => Compile(i, errors, omitEmpty, use)).ToArray();
                return Array.Exists(items, i => i is null) ? null : new JsonList(items!);
            case ConfigScalar { Kind: ConfigScalarKind.String } text:
                if (FormatTemplate.Compile(text.Text, errors, text, use, omitEmpty) is not { } template) return null;
                if (template.Single is { } single) return new JsonOperator(single, omitEmpty);
                return new JsonText(template);
            default:
                return new JsonRaw(node.ToJson());
        }
    }

    private static byte[] Encoded(string name)
    {
        var writer = new ByteWriter(name.Length + 8);
        JsonValue.Text(writer, name);
        return writer.Written.ToArray();
    }

    private sealed class JsonMap((byte[] Name, JsonPart Part)[] members) : JsonPart
    {
        public override bool Write(ByteWriter to, StreamInfo info)
        {
            to.Write((byte)'{');
            bool first = true;
            foreach (var (name, part) in members)
            {
                int mark = to.Length;
                if (!first) to.Write((byte)',');
                to.Write(name);
                to.Write((byte)':');
                if (part.Write(to, info)) first = false;
                else to.Truncate(mark);
            }
            to.Write((byte)'}');
            return true;
        }
    }

    private sealed class JsonList(JsonPart[] items) : JsonPart
    {
        public override bool Write(ByteWriter to, StreamInfo info)
        {
            to.Write((byte)'[');
            bool first = true;
            foreach (var item in items)
            {
                int mark = to.Length;
                if (!first) to.Write((byte)',');
                if (item.Write(to, info)) first = false;
                else to.Truncate(mark);
            }
            to.Write((byte)']');
            return true;
        }
    }

    private sealed class JsonOperator(FormatSegment segment, bool omitEmpty) : JsonPart
    {
        public override bool Write(ByteWriter to, StreamInfo info)
        {
            if (segment.WriteJson(to, info)) return true;
            if (omitEmpty) return false;
            to.Write("null"u8);
            return true;
        }
    }

    private sealed class JsonText(FormatTemplate template) : JsonPart
    {
        public override bool Write(ByteWriter to, StreamInfo info)
        {
            to.Write((byte)'"');
            int mark = to.Length;
            template.WriteRaw(to, info);
            FormatEscape.Json(to, mark);
            to.Write((byte)'"');
            return true;
        }
    }

    private sealed class JsonRaw(byte[] json) : JsonPart
    {
        public override bool Write(ByteWriter to, StreamInfo info)
        {
            to.Write(json);
            return true;
        }
    }
}
