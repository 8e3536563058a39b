using System.Text.Json;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Streams.Formatting.Operators;

/// <summary>
/// <c>DYNAMIC_METADATA(namespace:key:key…)</c>: a text as it is, anything else as JSON. Envoy's headers have the older form
/// <c>DYNAMIC_METADATA(["namespace", "key", …])</c> too.
/// </summary>
internal sealed class DynamicMetadataOperator(string[] path) : FormatOperator
{
    private readonly string[] _path = path;

    public static FormatOperator? Create(OperatorRequest request, ConfigErrors errors, ConfigNode? at)
    {
        string arguments = request.Arguments!;
        if (!arguments.StartsWith('[')) return new DynamicMetadataOperator(arguments.Split(':'));
        try
        {
            if (JsonSerializer.Deserialize<string[]>(arguments) is { Length: > 0 } path && !path.Contains(null))
                return new DynamicMetadataOperator(path);
        }
        catch (JsonException)
        {
            // said below
        }
        errors.Error(at, ConfigCode.InvalidValue,
            $"%DYNAMIC_METADATA({arguments})%: must be a JSON list of texts, or texts with colons between");
        return null;
    }

    public override bool Write(ByteWriter to, StreamInfo info)
    {
        if (!TryFind(info, out object? value) || value is null) return false;
        if (value is string text) to.Write(text);
        else JsonValue.Write(to, value);
        return true;
    }

    public override bool WriteJson(ByteWriter to, StreamInfo info)
    {
        if (!TryFind(info, out object? value) || value is null) return false;
        JsonValue.Write(to, value);
        return true;
    }

    private bool TryFind(StreamInfo info, out object? value)
    {
        value = null;
        if (info.DynamicMetadata is null || !info.DynamicMetadata.TryGetValue(_path[0], out var space)) return false;
        value = space;
        for (int i = 1; i < _path.Length; i++)
            if (value is not IReadOnlyDictionary<string, object?> map || !map.TryGetValue(_path[i], out value)) return false;
        return true;
    }
}

/// <summary><c>FILTER_STATE(KEY:PLAIN)</c>: the object's own text.</summary>
internal sealed class FilterStateOperator(string key) : FormatOperator
{
    public static FormatOperator? Create(OperatorRequest request, ConfigErrors errors, ConfigNode? at)
    {
        string arguments = request.Arguments!;
        if (arguments.EndsWith(":PLAIN", StringComparison.Ordinal) && arguments.Length > 6) return new FilterStateOperator(arguments[..^6]);
        errors.Error(at, ConfigCode.UnsupportedField, $"%FILTER_STATE({arguments})%: only the plain form is available in this version",
            "FILTER_STATE(key:PLAIN)");
        return null;
    }

    public override bool Write(ByteWriter to, StreamInfo info)
    {
        if (info.FilterState is null || !info.FilterState.TryGetValue(key, out object? value)
            || StreamInfo.StateText(value) is not { Length: > 0 } text) return false;
        to.Write(text);
        return true;
    }
}
