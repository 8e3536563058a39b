using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Managed.Proxy.Configuration.Validation;

/// <summary>Makes records of long-form nodes by reflection and collects everything that is wrong: unknown fields, types, ranges, missing fields, oneofs, duplicate names.
/// For the control thread; references between resources are checked by the builders.</summary>
public static class ConfigBinder
{
    /// <summary>The record, or null when anything in it or below it is wrong. An <c>@type</c> member of the node itself is passed over.</summary>
    public static T? Bind<T>(ConfigNode node, ConfigErrors errors)
        where T : ConfigRecord => BindPartial<T>(node, errors) is { HasErrors: false } record ? record : null;

    /// <summary>The record even when parts are wrong, so that builders can go on and find more: every record on the way to a wrong part has
    /// <see cref="ConfigRecord.HasErrors"/> set and the part at its default. Null only when the node is not an object.</summary>
    public static T? BindPartial<T>(ConfigNode node, ConfigErrors errors)
        where T : ConfigRecord => (T?)Bind(typeof(T), node, errors);

    /// <summary><see cref="BindPartial{T}"/> for a type known at run time, such as a filter's configuration.</summary>
    public static ConfigRecord? Bind(Type type, ConfigNode node, ConfigErrors errors) =>
        TryRecord(type, node, errors, typed: true, out var record) || record is not null ? record : null;

    private static bool TryRecord(Type type, ConfigNode node, ConfigErrors errors, bool typed, out ConfigRecord? record)
    {
        record = null;
        if (node is not ConfigObject o)
        {
            errors.Error(node, ConfigCode.InvalidType, $"must be an object, not {Article(node)}");
            return false;
        }
        var shape = RecordShape.Of(type);
        record = (ConfigRecord)Activator.CreateInstance(type)!;
        record.Node = o;
        var ok = true;
        foreach (var field in shape.Fields)
            ok &= TryField(record, field, o, errors);
        ok &= CheckNames(shape, o, errors, typed);
        foreach (var group in shape.Groups)
            ok &= CheckGroup(shape, group, o, errors);
        record.HasErrors = !ok;
        return ok;
    }

    private static bool TryField(ConfigRecord record, FieldShape field, ConfigObject o, ConfigErrors errors)
    {
        if (!o.TryGet(field.Name, out var node) || node is ConfigScalar { IsNull: true })
        {
            if (!field.Required)
                return true;
            errors.ErrorAt(o, field.Name, ConfigCode.MissingField, $"'{field.Name}' is missing");
            return false;
        }
        var ok = field.IsList ? TryList(field, node, errors, out var value)
            : field.IsMap ? TryMap(field, node, errors, out value)
            : TryValue(field, node, errors, out value);
        if (value is not null)
            field.Property.SetValue(record, value);
        return ok;
    }

    private static bool TryValue(FieldShape field, ConfigNode node, ConfigErrors errors, [NotNullWhen(true)] out object? value)
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
        var ok = TryRecord(field.Type, node, errors, typed: false, out var record);
        value = record;
        return ok;
    }

    private static bool TryList(FieldShape field, ConfigNode node, ConfigErrors errors, out object? value)
    {
        value = null;
        if (node is not ConfigArray array)
        {
            errors.Error(node, ConfigCode.InvalidType, $"must be an array, not {Article(node)}", node is ConfigObject ? "begin each item with '- '" : null);
            return false;
        }
        var ok = ScalarBinder.CheckLength(field, node, array.Count, "items", errors);
        var items = (IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(field.Type))!;
        foreach (var item in array)
        {
            ok &= TryValue(field, item, errors, out var one);
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
        var ok = true;
        var map = (IDictionary)Activator.CreateInstance(typeof(Dictionary<,>).MakeGenericType(typeof(string), field.Type))!;
        foreach (var (name, item) in o.Members)
        {
            ok &= TryValue(field, item, errors, out var one);
            if (one is not null)
                map[name] = one;
        }
        value = map;
        return ok;
    }

    private static bool CheckUnique(ConfigArray array, ConfigErrors errors)
    {
        var ok = true;
        var seen = new Dictionary<string, ConfigNode>();
        foreach (var item in array.OfType<ConfigObject>())
        {
            if (item.Text("name") is not { } name || seen.TryAdd(name, item["name"]!))
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
        foreach (var member in o.Members)
        {
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

    private static bool CheckGroup(RecordShape shape, IGrouping<string, FieldShape> group, ConfigObject o, ConfigErrors errors)
    {
        var given = group.Where(f => f.IsGiven(o)).ToList();
        if (given.Count == 1 || (given.Count == 0 && !group.Any(f => f.OneOf!.Required)))
            return true;
        // A choice that is not served is one all the same: it is reported, and nothing is missing.
        if (given.Count == 0 && o.Members.Any(m => shape.UnsupportedReason(m.Key) is not null))
            return true;
        if (given.Count == 0)
            errors.Error(o, ConfigCode.MissingField, group.Count() == 1
                ? $"'{group.First().Name}' is missing"
                : $"one of these is missing: {string.Join(", ", group.Select(f => f.Name))}");
        else
            errors.ErrorAt(o, given[1].Name, ConfigCode.Conflict, $"only one of these may be given: {string.Join(", ", given.Select(f => f.Name))}");
        return false;
    }

    internal static string Article(ConfigNode node) => node switch
    {
        ConfigScalar { IsNull: true } => "null",
        ConfigObject or ConfigArray => "an " + node.KindName,
        _ => "a " + node.KindName,
    };
}
