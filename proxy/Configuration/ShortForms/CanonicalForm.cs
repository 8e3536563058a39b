using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>Writes the values of a tree as the long form has them: fields in snake_case, durations as protobuf prints them (<c>0.250s</c>),
/// sizes in bytes. What does not fit its field is left for the binder to refuse.</summary>
internal static class CanonicalForm
{
    public static void Apply(ConfigNode node, Type type, Func<string, Type?> configTypes)
    {
        if (node is not ConfigObject o || o.IsSealed) // that is written so already
            return;
        foreach (var field in RecordShape.Of(type).Fields)
        {
            if (!o.TryGet(field.Name, out var value)) // the look-up itself renames lowerCamelCase
                continue;
            if (field.IsList && value is ConfigArray array)
                for (var i = 0; i < array.Count; i++)
                    array[i] = Value(array[i], field, configTypes);
            else if (field.IsMap && value is ConfigObject map)
                foreach (var (_, entry) in map.Members)
                    Value(entry, field, configTypes);
            else if (Value(value, field, configTypes) is var written && !ReferenceEquals(written, value))
                o.Set(field.Name, written);
        }
    }

    private static ConfigNode Value(ConfigNode value, FieldShape field, Func<string, Type?> configTypes)
    {
        if (RecordShape.IsRecord(field.Type))
            Apply(value, field.Type, configTypes);
        else if (field.Type == typeof(ConfigObject))
            ApplyTyped(value, configTypes);
        else if (value is ConfigScalar { Kind: ConfigScalarKind.String } text)
        {
            if (field.Type == typeof(TimeSpan) && ProtoDuration.TryParse(text.Text, out var duration))
                return ConfigScalar.String(ProtoDuration.Format(duration), text.Origin);
            if (field.IsByteSize && ByteSize.TryParse(text.Text, out var bytes))
                return ConfigScalar.Number(bytes, text.Origin);
        }
        return value;
    }

    private static void ApplyTyped(ConfigNode value, Func<string, Type?> configTypes)
    {
        if (value is not ConfigObject config || config.Text("@type") is not { } url)
            return;
        var name = ExtensionNames.Bare(url);
        var type = name == ExtensionNames.FilterConfigType ? typeof(RouteFilterConfig) : configTypes(name);
        if (type is not null)
            Apply(config, type, configTypes);
    }
}
