namespace Managed.Proxy.Upstream.Requests;

/// <summary>What a request says about its endpoint.</summary>
/// <param name="Host"><c>address</c> or <c>address:port</c> to prefer; null: as the cluster's policy says.</param>
/// <param name="IsStrict">No other will do.</param>
/// <param name="Hash">For policies that go by one; null: there is none.</param>
internal readonly record struct PickContext(string? Host, bool IsStrict, ulong? Hash = null);
