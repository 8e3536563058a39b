using Managed.AdminApi.Documents;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Trials;
using Managed.Proxy;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Versions;

/// <summary>
/// A change that somebody wants. <paramref name="Edit"/> runs on the active version (null before the first), and again when another one is
/// active by the time the version is made, so its preconditions hold then; it ends the call by throwing.
/// </summary>
internal sealed record Proposal(string Author, string Source, Func<ActiveVersion?, Edit> Edit)
{
    public string? Comment { get; init; }
    /// <summary>The document is the operator's own file, which may name anything.</summary>
    public bool IsOperators { get; init; }
    public bool DryRun { get; init; }
    /// <summary>Code that cannot be had is done without (a node that starts).</summary>
    public bool MakesDo { get; init; }
    /// <summary>How long the caller waits for the outcome; null for as long as it takes, zero not at all.</summary>
    public TimeSpan? Wait { get; init; }
    public TimeSpan? ConfirmWithin { get; init; }
    /// <summary>What takes it back before that time, made right before it goes live; null: nothing.</summary>
    public Func<RevertRule>? RevertRule { get; init; }
    /// <summary>See <see cref="Migrations.VersionRow.Restores"/>.</summary>
    public long? Restores { get; init; }
    /// <summary>The deployment this one takes back.</summary>
    public string? Reverts { get; init; }
    /// <summary>Asked again right before the version is made; ends the call by throwing.</summary>
    public Action? StillHolds { get; init; }
    /// <summary>A failure is a 409 that says what stands in the way, instead of a 422 about what was submitted.</summary>
    public bool IsRollback { get; init; }
}

/// <summary>The document as it would be.</summary>
/// <param name="Submitted">The text of this call, to tell its errors from those of the rest of the document.</param>
/// <param name="What">For messages: <c>the submitted listener</c>.</param>
internal sealed record Edit(ConfigObject Document, ConfigSource? Submitted, string What)
{
    /// <summary>Documents of versions that it is made from, beside the active one: their files stay what they were.</summary>
    public IReadOnlyList<ConfigObject> Stored { get; init; } = [];
}

internal enum SubmissionOutcome
{
    /// <summary>The document is already so; no version was made.</summary>
    Unchanged,
    DryRun,
    Applied,
    /// <summary>Recorded; the outcome is still to come.</summary>
    Accepted,
}

/// <summary>What became of a proposal that did not fail.</summary>
/// <param name="Version">The version that holds <paramref name="Document"/>; the active one when nothing was made.</param>
internal sealed record Submission(SubmissionOutcome Outcome, long Version, ConfigObject Document, IReadOnlyList<ErrorItem> Warnings)
{
    public string? Deployment { get; init; }
    public ChangeSummary? Summary { get; init; }
    public DateTimeOffset? ConfirmDeadline { get; init; }
    /// <summary>Of a dry run.</summary>
    public IReadOnlyList<DiffOperation> Diff { get; init; } = [];
    /// <summary>Of a dry run.</summary>
    public bool CommentsChanged { get; init; }
    /// <summary>Of a dry run.</summary>
    public PublicationImpact? Impact { get; init; }
}
