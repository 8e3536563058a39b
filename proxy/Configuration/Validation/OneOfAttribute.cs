namespace Managed.Proxy.Configuration.Validation;

/// <summary>At most one property of the group may be given, as in a proto <c>oneof</c>; with <see cref="Required"/> exactly one.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OneOfAttribute(string group) : Attribute
{
    public string Group { get; } = group;

    public bool Required { get; init; }
}
