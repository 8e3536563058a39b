namespace Managed.Proxy.Configuration.Validation;

/// <summary>Values of Envoy's enumeration that this version does not serve.</summary>
[AttributeUsage(AttributeTargets.Property, AllowMultiple = true)]
public sealed class UnsupportedValueAttribute(string values, string reason) : Attribute
{
    /// <summary>Names separated by spaces.</summary>
    public string Values { get; } = values;

    public string Reason { get; } = reason;
}
