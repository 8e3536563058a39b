namespace Managed.Proxy.Router;

/// <summary>What a route does with a request.</summary>
public enum RouteKind : byte
{
    /// <summary>Forwards to <see cref="RouteEntry.ResolveCluster"/>.</summary>
    Route,
    /// <summary>Answers with <see cref="RouteEntry.RedirectStatus"/> and <see cref="RouteEntry.WriteLocation"/>.</summary>
    Redirect,
    /// <summary>Answers with <see cref="RouteEntry.DirectStatus"/> and <see cref="RouteEntry.WriteDirectBody"/>.</summary>
    DirectResponse,
    /// <summary>Left to a filter; the router answers 404 when none did.</summary>
    NonForwarding,
}
