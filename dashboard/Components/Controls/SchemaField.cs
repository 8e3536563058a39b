using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using static Managed.Dashboard.AdminApi.JsonReads;

namespace Managed.Dashboard.Components.Controls;

/// <summary>How a field is entered: a line, a choice, a section of further fields, or JSON where a form would hide more.</summary>
internal enum SchemaFieldKind
{
    Text,
    Number,
    Choice,
    Section,
    Json,
}

/// <summary>What a form has found wrong so far, by place; and who is told of each change.</summary>
public sealed class SchemaFormState
{
    private readonly Action _changed;

    public SchemaFormState(Action changed) => _changed = changed;

    public Dictionary<string, string> Wrong { get; } = [];

    public void Changed() => _changed();
}

/// <summary>One field of an object, as its JSON Schema (2020-12, as the node writes it) has it.</summary>
/// <param name="Now">What the input begins with: the text of the value; empty where it is not set.</param>
/// <param name="Usual">The default, in words.</param>
internal sealed record SchemaField(string Name, SchemaFieldKind Kind, string? Description, bool Required, string Now, string? Usual,
    IReadOnlyList<string> Choices, JsonElement Schema)
{
    internal static readonly JsonSerializerOptions Indented = new()
        { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Those that are set come first, then those that have to be, then the rest as the schema has them.</summary>
    public static IReadOnlyList<SchemaField> ReadAll(JsonElement schema, JsonElement root, JsonObject target)
    {
        schema = Resolve(schema, root);
        var required = Items(schema, "required").Select(r => r.GetString()).ToHashSet();
        var fields = Property(schema, "properties") is { ValueKind: JsonValueKind.Object } properties
            ? properties.EnumerateObject().Where(p => p.Name != "@type")
                .Select(p => Read(p.Name, p.Value, root, target[p.Name], required.Contains(p.Name))) : [];
        return [.. fields.OrderBy(f => target.ContainsKey(f.Name) ? 0 : f.Required ? 1 : 2)];
    }

    /// <summary>False: the text is no value of this field. A null value: it is not set.</summary>
    public bool TryRead(string typed, out JsonNode? value, out string wrong)
    {
        (value, wrong) = (null, "");
        if (typed.Length == 0)
            return true;
        switch (Kind)
        {
            case SchemaFieldKind.Number:
                if (double.TryParse(typed, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number))
                    value = long.TryParse(typed, CultureInfo.InvariantCulture, out var whole)
                        ? JsonValue.Create(whole) : JsonValue.Create(number);
                else if (Property(Schema, "anyOf") is not null)
                    value = JsonValue.Create(typed);
                else
                    wrong = "It is not a number.";
                break;
            case SchemaFieldKind.Json:
                try
                {
                    value = IsWord(typed) ? JsonValue.Create(typed) : JsonNode.Parse(typed);
                }
                catch (JsonException e)
                {
                    wrong = $"It is not JSON: line {(e.LineNumber ?? 0) + 1}, column {(e.BytePositionInLine ?? 0) + 1}.";
                }
                break;
            case SchemaFieldKind.Choice when Text(Schema, "type") is "boolean":
                value = JsonValue.Create(typed == "true");
                break;
            default:
                value = JsonValue.Create(typed);
                break;
        }
        return wrong.Length == 0;
    }

    private static SchemaField Read(string name, JsonElement written, JsonElement root, JsonNode? value, bool required)
    {
        var schema = Resolve(written, root);
        var kind = KindOf(schema);
        // A value of another form than the usual one, such as a short form, is shown as it is.
        if (value is not null && !Fits(kind, value))
            kind = SchemaFieldKind.Json;
        var now = value is null ? "" : kind is SchemaFieldKind.Json && !(value is JsonValue word && word.TryGetValue<string>(out var text)
                && TakesText(schema) && text.Length > 0 && !"{[\"".Contains(text[0])) ? value.ToJsonString(Indented)
            : value is JsonValue one ? one.GetValueKind() is JsonValueKind.String ? one.GetValue<string>() : one.ToJsonString() : "";
        string[] choices = Text(schema, "type") is "boolean" ? ["true", "false"] : [.. Items(schema, "enum").Select(e => e.ToString())];
        return new(name, kind,
            Text(written, "description") ?? (kind is SchemaFieldKind.Section ? null : Text(schema, "description")), required, now,
            UsualOf(written), choices, schema);
    }

    // As one would write it: JsonElement says True for true.
    private static string? UsualOf(JsonElement written) => Property(written, "default") is not { } value ? null
        : value.ValueKind is JsonValueKind.String ? value.GetString() : value.GetRawText();

    private static SchemaFieldKind KindOf(JsonElement schema)
    {
        if (Property(schema, "enum") is not null)
            return SchemaFieldKind.Choice;
        if (Items(schema, "anyOf").ToList() is [var first, ..] && Text(first, "type") is "integer" or "number")
            return SchemaFieldKind.Number; // or a size with its unit
        return Text(schema, "type") switch
        {
            "boolean" => SchemaFieldKind.Choice,
            "string" => SchemaFieldKind.Text,
            "integer" or "number" => SchemaFieldKind.Number,
            "object" when Property(schema, "properties") is { ValueKind: JsonValueKind.Object } => SchemaFieldKind.Section,
            _ => SchemaFieldKind.Json,
        };
    }

    // Where a text may stand for the whole, as in a short form, it is written without quotes.
    private bool IsWord(string typed) => TakesText(Schema) && !"{[\"".Contains(typed.TrimStart().FirstOrDefault());

    private static bool TakesText(JsonElement schema) =>
        Items(schema, "anyOf").Concat(Items(schema, "oneOf")).Any(s => Text(s, "type") is "string");

    private static bool Fits(SchemaFieldKind kind, JsonNode value) => kind switch
    {
        SchemaFieldKind.Section => value is JsonObject,
        SchemaFieldKind.Json => true,
        _ => value is JsonValue,
    };

    private static JsonElement Resolve(JsonElement schema, JsonElement root) =>
        Text(schema, "$ref") is { } reference && reference.StartsWith("#/$defs/", StringComparison.Ordinal)
            && Property(root, "$defs") is { } definitions && Property(definitions, reference["#/$defs/".Length..]) is { } found
            ? found : schema;
}
