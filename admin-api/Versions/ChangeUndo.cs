using Managed.AdminApi.Documents;
using Managed.AdminApi.Problems;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Versions;

/// <summary>The change that one version made, ready to be taken back out of what is active later.</summary>
/// <param name="Number">Of the version.</param>
/// <param name="FormerNumber">Of the version that <paramref name="Before"/> is from.</param>
/// <param name="Before">The document that it was made from.</param>
/// <param name="After">Its own document.</param>
internal sealed record ChangeUndo(long Number, long FormerNumber, ConfigObject Before, ConfigObject After)
{
    /// <exception cref="ApiException">404, or 409 when it changed nothing that was ever live.</exception>
    /// <param name="store">The history.</param>
    /// <param name="number">Of the version.</param>
    /// <param name="room">See <see cref="VersionStore.Load"/>.</param>
    public static ChangeUndo Of(VersionStore store, long number, Action<long>? room = null)
    {
        var (row, after) = store.Load(number, room);
        if (row.State is VersionState.Rejected or VersionState.Pending)
            throw new ApiException(ProblemCode.RollbackBlocked, $"version {number} never went live, so there is nothing to take back");
        if (row.BaseVersion is not { } basis)
            throw new ApiException(ProblemCode.RollbackBlocked, $"version {number} is the first one; there is nothing before it");
        var former = Former(store, basis);
        return new(number, former, store.Load(former, room).Document, after);
    }

    /// <param name="now">The active document.</param>
    /// <param name="overlapsToo">See <see cref="ThreeWayMerge.TakeBack"/>.</param>
    public (ConfigObject Document, IReadOnlyList<MergeConflict> Conflicts) From(ConfigObject now, bool overlapsToo)
        => ThreeWayMerge.TakeBack(Before, After, now, overlapsToo);

    /// <summary>A change on top of another that was taken back itself goes back to what was before both.</summary>
    private static long Former(VersionStore store, long number)
    {
        while (store.Describe(number) is { State: VersionState.Reverted, BaseVersion: { } former })
            number = former;
        return number;
    }
}
