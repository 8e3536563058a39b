using System.Collections;
using System.Globalization;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Schema;

/// <summary>JSON Schema (draft 2020-12) of the document and of single messages, from the records the binder uses, with the short forms.
/// Field names are in snake_case; lowerCamelCase is accepted by the reader and not described.</summary>
public sealed class SchemaWriter
{
    private readonly ConfigObject _definitions = new();

    private SchemaWriter()
    {
    }

    /// <summary>The whole document.</summary>
    public static ConfigObject Document() => For(typeof(BootstrapConfig));

    /// <summary>One record and what it refers to.</summary>
    /// <param name="recordType">A <see cref="ConfigRecord"/>.</param>
    public static ConfigObject For(Type recordType)
    {
        var writer = new SchemaWriter();
        var root = new ConfigObject()
            .Set("$schema", Text("https://json-schema.org/draft/2020-12/schema"))
            .Set("title", Text(Title(recordType)));
        foreach (var (name, value) in writer.Record(recordType).Members)
            root.Set(name, value);
        if (writer._definitions.Count > 0)
            root.Set("$defs", writer._definitions);
        return root;
    }

    private ConfigNode Reference(Type type)
    {
        var name = Title(type);
        if (!_definitions.Has(name))
        {
            _definitions.Set(name, new ConfigObject()); // taken before it is filled: records may hold themselves
            _definitions.Set(name, ShortFormSchema.Widen(type, Record(type)));
        }
        return new ConfigObject().Set("$ref", Text("#/$defs/" + name));
    }

    private ConfigObject Record(Type type)
    {
        var shape = RecordShape.Of(type);
        var properties = new ConfigObject();
        properties.TryAdd(new("@type", new ConfigObject().Set("type", Text("string")), 0, 0));
        var required = new ConfigArray();
        foreach (var field in shape.Fields)
        {
            properties.Set(field.Name, Field(field));
            if (field.Required && !ShortFormSchema.IsFilledIn(type, field.Name))
                required.Add(Text(field.Name));
        }
        ShortFormSchema.AddFields(type, properties, Reference);

        var schema = new ConfigObject().Set("type", Text("object"));
        if (shape.Description.Length > 0)
            schema.Set("description", Text(shape.Description));
        schema.Set("properties", properties);
        if (required.Count > 0)
            schema.Set("required", required);
        schema.Set("additionalProperties", ConfigScalar.Boolean(false));
        if (shape.Groups.Length > 0)
        {
            var groups = new ConfigArray();
            foreach (var group in shape.Groups)
                groups.Add(Group(group));
            schema.Set("allOf", groups);
        }
        return schema;
    }

    /// <summary>Exactly one of a group; when none is needed, none of them is a further way.</summary>
    private static ConfigObject Group(FieldShape[] group)
    {
        var ways = new ConfigArray();
        var any = new ConfigArray();
        foreach (var field in group)
        {
            var one = new ConfigObject().Set("required", new ConfigArray().Add(Text(field.Name)));
            ways.Add(one);
            any.Add(one);
        }
        if (!group.Any(f => f.OneOf!.Required))
            ways.Add(new ConfigObject().Set("not", new ConfigObject().Set("anyOf", any)));
        return new ConfigObject().Set("oneOf", ways);
    }

    private ConfigObject Field(FieldShape field)
    {
        var value = Value(field);
        var schema = value;
        if (field.IsList)
        {
            schema = new ConfigObject().Set("type", Text("array")).Set("items", value);
            if (field.Length is { } bounds)
                schema.Set("minItems", ConfigScalar.Number(bounds.MinimumLength))
                    .Set("maxItems", ConfigScalar.Number(bounds.MaximumLength));
        }
        else if (field.IsMap)
        {
            schema = new ConfigObject().Set("type", Text("object")).Set("additionalProperties", value);
            if (field.Length is { } bounds)
                schema.Set("minProperties", ConfigScalar.Number(bounds.MinimumLength))
                    .Set("maxProperties", ConfigScalar.Number(bounds.MaximumLength));
        }
        if (field.Description.Length > 0)
            schema.Set("description", Text(field.Description));
        if (Default(field) is { } usual)
            schema.Set("default", usual);
        return schema;
    }

    private ConfigObject Value(FieldShape field)
    {
        var type = field.Type;
        if (RecordShape.IsRecord(type))
            return (ConfigObject)Reference(type);
        if (type == typeof(ConfigNode))
            return new ConfigObject(); // anything
        if (type.IsAssignableTo(typeof(ConfigNode)))
            return new ConfigObject().Set("type", Text("object"));
        if (type == typeof(bool))
            return new ConfigObject().Set("type", Text("boolean"));
        if (type == typeof(TimeSpan))
            return new ConfigObject().Set("type", Text("string")).Set("pattern", Text(@"^([0-9]+(\.[0-9]+)?(h|ms|m|s|us|ns))+$"));
        if (type.IsEnum)
            return new ConfigObject().Set("enum", Texts(EnumNames.All(type).Keys));
        if (type == typeof(byte[]))
            return new ConfigObject().Set("type", Text("string")).Set("contentEncoding", Text("base64"));
        return type == typeof(string) ? String(field) : Number(field);
    }

    private static ConfigObject String(FieldShape field)
    {
        var schema = new ConfigObject().Set("type", Text("string"));
        if (field.IsResourceName)
            schema.Set("pattern", Text(ResourceNameAttribute.Pattern));
        if (field.Length is { } bounds && !field.IsList)
            schema.Set("minLength", ConfigScalar.Number(bounds.MinimumLength)).Set("maxLength", ConfigScalar.Number(bounds.MaximumLength));
        return schema;
    }

    private static ConfigObject Number(FieldShape field)
    {
        var number = new ConfigObject().Set("type", Text(field.Type == typeof(double) ? "number" : "integer"));
        if (field.Range is not null)
            number.Set("minimum", ConfigScalar.Number((long)field.Minimum)).Set("maximum", ConfigScalar.Number((long)field.Maximum));
        else if (field.Type == typeof(uint))
            number.Set("minimum", ConfigScalar.Number(0)).Set("maximum", ConfigScalar.Number(uint.MaxValue));
        return field.IsByteSize
            ? new ConfigObject().Set("anyOf", new ConfigArray().Add(number).Add(
                new ConfigObject().Set("type", Text("string")).Set("pattern", Text(@"^[0-9]+(\.[0-9]+)? ?(B|KiB|MiB|GiB|KB|MB|GB)?$"))))
            : number;
    }

    private static ConfigScalar? Default(FieldShape field) => field.Default switch
    {
        null or ConfigRecord or ConfigNode or "" => null,
        bool b => ConfigScalar.Boolean(b),
        string s => Text(s),
        TimeSpan t => Text(ProtoDuration.Format(t)),
        Enum e => Text(EnumNames.Of(e)),
        IEnumerable => null,
        double d => new ConfigScalar(ConfigScalarKind.Number, d.ToString("R", CultureInfo.InvariantCulture)),
        var number => ConfigScalar.Number(Convert.ToInt64(number, CultureInfo.InvariantCulture)),
    };

    internal static ConfigScalar Text(string text) => ConfigScalar.String(text);

    private static ConfigArray Texts(IEnumerable<string> texts)
    {
        var array = new ConfigArray();
        foreach (var text in texts)
            array.Add(Text(text));
        return array;
    }

    private static string Title(Type type) => RecordShape.Of(type).Title;
}
