using System.Collections;
using System.Diagnostics.CodeAnalysis;
using Managed.Filters;

namespace Managed.Proxy.Configuration.Validation;

/// <summary>Makes records of long-form nodes by reflection and collects everything that is wrong: unknown fields, types, ranges, missing
/// fields, oneofs, duplicate names. For the control thread; references between resources are checked by the builders.</summary>
public static class ConfigBinder
{
    /// <summary>
    /// The record, or null when anything in it or below it is wrong. An <c>@type</c> member of the node itself is passed over.
    /// </summary>
    public static T? Bind<T>(ConfigNode node, ConfigErrors errors)
        where T : ConfigRecord => BindPartial<T>(node, errors) is { HasErrors: false } record ? record : null;

    /// <summary>The record even when parts are wrong, so that builders can go on and find more: every record on the way to a wrong part has
    /// <see cref="ConfigRecord.HasErrors"/> set and the part at its default. Null only when the node is not an object.</summary>
    /// <param name="node">In the long form.</param>
    /// <param name="errors">Takes what is wrong.</param>
    /// <param name="former">Of the version before: where its nodes are copies of these, its records stand for them.</param>
    public static T? BindPartial<T>(ConfigNode node, ConfigErrors errors, T? former = null)
        where T : ConfigRecord
    {
        if (former is not null && IsOf(former, node, errors))
            return former;
        TryRecord(typeof(T), node, errors, typed: true, former, out var record);
        return (T?)record;
    }

    /// <summary><see cref="BindPartial{T}"/> for a type known at run time, such as a filter's configuration.</summary>
    public static ConfigRecord? Bind(Type type, ConfigNode node, ConfigErrors errors)
    {
        TryRecord(type, node, errors, typed: true, null, out var record);
        return (ConfigRecord?)record;
    }

    /// <summary>
    /// The configuration of a filter that is not compiled with the proxy; null, with errors collected, when anything in it is wrong.
    /// </summary>
    internal static FilterConfiguration? BindForeign(Type type, ConfigNode node, ConfigErrors errors)
        => TryRecord(type, node, errors, typed: false, null, out var record) ? record : null;

    /// <summary>Whether a record, and all below it, is what this node would become.</summary>
    private static bool IsOf(ConfigRecord former, ConfigNode node, ConfigErrors errors)
    {
        if (former.HasErrors || former.Node is not { } its || !its.IsCopyOf(node))
            return false;
        errors.Places.NodesOf ??= FormerRecord.Nodes;
        errors.Places.StandsFor(former, node);
        return true;
    }

    private static bool TryRecord(Type type, ConfigNode node, ConfigErrors errors, bool typed, ConfigRecord? former,
        out FilterConfiguration? record)
    {
        record = null;
        if (node is not ConfigObject o)
        {
            errors.Error(node, ConfigCode.InvalidType, $"must be an object, not {Article(node)}");
            return false;
        }
        var shape = RecordShape.Of(type);
        record = shape.NewRecord();
        record.Place = o;
        record.BelowSensitive = errors.SensitiveField;
        var ok = true;
        foreach (var field in shape.Fields)
            ok &= TryField(record, field, o, former, errors);
        ok &= CheckNames(shape, o, errors, typed);
        foreach (var group in shape.Groups)
            ok &= CheckGroup(shape, group, o, errors);
        record.IsWrong = !ok;
        return ok;
    }

    private static bool TryField(FilterConfiguration record, FieldShape field, ConfigObject o, ConfigRecord? former, ConfigErrors errors)
    {
        if (!o.TryGet(field.Name, out var node) || node is ConfigScalar { IsNull: true })
        {
            if (!field.Required)
                return true;
            errors.ErrorAt(o, field.Name, ConfigCode.MissingField, $"'{field.Name}' is missing");
            return false;
        }
        var before = former is not null && RecordShape.IsRecord(field.Type) ? field.Property.GetValue(former) : null;
        var above = errors.SensitiveField;
        if (field.IsSensitive)
            errors.SensitiveField ??= field.Name;
        var ok = field.IsList ? TryList(field, node, before as IList, errors, out var value)
            : field.IsMap ? TryMap(field, node, errors, out value)
            : TryValue(field, node, before as ConfigRecord, errors, out value);
        errors.SensitiveField = above;
        if (value is not null)
            field.Set(record, value);
        return ok;
    }

    private static bool TryValue(FieldShape field, ConfigNode node, ConfigRecord? former, ConfigErrors errors,
        [NotNullWhen(true)] out object? value)
    {
        value = null;
        if (field.Type.IsAssignableTo(typeof(ConfigNode)))
        {
            value = field.Type.IsInstanceOfType(node) ? node : null;
            if (value is null)
                errors.Error(node, ConfigCode.InvalidType, $"must be an object, not {Article(node)}");
            return value is not null;
        }
        if (!RecordShape.IsRecord(field.Type))
            return ScalarBinder.TryBind(field, node, errors, out value);
        if (former is not null && IsOf(former, node, errors))
        {
            value = former;
            return true;
        }
        // Items of a map are messages of extensions, which may say which they are.
        var ok = TryRecord(field.Type, node, errors, typed: field.IsMap, former, out var record);
        value = record;
        return ok;
    }

