using Managed.Proxy.Configuration;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Router;

/// <summary>Builds what a route says to a filter of this name; null with an error added.</summary>
/// <param name="place">Names of table, virtual host and route, for the identity of carried-over state.</param>
public delegate object? RouteFilterBuild(string name, ConfigObject config, string place);

/// <summary>What the routes of one version are built with, on the control thread.</summary>
public sealed class RouteBuildContext
{
    public required ConfigErrors Errors { get; init; }
    /// <summary>The clusters of this version by name.</summary>
    public required IReadOnlyDictionary<string, Cluster> Clusters { get; init; }
    /// <summary>For <c>typed_per_filter_config</c>.</summary>
    public required RouteFilterBuild BuildFilter { get; init; }
    /// <summary>
    /// How much the version has taken by now that is counted and leased by versions: what was built while it stayed the same may be a part
    /// of the next one.
    /// </summary>
    public Func<long> Taken { get; init; } = static () => 0;
    /// <summary>The same table in the version before: what has not changed is taken from it.</summary>
    public RouteTable? Former { get; init; }

    /// <summary>
    /// Changes with all that makes a part this version's own: leases, names of statistics, what was asked of the machine or told to the
    /// user.
    /// </summary>
    internal long Ties() => Taken() + Errors.Host.Asked + Errors.Noted;
}
