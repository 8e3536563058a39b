using Managed.AdminApi.Documents;
using Managed.AdminApi.Problems;
using Managed.Proxy;

namespace Managed.AdminApi.Contracts;

/// <summary>What a write would do. <paramref name="Version"/> is the version it was tried on.</summary>
internal sealed record DryRunReport(bool DryRun, long Version, bool Changed, IReadOnlyList<DiffOperation> Diff, ChangeSummary Summary,
    Impact Impact, IReadOnlyList<ErrorItem> Warnings)
{
    /// <summary>What stands beside the document in comments would be another; <c>changed</c> is true then, too.</summary>
    public bool CommentsChanged { get; init; }
}

/// <summary>api.md <c>impact</c>.</summary>
internal sealed record Impact(
    IReadOnlyList<string> ListenersAdded, IReadOnlyList<string> ListenersRemoved, IReadOnlyList<string> ListenersRebound,
    IReadOnlyList<string> ListenersChanged,
    IReadOnlyList<string> ChainsReplaced, IReadOnlyList<string> ChainsRemoved, long ConnectionsDrained, IReadOnlyList<string> CodeToCompile,
    IReadOnlyList<string> ClustersAdded, IReadOnlyList<string> ClustersRemoved, IReadOnlyList<string> ClustersRebuilt)
{
    public static Impact From(PublicationImpact impact) => new(
        impact.ListenersAdded, impact.ListenersRemoved, impact.ListenersRebound, impact.ListenersChanged, impact.FilterChainsReplaced,
        impact.FilterChainsRemoved,
        impact.ConnectionsDrained, impact.CodeToCompile, impact.ClustersAdded, impact.ClustersRemoved, impact.ClustersRebuilt);
}
