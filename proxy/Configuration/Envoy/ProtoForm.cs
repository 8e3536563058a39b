using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.ShortForms;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Envoy;

/// <summary>
/// Rewrites the tree of a bootstrap file to what the binder takes, by the shapes of the records: protobuf's spellings of values
/// (<see cref="ProtoScalar"/>), one item for a list and lists in lists, null as absent, TypedStruct, any prefix of an @type, and the
/// fields that have a rule (<see cref="FieldRules"/>) or protobuf's default. What is left is an error of the file.
/// </summary>
internal sealed class ProtoForm(ConfigErrors notes, Func<string, Type?> configTypes)
{
    private static readonly Dictionary<string, Type> Others = new()
    {
        [ExtensionNames.FilterConfigType] = typeof(RouteFilterConfig),
        ["envoy.extensions.access_loggers.file.v3.FileAccessLog"] = typeof(FileAccessLogConfig),
        ["envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"] = typeof(StreamAccessLogConfig),
        ["envoy.extensions.access_loggers.stream.v3.StderrAccessLog"] = typeof(StreamAccessLogConfig),
    };

    public void Apply(ConfigNode node, Type type)
    {
        if (node is not ConfigObject o)
            return;
        var shape = RecordShape.Of(type);
        foreach (var field in shape.Fields)
        {
            if (!o.TryGet(field.Name, out var value)) // the look-up itself renames lowerCamelCase
                continue;
            if (value is ConfigScalar { IsNull: true })
                o.Remove(field.Name);
            else if (Value(value, field) is var written && !ReferenceEquals(written, value))
                o.Set(field.Name, written);
        }
        Rules(o, shape.Title, shape);
    }

    /// <summary>Applies the rules of a message to the members that no record has a field for.</summary>
    public void Rules(ConfigObject o, string message, RecordShape? shape = null)
    {
        foreach (var member in o.Members.ToList())
        {
            if (member.Key == "@type" || shape?.ByName.ContainsKey(member.Key) == true)
                continue;
            var rule = FieldRules.Find(message, member.Key);
            if (rule is null && shape is not null && shape.UnsupportedReason(member.Key) is null)
                continue;
            if (member.Value is ConfigScalar { IsNull: true } || Goes(o, member, rule))
                o.Remove(member.Key);
        }
    }

    private bool Goes(ConfigObject o, ConfigMember member, FieldRule? rule)
    {
        switch (rule?.Treatment)
        {
            case FieldTreatment.Taken:
                return true;
            case FieldTreatment.Warned:
                if (!IsProtoDefault(member.Value))
                    notes.Warning(o.NameOrigin(member), ConfigCode.UnsupportedField, $"'{member.Key}' is not used: {rule.Note}");
                return true;
            case FieldTreatment.Only:
                return Says(member.Value, rule.Value!);
            case FieldTreatment.Parts when member.Value is ConfigObject parts:
                Rules(parts, rule.Value!);
                return parts.Count == 0;
            default:
                return IsProtoDefault(member.Value);
        }
    }

    private static bool Says(ConfigNode node, string value) =>
        (node is ConfigObject { Count: 1 } wrapper ? wrapper["value"] : node) is ConfigScalar scalar
        && (value == "true" ? ProtoScalar.Boolean(scalar).Text : scalar.Text).ToUpperInvariant() is var said
        && (said == value.ToUpperInvariant() || (said == "0" && value is "DEFAULT"));

    /// <summary>What protobuf's JSON form leaves out: it means the same as no field at all.</summary>
    private static bool IsProtoDefault(ConfigNode node) => node switch
    {
        ConfigArray { Count: 0 } => true,
        ConfigScalar scalar => ProtoScalar.Boolean(scalar).Text is "" or "0" or "false",
        _ => false,
    };

    private ConfigNode Value(ConfigNode node, FieldShape field)
    {
        if (field.IsList)
            return List(node, field);
        if (!field.IsMap)
            return One(node, field);
        if (node is ConfigObject map)
            foreach (var member in map.Members.ToList())
                map.Put(member with { Value = One(member.Value, field) });
        return node;
    }

    private ConfigArray List(ConfigNode node, FieldShape field)
    {
        var items = new ConfigArray(node.Origin);
        Flatten(node, items);
        for (var i = 0; i < items.Count; i++)
            items[i] = One(items[i], field);
        if (KindOf(field) is { } kind)
            foreach (var item in items.OfType<ConfigObject>())
                Extension(item, kind);
        return items;
    }

    private static void Flatten(ConfigNode node, ConfigArray into)
    {
        if (node is ConfigArray array)
            foreach (var item in array)
                Flatten(item, into);
        else
            into.Add(node);
    }

    private ConfigNode One(ConfigNode node, FieldShape field)
    {
        if (RecordShape.IsRecord(field.Type))
        {
            Apply(node, field.Type);
            return node;
        }
        if (field.Type == typeof(ConfigObject))
            return Typed(node, null);
        return field.Type.IsAssignableTo(typeof(ConfigNode)) ? node : ProtoScalar.Of(node, field);
    }

    private static ExtensionKind? KindOf(FieldShape field) => (field.Name, field.Type.Name) switch
    {
        ("listener_filters", _) => ExtensionKind.ListenerFilter,
        ("filters", nameof(ExtensionConfig)) => ExtensionKind.NetworkFilter,
        ("http_filters", _) => ExtensionKind.HttpFilter,
        ("access_log", _) => ExtensionKind.AccessLogger,
        _ => null,
    };

    private void Extension(ConfigObject item, ExtensionKind kind)
    {
        if (item["typed_config"] is not { } config)
            return;
        var byName = config is ConfigObject o && !o.Has("@type")
            && item.Text("name") is { } name ? ExtensionNames.Find(kind, name)?.TypeName : null;
        if (Typed(config, byName) is var typed && !ReferenceEquals(typed, config))
            item.Set("typed_config", typed);
    }

    /// <summary>A message with its @type in the usual form, out of a TypedStruct when it is in one.</summary>
    private ConfigNode Typed(ConfigNode node, string? otherwise)
    {
        if (node is not ConfigObject config)
            return node;
        var name = config.Text("@type") is { } url ? ExtensionNames.Bare(url) : otherwise;
        if (name is "udpa.type.v1.TypedStruct" or "xds.type.v3.TypedStruct")
        {
            if (config.Text("type_url") is not { } inner || config["value"] is not (null or ConfigObject or ConfigScalar { IsNull: true }))
                return node;
            var type = config["type_url"]!.Origin;
            config = config.Object("value") ?? new ConfigObject(config.Origin);
            name = ExtensionNames.Bare(inner);
            ExtensionExpansion.SetType(config, name, type);
        }
        else if (name is not null && config["@type"] is { } given)
            ExtensionExpansion.SetType(config, name, given.Origin);
        if (name is not null && (configTypes(name) ?? Others.GetValueOrDefault(name)) is { } record)
            Apply(config, record);
        return config;
    }
}
