using System.Text;

namespace Managed.Proxy.Configuration.Model;

/// <summary>Reads a <see cref="DataSourceConfig"/>; on the control thread only, files block.</summary>
public static class DataSourceReading
{
    /// <summary>A file above this is refused: it would be held in memory by every version that names it.</summary>
    public const long MaxFileBytes = 64L << 20;

    /// <summary>The bytes, or null with an error collected.</summary>
    public static byte[]? TryRead(this DataSourceConfig source, ConfigErrors errors)
    {
        if (source.InlineString is { } text)
            return Encoding.UTF8.GetBytes(text);
        if (source.InlineBytes is { } bytes)
            return bytes;
        if (source.EnvironmentVariable is { } variable)
        {
            if (Environment.GetEnvironmentVariable(variable) is { } value)
                return Encoding.UTF8.GetBytes(value);
            errors.ErrorAt(source.Node, "environment_variable", ConfigCode.UnknownReference, $"environment variable '{variable}' is not set");
            return null;
        }
        return source.Filename is { } path ? ReadFile(source, path, errors) : null;
    }

    private static byte[]? ReadFile(DataSourceConfig source, string path, ConfigErrors errors)
    {
        try
        {
            var file = new FileInfo(path);
            if (file.Exists && file.Length <= MaxFileBytes)
                return File.ReadAllBytes(path);
            errors.ErrorAt(source.Node, "filename", file.Exists ? ConfigCode.InvalidValue : ConfigCode.UnknownReference,
                file.Exists ? $"'{path}' is larger than {MaxFileBytes >> 20} MiB" : $"file '{path}' does not exist");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            errors.ErrorAt(source.Node, "filename", ConfigCode.InvalidValue, $"cannot read '{path}': {e.Message}");
        }
        return null;
    }
}
