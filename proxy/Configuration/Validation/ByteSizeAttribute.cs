namespace Managed.Proxy.Configuration.Validation;

/// <summary>A number of bytes, also written as <c>64KiB</c>, <c>1MiB</c>.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ByteSizeAttribute : Attribute;
