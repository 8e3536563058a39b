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
        if (source.Module is { } module)
            return FindModule(module, source.Node, null, errors)?.Content;
        return source.Filename is { } path ? ReadFile(source, path, errors) : null;
    }

    /// <summary>The stored module that the field <c>module</c> of a node names, or null with an error collected.</summary>
    /// <param name="kind">Which kind it must have; null for any.</param>
    public static StoredModule? FindModule(string name, ConfigNode? node, string? kind, ConfigErrors errors)
    {
        if (errors.Modules is not { } modules)
        {
            errors.ErrorAt(node, "module", ConfigCode.UnknownReference, $"'{name}' is a stored module, and there is no module store here", "only a running node knows its modules: POST /api/v1/config/validate checks this");
            return null;
        }
        if (modules.Find(name) is not { } module)
        {
            errors.ErrorAt(node, "module", ConfigCode.UnknownReference, $"module '{name}' does not exist",
                Suggestions.Closest(name, modules.Names) is { } near ? $"did you mean '{near}'?" : "store it first: POST /api/v1/modules?name=NAME");
            return null;
        }
        if (kind is null || module.Kind == kind)
            return module;
        errors.ErrorAt(node, "module", ConfigCode.InvalidValue, $"module '{name}' is of kind {module.Kind}, {kind} is needed here");
        return null;
    }

    private static byte[]? ReadFile(DataSourceConfig source, string path, ConfigErrors errors)
    {
        try
        {
            if (File.Exists(path))
            {
                // Read and not asked for its length: that of a device is 0.
                using var file = File.OpenRead(path);
                var content = new MemoryStream();
                var buffer = new byte[64 << 10];
                while (content.Length <= MaxFileBytes && file.Read(buffer) is > 0 and var n)
                    content.Write(buffer, 0, n);
                if (content.Length <= MaxFileBytes)
                    return content.ToArray();
                errors.ErrorAt(source.Node, "filename", ConfigCode.InvalidValue, $"'{path}' is larger than {MaxFileBytes >> 20} MiB");
            }
            else if (Directory.Exists(path))
                errors.ErrorAt(source.Node, "filename", ConfigCode.InvalidValue, $"'{path}' is a directory");
            else
                errors.ErrorAt(source.Node, "filename", ConfigCode.UnknownReference, $"file '{path}' does not exist");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            errors.ErrorAt(source.Node, "filename", ConfigCode.InvalidValue, $"cannot read '{path}': {e.Message}");
        }
        return null;
    }
}
