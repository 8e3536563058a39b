using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Managed.Proxy.Configuration;

/// <summary>Writes a node tree as UTF-8 JSON.</summary>
internal static class ConfigJson
{
    public static byte[] Write(ConfigNode node, bool indented)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        // Relaxed: documents hold scripts and header formats; < and ' as themselves keep them readable. Never put into HTML unescaped.
        using var writer = new Utf8JsonWriter(buffer, new()
        {
            Indented = indented,
            NewLine = "\n",
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            MaxDepth = 256,
        });
        Write(writer, node);
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static void Write(Utf8JsonWriter writer, ConfigNode node)
    {
        switch (node)
        {
            case ConfigObject o:
                writer.WriteStartObject();
                foreach (var (name, value) in o.Members)
                {
                    writer.WritePropertyName(name);
                    Write(writer, value);
                }
                writer.WriteEndObject();
                break;
            case ConfigArray a:
                writer.WriteStartArray();
                foreach (var item in a)
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            case ConfigScalar { Kind: ConfigScalarKind.String } s:
                writer.WriteStringValue(s.Text);
                break;
            case ConfigScalar s:
                writer.WriteRawValue(s.Text, skipInputValidation: true);
                break;
        }
    }
}
