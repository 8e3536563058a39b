namespace Managed.Proxy.Router.Matching;

/// <summary>One step of a match and why it was taken or not. <paramref name="Kind"/>: filter_chain, virtual_host or route.</summary>
public sealed record MatchStep(string Kind, string Name, bool Matched, string Reason);