    private static bool TryList(FieldShape field, ConfigNode node, IList? former, ConfigErrors errors, out object? value)
    {
        value = null;
        if (node is not ConfigArray array)
        {
            errors.Error(node, ConfigCode.InvalidType, $"must be an array, not {Article(node)}",
                node is ConfigObject ? "begin each item with '- '" : null);
            return false;
        }
        var ok = ScalarBinder.CheckLength(field, node, array.Count, "items", errors);
        var items = (IList)field.NewCollection();
        var before = new FormerItems(former);
        for (var i = 0; i < array.Count; i++)
        {
            ok &= TryValue(field, array[i], before.Of(array[i], i), errors, out var one);
            if (one is not null)
                items.Add(one);
        }
        if (RecordShape.IsRecord(field.Type) && RecordShape.Of(field.Type).IsNamed)
            ok &= CheckUnique(array, errors);
        value = items;
        return ok;
    }

    private static bool TryMap(FieldShape field, ConfigNode node, ConfigErrors errors, out object? value)
    {
        value = null;
        if (node is not ConfigObject o)
        {
            errors.Error(node, ConfigCode.InvalidType, $"must be an object, not {Article(node)}");
            return false;
        }
        var ok = ScalarBinder.CheckLength(field, node, o.Count, "members", errors);
        var map = (IDictionary)field.NewCollection();
        foreach (var (name, item) in o.Members)
        {
            ok &= TryValue(field, item, null, errors, out var one);
            if (one is not null)
                map[name] = one;
        }
        value = map;
        return ok;
    }

    private static bool CheckUnique(ConfigArray array, ConfigErrors errors)
    {
        var ok = true;
        var seen = new Dictionary<string, ConfigNode>(array.Count);
        for (var i = 0; i < array.Count; i++)
        {
            if (array[i] is not ConfigObject item || item.Text("name") is not { } name || seen.TryAdd(name, item["name"]!))
                continue;
            ok = false;
            var first = seen[name];
            errors.ErrorAt(item, "name", ConfigCode.DuplicateName, $"the name '{name}' is used twice",
                first.Line > 0 ? $"first used in line {first.Line}" : null);
        }
        return ok;
    }

    private static bool CheckNames(RecordShape shape, ConfigObject o, ConfigErrors errors, bool typed)
    {
        var ok = true;
        for (var i = 0; i < o.Members.Count; i++)
        {
            var member = o.Members[i];
            var name = member.Key;
            if (shape.ByName.ContainsKey(name) || (typed && name == "@type"))
                continue;
            ok = false;
            var origin = o.NameOrigin(member);
            if (shape.UnsupportedReason(name) is { } reason)
                errors.Error(origin, ConfigCode.UnsupportedField, $"'{name}' is not supported: {reason}");
            else if (shape.Fields.FirstOrDefault(f => FieldName.Camel(f.Name) == name) is { } twice)
                errors.Error(origin, ConfigCode.Conflict, $"'{name}' is given as '{twice.Name}' too");
            else
                errors.Error(origin, ConfigCode.UnknownField, $"'{name}' is not a known field",
                    Suggestions.Hint(name, shape.Suggested));
        }
        return ok;
    }

    private static bool CheckGroup(RecordShape shape, FieldShape[] group, ConfigObject o, ConfigErrors errors)
    {
        var count = 0;
        foreach (var field in group)
            count += field.IsGiven(o) ? 1 : 0;
        if (count == 1 || (count == 0 && !Array.Exists(group, f => f.OneOf!.Required)))
            return true;
        var given = group.Where(f => f.IsGiven(o)).ToList();
        // A choice that is not served is one all the same: it is reported, and nothing is missing.
        if (given.Count == 0 && o.Members.Any(m => shape.UnsupportedReason(m.Key) is not null))
            return true;
        if (given.Count == 0)
            errors.Error(o, ConfigCode.MissingField, group.Length == 1
                ? $"'{group[0].Name}' is missing"
                : $"one of these is missing: {string.Join(", ", group.Select(f => f.Name))}");
        else
            errors.ErrorAt(o, given[1].Name, ConfigCode.Conflict,
                $"only one of these may be given: {string.Join(", ", given.Select(f => f.Name))}");
        return false;
    }

    internal static string Article(ConfigNode node) => node switch
    {
        ConfigScalar { IsNull: true } => "null",
        ConfigObject or ConfigArray => "an " + node.KindName,
        _ => "a " + node.KindName,
    };
}
