namespace Managed.Proxy.Configuration.Validation;

/// <summary>
/// Fields of Envoy's message that this version does not serve: given, they are an UNSUPPORTED_FIELD error instead of an unknown field.
/// </summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true, Inherited = false)]
public sealed class UnsupportedFieldAttribute(string fields, string reason) : Attribute
{
    /// <summary>Names separated by spaces.</summary>
    public string Fields { get; } = fields;

    /// <summary>Completes the sentence "<c>'x' is not supported: …</c>".</summary>
    public string Reason { get; } = reason;
}
