using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text.Json.Serialization;
using Managed.Filters;

namespace Managed.Proxy.Configuration.Validation;

/// <summary>One field of a <see cref="RecordShape"/>.</summary>
internal sealed class FieldShape
{
    public FieldShape(PropertyInfo property, object? defaultValue)
    {
        Property = property;
        Default = defaultValue;
        Name = property.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name ?? FieldName.Snake(property.Name);
        Description = property.GetCustomAttribute<DescriptionAttribute>()?.Description ?? "";
        Required = property.IsDefined(typeof(RequiredAttribute));
        IsResourceName = property.IsDefined(typeof(ResourceNameAttribute));
        IsByteSize = property.IsDefined(typeof(ByteSizeAttribute));
        IsSensitive = property.IsDefined(typeof(SensitiveAttribute));
        OneOf = property.GetCustomAttribute<OneOfAttribute>();
        Range = property.GetCustomAttribute<RangeAttribute>();
        Length = property.GetCustomAttribute<LengthAttribute>();
        DurationRange = property.GetCustomAttribute<DurationRangeAttribute>();
        Unsupported = [.. property.GetCustomAttributes<UnsupportedValueAttribute>()];

        IsNullable = Nullable.GetUnderlyingType(property.PropertyType) is not null;
        Type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        if (Type.IsGenericType && Type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
            (IsList, Type) = (true, Type.GetGenericArguments()[0]);
        else if (Type.IsGenericType && Type.GetGenericTypeDefinition() == typeof(IReadOnlyDictionary<,>))
            (IsMap, Type) = (true, Type.GetGenericArguments()[1]);
        _set = MethodInvoker.Create(property.SetMethod!);
        var collection = IsList ? typeof(List<>).MakeGenericType(Type) : IsMap ? typeof(Dictionary<,>).MakeGenericType(typeof(string), Type)
            : null;
        _newCollection = collection is null ? null : ConstructorInvoker.Create(collection.GetConstructor([])!);
    }

    private readonly MethodInvoker _set;
    private readonly ConstructorInvoker? _newCollection;

    public PropertyInfo Property { get; }

    /// <summary>Sets the property of a record, also of one that has only an init accessor.</summary>
    public void Set(FilterConfiguration record, object value) => _set.Invoke(record, value);

    /// <summary>An empty list, or an empty map by name, of the values.</summary>
    public object NewCollection() => _newCollection!.Invoke();

    /// <summary>The snake_case name.</summary>
    public string Name { get; }

    public string Description { get; }

    /// <summary>The type of the value, of a list's items, of a map's values.</summary>
    public Type Type { get; }

    public bool IsNullable { get; }

    public bool IsList { get; }

    public bool IsMap { get; }

    public object? Default { get; }

    public bool Required { get; }

    public bool IsResourceName { get; }

    public bool IsByteSize { get; }

    public bool IsSensitive { get; }

    public OneOfAttribute? OneOf { get; }

    public RangeAttribute? Range { get; }

    public LengthAttribute? Length { get; }

    public DurationRangeAttribute? DurationRange { get; }

    public IReadOnlyList<UnsupportedValueAttribute> Unsupported { get; }

    public decimal Minimum => Range is null ? decimal.MinValue : Convert.ToDecimal(Range.Minimum, CultureInfo.InvariantCulture);

    public decimal Maximum => Range is null ? decimal.MaxValue : Convert.ToDecimal(Range.Maximum, CultureInfo.InvariantCulture);

    /// <summary>The member counts as given; a plain <c>false</c> is the same as leaving it out.</summary>
    public bool IsGiven(ConfigObject o) =>
        o.TryGet(Name, out var node)
        && node is not ConfigScalar { IsNull: true }
        && !(Type == typeof(bool) && !IsNullable && node is ConfigScalar { Text: "false" });
}
