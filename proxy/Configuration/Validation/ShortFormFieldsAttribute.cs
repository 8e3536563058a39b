namespace Managed.Proxy.Configuration.Validation;

/// <summary>Fields that exist only in the short form and are gone when a record binds: known to the "did you mean", nothing else.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ShortFormFieldsAttribute(string fields) : Attribute
{
    /// <summary>Names separated by spaces.</summary>
    public string Fields { get; } = fields;
}
