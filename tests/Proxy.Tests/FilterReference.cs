using System.Text;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Tests;

/// <summary>Makes docs/filters.md out of the catalogue, the configuration records and the golden configurations.</summary>
internal static class FilterReference
{
    public static string Write(Func<string, string> example)
    {
        var page = new StringBuilder();
        page.Append("""
            # Filters

            Made from the catalogue and the configuration records by `MANAGED_UPDATE_GOLDEN=1 bash tests/run.sh Proxy`; do not edit it.

            A filter is found by its name, the last segment of it, or its type in `@type`. Fields are Envoy's; a field of Envoy's that is missing
            here is refused, with the reason. The same in machine-readable form: `GET /api/v1/schema` and `/api/v1/schema/{kind}`.

            | filter | where | what it does |
            |---|---|---|

            """);
        foreach (var d in ExtensionCatalog.ListenerFilters)
            page.Append($"| [{Short(d.Name)}](#{Short(d.Name)}) | listener | {Cell(d.Summary)} |\n");
        foreach (var d in ExtensionCatalog.NetworkFilters)
            page.Append($"| [{Short(d.Name)}](#{Short(d.Name)}) | network | {Cell(d.Summary)} |\n");
        foreach (var d in ExtensionCatalog.HttpFilters)
            page.Append($"| [{Short(d.Name)}](#{Short(d.Name)}) | HTTP | {Cell(d.Summary)} |\n");
        foreach (var d in ExtensionCatalog.ListenerFilters) Filter(page, d.Name, d.TypeName, d.Summary, d.ConfigType, null, null, example);
        foreach (var d in ExtensionCatalog.NetworkFilters) Filter(page, d.Name, d.TypeName, d.Summary, d.ConfigType, null, null, example);
        foreach (var d in ExtensionCatalog.HttpFilters)
            Filter(page, d.Name, d.TypeName, d.Summary, d.ConfigType, d.RouteTypeName, d.RouteConfigType, example);
        return page.ToString();
    }

    /// <summary>The last segment of a filter's name.</summary>
    public static string Short(string name) => name[(name.LastIndexOf('.') + 1)..];

    private static void Filter(StringBuilder page, string name, string type, string summary, Type config, string? routeType,
        Type? routeConfig, Func<string, string> example)
    {
        page.Append(
            $"\n## {Short(name)}\n{summary} Name `{name}`, type `{type}`"
                + $"{(routeType is null || routeType == type ? "" : $", per route `{routeType}`")}.\n\n");
        page.Append($"```yaml\n{example(Short(name)).TrimEnd('\n')}\n```\n");
        var seen = new HashSet<Type>();
        Fields(page, "", config, seen);
        if (routeConfig is not null && seen.Add(routeConfig)) Fields(page, "Per route: ", routeConfig, seen);
    }

    // A record, then what it holds. What belongs to the whole document (routes, matchers, data sources) is in the schema.
    private static void Fields(StringBuilder page, string title, Type record, HashSet<Type> seen)
    {
        seen.Add(record);
        var shape = RecordShape.Of(record);
        if (shape.Fields.Length == 0)
        {
            page.Append("\nNo fields.\n");
            return;
        }
        if (title.Length > 0) page.Append($"\n**{title.TrimEnd()}** {Cell(shape.Description)}\n");
        page.Append("\n| field | kind | default | meaning |\n|---|---|---|---|\n");
        var inner = new List<(string Name, Type Type)>();
        foreach (var field in shape.Fields)
        {
            page.Append($"| `{field.Name}` | {Kind(field)} | {Default(field)} | {Cell(field.Description)} |\n");
            if (RecordShape.IsRecord(field.Type) && IsOwn(field.Type) && !seen.Contains(field.Type)
                && inner.TrueForAll(i => i.Type != field.Type))
                inner.Add((field.Name, field.Type));
        }
        foreach (var (name, type) in inner)
            if (!seen.Contains(type) && RecordShape.Of(type).Fields.Length > 0) Fields(page, $"`{name}`: ", type, seen);
    }

    // What all filters have in common is described once, elsewhere.
    private static bool IsOwn(Type record) => !record.Namespace!.StartsWith("Managed.Proxy.Configuration", StringComparison.Ordinal);

    private static string Kind(FieldShape field)
    {
        var kind = field.Type switch
        {
            var t when RecordShape.IsRecord(t) || t.IsAssignableTo(typeof(Managed.Proxy.Configuration.ConfigNode)) => "object",
            var t when t == typeof(bool) => "boolean",
            var t when t == typeof(TimeSpan) => "duration",
            var t when t == typeof(string) => "string",
            var t when t == typeof(byte[]) => "base64",
            var t when t == typeof(double) => "number",
            { IsEnum: true } t => string.Join(", ", EnumNames.All(t).Keys.Select(k => $"`{k}`")),
            _ => field.IsByteSize ? "size" : "integer",
        };
        var range = field.Range is null ? "" : $" {field.Minimum:0}–{field.Maximum:0}";
        return (field.IsList ? "list of " : field.IsMap ? "map to " : "") + kind + range
            + (field.OneOf is { } group ? $" (one of {group.Group})" : "");
    }

    private static string Default(FieldShape field) => field.Default switch
    {
        _ when field.Required => "required",
        null or ConfigRecord or "" => "",
        bool b => b ? "true" : "false",
        TimeSpan t => ProtoDuration.Format(t),
        Enum e => EnumNames.Of(e),
        string s => $"`{s}`",
        System.Collections.IEnumerable => "",
        var number => Convert.ToString(number, System.Globalization.CultureInfo.InvariantCulture) ?? "",
    };

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal)
        .Replace("\n", " ", StringComparison.Ordinal);
}
