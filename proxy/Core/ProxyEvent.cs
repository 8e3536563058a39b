namespace Managed.Proxy.Core;

/// <summary>Something the data plane did on its own: <c>listener.drained</c>, <c>endpoint.health_changed</c>, …</summary>
public sealed record ProxyEvent(string Type, IReadOnlyDictionary<string, object?> Data);
