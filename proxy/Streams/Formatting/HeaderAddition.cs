using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Streams.Formatting;

/// <summary>One compiled HeaderValueOption.</summary>
internal sealed class HeaderAddition
{
    private HeaderAddition(byte[] name, FormatTemplate value, HeaderAppendAction action, bool keepEmpty)
    {
        Name = name;
        Value = value;
        Action = action;
        KeepEmpty = keepEmpty;
    }

    /// <summary>Lower case.</summary>
    public byte[] Name { get; }
    public FormatTemplate Value { get; }
    public HeaderAppendAction Action { get; }
    public bool KeepEmpty { get; }

    /// <summary>Null with errors added when the name or the format is wrong.</summary>
    /// <param name="pseudoHeaders">Whether pseudo-headers may be replaced; routes may not, the header_mutation filter may.</param>
    public static HeaderAddition? Compile(HeaderValueOptionConfig config, ConfigErrors errors, bool pseudoHeaders)
    {
        if (config.Header is not { } header) return null; // the binder has said so
        string name = header.Key.ToLowerInvariant();
        var at = (header.Node as ConfigObject)?["value"] ?? header.Node ?? config.Node;
        bool valid = HeaderRules.CheckName(name, errors, header.Node, "key", pseudoHeaders);
        if (pseudoHeaders && valid && name[0] == ':' && config.EffectiveAction() is HeaderAppendAction.AppendIfExistsOrAdd)
        {
            errors.ErrorAt(config.Node, "append_action", ConfigCode.InvalidValue,
                $"a message has one {name}: it can be overwritten, not appended to", "append_action: OVERWRITE_IF_EXISTS_OR_ADD");
            valid = false;
        }
        var value = FormatTemplate.Compile(header.Value, errors, at);
        if (value?.Literal is { } literal && !HeaderValue.IsValid(literal))
        {
            errors.Error(at, ConfigCode.InvalidValue, "a header value cannot hold control characters");
            valid = false;
        }
        if (!valid || value is null) return null;
        return new HeaderAddition(Encoding.ASCII.GetBytes(name == "host" && pseudoHeaders ? ":authority" : name), value,
            config.EffectiveAction(), config.KeepEmptyValue);
    }
}

/// <summary>Which headers a configuration may touch.</summary>
internal static class HeaderRules
{
    /// <summary>False with an error when the name is not a header name or belongs to the codec.</summary>
    public static bool CheckName(string name, ConfigErrors errors, ConfigNode? node, string? field, bool pseudoHeaders)
    {
        string? wrong = null;
        if (!HeaderName.IsValid(name)) wrong = $"'{name}' is not a header name";
        else if (!pseudoHeaders && (name[0] == ':' || name is "host"))
            wrong = $"{name} cannot be changed here; a route changes the path and the host by its rewrites";
        else if (pseudoHeaders && name[0] == ':' && name is not (":method" or ":path" or ":authority" or ":scheme" or ":status"))
            wrong = $"{name} is not a pseudo-header that can be changed";
        // Changing the framing under the codec would desynchronise the connection (RFC 9112 section 6.3).
        else if (name is "content-length" or "transfer-encoding") wrong = $"{name} belongs to the codec and cannot be changed";
        if (wrong is null) return true;
        if (field is null) errors.Error(node, ConfigCode.InvalidValue, wrong);
        else errors.ErrorAt(node, field, ConfigCode.InvalidValue, wrong);
        return false;
    }
}
