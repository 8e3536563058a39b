namespace Managed.Filters;

/// <summary>
/// What a document says to a filter: a record with one <c>init</c> property for each field, <c>FieldName</c> being <c>field_name</c> in the
/// document. Property types: <c>bool</c>, <c>int</c>, <c>uint</c>, <c>long</c>, <c>double</c>, <c>string</c>, <c>byte[]</c> (base64),
/// <c>TimeSpan</c> (<c>250ms</c>), enumerations (<c>SCREAMING_SNAKE</c>), records of this kind, <c>IReadOnlyList</c> and
/// <c>IReadOnlyDictionary</c> (by <c>string</c>) of these; a nullable one may be left out and told apart from its default. The value that a
/// property has in a new record is the field's default. Unknown fields, wrong types and values out of range are errors at their place in
/// the document. Attributes that say more, to the binder, the JSON Schema and the dashboard's forms: <c>[Required]</c>,
/// <c>[Description]</c>, <c>[Range]</c>, <c>[Length]</c> of System.ComponentModel, and <see cref="OneOfAttribute"/>,
/// <see cref="ByteSizeAttribute"/>, <see cref="DurationRangeAttribute"/>.
/// </summary>
public abstract record FilterConfiguration
{
    // Of the binder, which has types of its own for places in documents.
    internal object? Place { get; set; }
    internal string? BelowSensitive { get; set; }
    internal bool IsWrong { get; set; }
}

/// <summary>For a configuration that has nothing to say.</summary>
public sealed record NoConfiguration : FilterConfiguration;

/// <summary>At most one property of the group may be given, as in a proto <c>oneof</c>; with <see cref="Required"/> exactly one.</summary>
/// <param name="group">A name for the group, the same on each of its properties.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OneOfAttribute(string group) : Attribute
{
    /// <summary>The name of the group.</summary>
    public string Group { get; } = group;

    /// <summary>One of them must be given.</summary>
    public bool Required { get; init; }
}

/// <summary>A number of bytes, also written as <c>64KiB</c>, <c>1MiB</c>.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ByteSizeAttribute : Attribute;

/// <summary>Bounds of a duration in milliseconds, both inclusive. Without it a duration is at least 0 and at most ten years.</summary>
/// <param name="minMilliseconds">The least.</param>
/// <param name="maxMilliseconds">The most.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class DurationRangeAttribute(double minMilliseconds, double maxMilliseconds = DurationRangeAttribute.TenYears) : Attribute
{
    /// <summary>Ten years: far above any use, far below what overflows a timer.</summary>
    public const double TenYears = 10d * 365 * 24 * 3600 * 1000;

    /// <summary>The least, in milliseconds.</summary>
    public double MinMilliseconds { get; } = minMilliseconds;

    /// <summary>The most, in milliseconds.</summary>
    public double MaxMilliseconds { get; } = maxMilliseconds;
}
