using System.Globalization;
using Managed.AdminApi.Auth;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Trials;
using Managed.AdminApi.Versions;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Endpoints;

/// <summary>The part that every write has in common: its parameters, the proposal, the answer.</summary>
internal static class WriteCall
{
    private const int MaxComment = 4096;
    private static readonly TimeSpan MaxWait = TimeSpan.FromMinutes(5), MaxConfirm = TimeSpan.FromDays(7);

    /// <param name="edit">See <see cref="Proposal"/>.</param>
    /// <param name="piece">What the answer shows of the new document; null for nothing but the outcome.</param>
    /// <param name="status">Of success: 200 or 201.</param>
    /// <param name="location">Of what was created.</param>
    /// <param name="refine">Further settings of the proposal.</param>
    /// <param name="answer">The body instead of the piece.</param>
    public static async Task RunAsync(HttpContext context, Func<ActiveVersion, Edit> edit, Func<ConfigObject, ConfigNode?> piece,
        Func<int>? status = null, string? location = null, Func<Proposal, Proposal>? refine = null, Func<Submission, object>? answer = null)
    {
        var identity = Identity.Of(context);
        var watch = context.RequestServices.GetRequiredService<TrialWatch>();
        var conditions = Query.Text(context, "revert_if") is { } text ? RevertIf.Parse(text) : null;
        var proposal = new Proposal(identity.Name, identity.ByCookie ? ChangeSource.Dashboard : ChangeSource.Api, active => edit(active!))
        {
            Comment = CommentOf(context),
            DryRun = Query.Flag(context, "dry_run"),
            Wait = WaitOf(context),
            ConfirmWithin = Query.Duration(context, "confirm_within", TimeSpan.FromSeconds(1), MaxConfirm),
            RevertRule = conditions is null ? null : () => watch.Rule(conditions),
        };
        if (proposal is { RevertRule: not null, ConfirmWithin: null })
            throw ApiException.Parameter("revert_if", "is a part of a trial, and this change is for good",
                "say how long the trial is too: confirm_within=60s");
        if (proposal is { ConfirmWithin: not null, DryRun: false }
            && context.RequestServices.GetRequiredService<ConfirmationClock>().Open >= ConfirmationClock.MostOpen)
            throw Full($"{ConfirmationClock.MostOpen} deployments wait for their confirmation");
        if (proposal is { RevertRule: not null, DryRun: false } && watch.Open >= TrialWatch.Most)
            throw Full($"{TrialWatch.Most} deployments with revert_if wait for their confirmation");
        var done = await context.RequestServices.GetRequiredService<Publisher>()
            .SubmitAsync(refine?.Invoke(proposal) ?? proposal, context.RequestAborted);
        await AnswerAsync(context, done, piece, status, location, answer);
    }

    private static ApiException Full(string why) => new(ProblemCode.RateLimited, why)
    {
        Headers = new Dictionary<string, string> { ["Retry-After"] = "60" },
    };

    public static string? CommentOf(HttpContext context, string? fallback = null)
    {
        var comment = Query.Text(context, "comment") ?? fallback;
        return comment is null || comment.Length <= MaxComment ? comment
            : throw ApiException.Parameter("comment", $"is longer than {MaxComment} characters");
    }

    private static Task AnswerAsync(HttpContext context, Submission done, Func<ConfigObject, ConfigNode?> piece, Func<int>? status,
        string? location, Func<Submission, object>? answer)
    {
        var shown = done.Outcome == SubmissionOutcome.Accepted ? null : piece(done.Document);
        PieceAnswer.Headers(context, done.Version, done.Outcome == SubmissionOutcome.DryRun ? null : shown?.ETag);
        context.Response.Headers["Config-Changed"] = done.Outcome is SubmissionOutcome.Applied or SubmissionOutcome.Accepted ? "true"
            : "false";
        if (done.Deployment is not null)
            context.Response.Headers["Config-Deployment"] = done.Deployment;
        var code = status?.Invoke() ?? StatusCodes.Status200OK;
        switch (done.Outcome)
        {
            case SubmissionOutcome.DryRun:
                return JsonAnswer.WriteAsync(context, code,
                    new Contracts.DryRunReport(true, done.Version, done.Diff.Count > 0 || done.CommentsChanged, done.Diff, done.Summary!,
                        Contracts.Impact.From(done.Impact!), done.Warnings) { CommentsChanged = done.CommentsChanged });
            case SubmissionOutcome.Accepted:
                context.Response.Headers.Location = $"{ApiRoutes.V1}/deployments/{done.Deployment}";
                if (context.Request.Headers["Prefer"].Count > 0)
                    context.Response.Headers["Preference-Applied"] = "respond-async";
                return JsonAnswer.WriteAsync(context, StatusCodes.Status202Accepted,
                    new { deployment = done.Deployment, version = done.Version });
        }
        if (code == StatusCodes.Status201Created && location is not null)
            context.Response.Headers.Location = location;
        if (done.Warnings.Count > 0)
            context.Response.Headers["Config-Warnings"] = done.Warnings.Count.ToString(CultureInfo.InvariantCulture);
        return JsonAnswer.WriteAsync(context, done.Outcome == SubmissionOutcome.Unchanged ? StatusCodes.Status200OK : code,
            shown ?? answer?.Invoke(done) ?? new { version = done.Version, changed = done.Outcome == SubmissionOutcome.Applied,
                deployment = done.Deployment, summary = done.Summary, confirm_by = done.ConfirmDeadline, warnings = done.Warnings });
    }

    /// <summary><c>?wait=</c>, or <c>Prefer: respond-async</c> and <c>Prefer: wait=N</c> (RFC 7240).</summary>
    private static TimeSpan? WaitOf(HttpContext context)
    {
        if (Query.Duration(context, "wait", TimeSpan.Zero, MaxWait) is { } wait)
            return wait;
        var preferences = context.Request.Headers["Prefer"].SelectMany(h => (h ?? "").Split([',', ';'], StringSplitOptions.TrimEntries))
            .ToList();
        if (!preferences.Contains("respond-async", StringComparer.OrdinalIgnoreCase))
            return null;
        var seconds = preferences.Find(p => p.StartsWith("wait=", StringComparison.OrdinalIgnoreCase));
        return seconds is not null && int.TryParse(seconds.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var n)
            ? TimeSpan.FromSeconds(Math.Min(n, MaxWait.TotalSeconds)) : TimeSpan.Zero;
    }
}
