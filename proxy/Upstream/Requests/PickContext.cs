namespace Managed.Proxy.Upstream.Requests;

/// <summary>What a request says about its endpoint.</summary>
/// <param name="Host"><c>address</c> or <c>address:port</c> to prefer; null: as the cluster's policy says.</param>
/// <param name="IsStrict">No other will do.</param>
internal readonly record struct PickContext(string? Host, bool IsStrict);
