namespace Managed.Proxy.Configuration.Validation;

/// <summary>The name a resource is addressed by: <c>^[A-Za-z0-9._-]{1,64}$</c>, unique in its list.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ResourceNameAttribute : Attribute;
