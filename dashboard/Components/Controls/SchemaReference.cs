using System.Text.Json;
using static Managed.Dashboard.AdminApi.JsonReads;

namespace Managed.Dashboard.Components.Controls;

/// <summary>One object of a JSON Schema as a table of its fields. One at a time: a listener's schema leads to a hundred.</summary>
internal sealed record SchemaReference(string? Description, IReadOnlyList<SchemaReferenceField> Fields)
{
    private const string Definitions = "#/$defs/";

    /// <param name="part">A definition of the schema; null: its own object.</param>
    /// <returns>Null: there is no such definition.</returns>
    public static SchemaReference? Read(JsonElement schema, string? part)
    {
        var definitions = Property(schema, "$defs") ?? default;
        if ((part is null ? schema : Property(definitions, part)) is not { } shown)
            return null;
        // What leads to no table (a text, a choice) is not linked.
        return new(Text(shown, "description"), [.. FieldsOf(shown).Select(f => f.Part is { } of
            && Property(Property(definitions, of) ?? default, "properties") is null ? f with { Part = null } : f)]);
    }

    private static List<SchemaReferenceField> FieldsOf(JsonElement schema)
    {
        var required = Items(schema, "required").Select(r => r.GetString()).ToHashSet();
        return Property(schema, "properties") is { ValueKind: JsonValueKind.Object } properties
            ? [.. properties.EnumerateObject().Where(p => p.Name != "@type").Select(p => new SchemaReferenceField(p.Name,
                required.Contains(p.Name), Takes(p.Value), Property(p.Value, "default")?.ToString(), Text(p.Value, "description"),
                PartOf(p.Value)))]
            : [];
    }

    /// <summary>What it takes, in words: <c>list of Mutation</c>, <c>one of OPEN, CLOSED</c>, <c>integer or string</c>.</summary>
    private static string Takes(JsonElement schema)
    {
        if (Text(schema, "$ref") is { } reference)
            return reference[(reference.LastIndexOf('/') + 1)..];
        if (Property(schema, "enum") is not null)
            return "one of " + string.Join(", ", Items(schema, "enum").Take(12).Select(e => e.ToString()));
        var several = Items(schema, "anyOf").Concat(Items(schema, "oneOf")).ToList();
        if (several.Count > 0)
            return string.Join(" or ", several.Select(Takes).Distinct());
        return Text(schema, "type") switch
        {
            "array" => "list of " + (Property(schema, "items") is { } items ? Takes(items) : "anything"),
            "object" when Property(schema, "additionalProperties") is { ValueKind: JsonValueKind.Object } values => "map of " + Takes(values),
            { } type => type == "string" ? "text" : type,
            _ => "anything",
        };
    }

    private static string? PartOf(JsonElement schema) =>
        Text(schema, "$ref") is { } reference && reference.StartsWith(Definitions, StringComparison.Ordinal) ? reference[Definitions.Length..]
        : new[] { Property(schema, "items"), Property(schema, "additionalProperties") }.OfType<JsonElement>().Select(PartOf)
            .Concat(Items(schema, "anyOf").Concat(Items(schema, "oneOf")).Select(PartOf)).FirstOrDefault(p => p is not null);
}

/// <param name="Takes">In words.</param>
/// <param name="Part">The object whose fields it has; null: it has none.</param>
internal sealed record SchemaReferenceField(string Name, bool Required, string Takes, string? Usual, string? Description, string? Part);
