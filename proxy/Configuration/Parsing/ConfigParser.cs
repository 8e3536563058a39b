using System.Text;
using System.Text.Unicode;

namespace Managed.Proxy.Configuration.Parsing;

/// <summary>
/// Reads a JSON or YAML text into nodes that know their line, column and pointer. The caller limits the size of the text.
/// </summary>
public static class ConfigParser
{
    /// <param name="sourceName">Names the text in errors: a file, or words such as <c>request body</c>.</param>
    /// <returns>The root, or null with MALFORMED_BODY errors.</returns>
    public static ConfigNode? Parse(string text, ConfigFormat format, string sourceName, ConfigErrors errors) =>
        Parse(Encoding.UTF8.GetBytes(text), format, sourceName, errors);

    /// <inheritdoc cref="Parse(string, ConfigFormat, string, ConfigErrors)"/>
    public static ConfigNode? Parse(byte[] utf8, ConfigFormat format, string sourceName, ConfigErrors errors)
    {
        var source = new ConfigSource(sourceName);
        ReadOnlySpan<byte> bom = [0xEF, 0xBB, 0xBF];
        if (utf8.AsSpan().StartsWith(bom))
            utf8 = utf8[3..];
        if (!Utf8.IsValid(utf8))
        {
            errors.Error(InvalidByte(utf8, source), ConfigCode.MalformedBody, "the text is not valid UTF-8");
            return null;
        }
        if (format == ConfigFormat.Yaml || (format == ConfigFormat.Detect && !BeginsAsJson(utf8)))
            return YamlReader.Read(Encoding.UTF8.GetString(utf8), source, errors);
        if (format == ConfigFormat.Json)
            return JsonReader.Read(utf8, source, errors);

        // A YAML text may begin with a flow mapping; when it is neither, the JSON errors are the better ones.
        var jsonErrors = new ConfigErrors();
        if (JsonReader.Read(utf8, source, jsonErrors) is { } node)
            return node;
        if (YamlReader.Read(Encoding.UTF8.GetString(utf8), source, new ConfigErrors()) is { } yaml)
            return yaml;
        errors.AddAll(jsonErrors);
        return null;
    }

    private static bool BeginsAsJson(ReadOnlySpan<byte> utf8)
    {
        var rest = utf8.TrimStart(" \t\r\n"u8);
        return rest.Length > 0 && rest[0] is (byte)'{' or (byte)'[';
    }

    private static ConfigOrigin InvalidByte(ReadOnlySpan<byte> utf8, ConfigSource source)
    {
        var at = 0;
        while (at < utf8.Length && Rune.DecodeFromUtf8(utf8[at..], out _, out var length) == System.Buffers.OperationStatus.Done)
            at += length;
        var (line, column) = new TextPosition().Advance(utf8, at);
        return new(source, ConfigPath.Root, line, column);
    }
}
