namespace Managed.Proxy.Streams.Formatting.Operators;

/// <summary>An operator as written.</summary>
internal readonly record struct OperatorRequest(string Name, string? Arguments, int? Length, FormatUse Use);
