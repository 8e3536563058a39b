using System.Security.Cryptography;
using System.Text;
using Managed.Proxy.Configuration.Host;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

/// <summary>Reads a <see cref="DataSourceConfig"/>; on the control thread only, files block.</summary>
public static class DataSourceReading
{
    /// <summary>The bytes, or null with an error collected.</summary>
    /// <param name="limit">Of a file, in bytes: it would be held in memory by every version that names it.</param>
    public static byte[]? TryRead(this DataSourceConfig source, ConfigErrors errors, long limit = HostFile.MaxText)
    {
        if (source.Filename is null && (source.Sha256 is not null || source.Watch || source.WatchedDirectory is not null))
            errors.ErrorAt(source.Node, source.Watch ? "watch" : source.Sha256 is not null ? "sha256" : "watched_directory",
                ConfigCode.InvalidValue, "belongs to filename, and there is none");
        if (source.InlineString is { } text)
            return SecretMark.DigestOf(text) is { } mark && source.SensitiveField is { } field
                ? Kept(source, field, mark, "inline_string", errors) : Encoding.UTF8.GetBytes(text);
        if (source.InlineBytes is { } bytes)
            return bytes.Length < 64 && SecretMark.DigestOf(Encoding.UTF8.GetString(bytes)) is { } base64Mark
                ? Decoded(source, base64Mark, errors) : bytes;
        errors.Host.Asked++;
        if (source.EnvironmentVariable is { } variable)
        {
            if (!errors.Host.MayRead(HostAccess.Variable + " of " + HolderOf(source.Node), variable))
            {
                errors.ErrorAt(source.Node, "environment_variable", ConfigCode.InvalidValue,
                    $"environment variable '{variable}' may not be read", AllowVariable);
                return null;
            }
            if (Environment.GetEnvironmentVariable(variable) is { } value)
                return Encoding.UTF8.GetBytes(value);
            errors.ErrorAt(source.Node, "environment_variable", ConfigCode.UnknownReference,
                $"environment variable '{variable}' is not set");
            return null;
        }
        if (source.Module is { } module)
            return FindModule(module, source.Node, null, errors)?.Content;
        return source.Filename is { } path ? ReadFile(source, path, limit, errors) : null;
    }

    /// <summary>
    /// A text that stands in a sensitive field by itself: the value that its mark stands for, or as it is. Null with an error collected.
    /// </summary>
    public static string? TryReadText(ConfigRecord record, string member, string text, ConfigErrors errors)
    {
        if (SecretMark.DigestOf(text) is not { } mark || record.SensitiveField is not { } field) return text;
        return Value(record.Node, field, mark, member, errors) is { } value ? Encoding.UTF8.GetString(value) : null;
    }

    /// <summary>The hint of a variable that may not be read.</summary>
    internal const string AllowVariable = "the operator allows it: --allow-env NAME";

    // Who writes a password where the path of its file is wanted must not find it in a log.
    private static string Named(DataSourceConfig source, string path) =>
        source.SensitiveField is null || path.Contains('/', StringComparison.Ordinal) ? $"file '{path}'" : "the file that it names";

    private static byte[]? Kept(DataSourceConfig source, string field, string mark, string member, ConfigErrors errors)
        => Value(source.Node, field, mark, member, errors);

    private static byte[]? Value(ConfigNode? node, string field, string mark, string member, ConfigErrors errors)
    {
        if (errors.Host.Secrets?.Invoke(field, mark) is { } value) return value;
        errors.ErrorAt(node, member, ConfigCode.UnknownReference, "stands for a value that is not kept for this field here",
            "write the value itself; what is shown in its place is good on the node that showed it, in the same field");
        return null;
    }

    private static byte[]? Decoded(DataSourceConfig source, string mark, ConfigErrors errors)
    {
        if (source.SensitiveField is { } field)
        {
            if (Kept(source, field, mark, "inline_bytes", errors) is not { } text) return null;
            byte[] buffer = new byte[text.Length];
            if (Convert.TryFromBase64Chars(Encoding.UTF8.GetChars(text), buffer, out int written)) return buffer[..written];
        }
        errors.ErrorAt(source.Node, "inline_bytes", ConfigCode.InvalidValue, "must be base64");
        return null;
    }

    // What may be code must not become a body.
    private static string HolderOf(ConfigNode? node) => node?.Origin.Path.ToString() is { } path ? path[(path.LastIndexOf('/') + 1)..] : "";

    /// <summary>The stored module that the field <c>module</c> of a node names, or null with an error collected.</summary>
    /// <param name="kind">Which kind it must have; null for any.</param>
    public static StoredModule? FindModule(string name, ConfigNode? node, string? kind, ConfigErrors errors)
    {
        if (errors.Modules is not { } modules)
        {
            errors.ErrorAt(node, "module", ConfigCode.UnknownReference, $"'{name}' is a stored module, and there is no module store here",
                "only a running node knows its modules: POST /api/v1/config/validate checks this");
            return null;
        }
        if (modules.Find(name) is not { } module)
        {
            errors.ErrorAt(node, "module", ConfigCode.UnknownReference, $"module '{name}' does not exist",
                Suggestions.Closest(name, modules.Names) is { } near ? $"did you mean '{near}'?"
                    : "store it first: POST /api/v1/modules?name=NAME");
            return null;
        }
        if (kind is null || module.Kind == kind)
            return module;
        errors.ErrorAt(node, "module", ConfigCode.InvalidValue, $"module '{name}' is of kind {module.Kind}, {kind} is needed here");
        return null;
    }

    private static byte[]? ReadFile(DataSourceConfig source, string path, long limit, ConfigErrors errors)
    {
        byte[]? content;
        if (errors.Host.Pinned is { } pinned)
        {
            if (source.Sha256 is { } digest && (content = SecretMark.DigestOf(digest) is { } mark
                ? source.SensitiveField is { } field ? errors.Host.Secrets?.Invoke(field, mark) : null : pinned(digest)) is not null)
                return content;
            var (code, why) = errors.Host.Unreadable.GetValueOrDefault(path, (ConfigCode.UnknownReference, "is not kept here"));
            errors.ErrorAt(source.Node, "filename", code, $"{Named(source, path)} {why}");
            return null;
        }
        content = HostFile.Read(path, limit, null, out string? wrong, out bool isMissing);
        if (content is null)
            errors.ErrorAt(source.Node, "filename", isMissing ? ConfigCode.UnknownReference : ConfigCode.InvalidValue,
                $"{Named(source, path)} {wrong}");
        else if (source.Sha256 is { } expected && !expected.Equals(Convert.ToHexStringLower(SHA256.HashData(content)),
            StringComparison.OrdinalIgnoreCase))
            errors.ErrorAt(source.Node, "sha256", ConfigCode.InvalidValue, $"file '{path}' has other bytes by now",
                "leave sha256 out to take the file as it is");
        else return content;
        return null;
    }
}
