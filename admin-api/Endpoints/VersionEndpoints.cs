using System.Globalization;
using Managed.AdminApi.Contracts;
using Managed.AdminApi.Documents;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Swagger;
using Managed.AdminApi.Versions;
using static Managed.AdminApi.Problems.ProblemCode;

namespace Managed.AdminApi.Endpoints;

/// <summary>The history: list, look, compare, annotate, roll back.</summary>
internal static class VersionEndpoints
{
    private const string Tag = "Versions";
    private const int MaxConflicts = 100; // more tell nobody anything
    private static readonly ApiParameter Overlap =
        new("overlap", "What becomes of places that later changes touch too: keep or revert. Without it they are a conflict.", "keep");

    public static void MapVersions(this ApiRoutes api)
    {
        IReadOnlyList<(int, string, string?)> published =
        [
            (200, "Published, or unchanged; the new version", ConfigExamples.Version),
            (202, "With wait=0s: the deployment", """{"deployment":"d-00000042","version":42}"""),
        ];
        ProblemCode[] rollbackErrors = [MalformedBody, InvalidParameter, NotFound, VersionPruned, RollbackBlocked, EtagMismatch, TooLarge,
            RateLimited,             UnsupportedMediaType, StoreUnavailable, ApplyTimeout];
        api.Get("/versions", ListAsync, new(Tag, "Lists versions, newest first")
            {
                Description = "Those that the history keeps: `--history-keep` and what is in use, pinned or labelled.",
                Parameters = ApiParameters.Page, Errors = [InvalidParameter, StoreUnavailable],
                Answers = [(200, "One page", $$"""{"items":[{{ConfigExamples.Version}}],"next_page_token":null,"total_size":1}""")],
            })
            .Get("/versions/{version}", ReadAsync, new(Tag, "Reads one version") { Description = "version is a number, active or latest.",
                Errors = [NotFound, VersionPruned, StoreUnavailable], Answers = [(200, "The version", ConfigExamples.Version)] })
            .Patch("/versions/{version}", AnnotateAsync, new(Tag, "Changes comment, labels and pinned")
            {
                Bodies = [new(MediaTypes.MergePatch, """{"comment":"before the sale","labels":{"release":"1.4"},"pinned":true}"""),
                    new(MediaTypes.JsonPatch, """[{"op":"replace","path":"/pinned","value":true}]""")],
                Description = "A version that is pinned or labelled is kept for ever, 1,000 at most.",
                BodyLimit = RequestBody.FieldsLimit, Errors =
                    [MalformedBody, NotFound, VersionPruned, RateLimited, UnsupportedMediaType, ValidationFailed, StoreUnavailable],
                    Answers = [(200, "The version", ConfigExamples.Version)],
            })
            .Get("/versions/{version}/config", DocumentAsync, new(Tag, "Reads a version's document")
            {
                Parameters = [ApiParameters.Expanded, ApiParameters.IfNoneMatch],
                Errors = [InvalidParameter, NotFound, VersionPruned, RateLimited, StoreUnavailable],
                Answers = [(200, "The document", PieceExamples.ToJson(ConfigExamples.Document)), (304, "Unchanged", null)],
            })
            .Get("/versions/{from}/diff/{to}", DiffAsync, new(Tag, "Compares two versions")
            {
                Errors = [NotFound, VersionPruned, RateLimited, StoreUnavailable], FurtherAnswerTypes = [MediaTypes.UnifiedDiff],
                Answers = [(200, "Operations and summary; with Accept: text/x-diff a unified diff", ConfigExamples.Diff)],
            })
            .Post("/versions/{version}/rollback", RollBackAsync, new(Tag, "Makes a new version with the content of this one")
            {
                Parameters = ApiParameters.ConditionalWrite, Bodies = [new(MediaTypes.Json, """{"comment":"p99 doubled"}""")],
                BodyRequired = false, BodyLimit = RequestBody.FieldsLimit, Errors = rollbackErrors, Answers = published,
            })
            .Post("/versions/{version}/revert", RevertAsync, new(Tag, "Takes back what this version changed")
            {
                Description = "A new version without the change of this one: everything that came after it stays, also in the same "
                    + "resource. Where later changes touch the same places, "
                    + "the answer is 409 CONFLICT with conflicts: each place with base (what this version made of it), theirs (what it "
                        + "is now) and yours (what was before). "
                    + "overlap=keep leaves those places as they are now, overlap=revert puts back what was before. dry_run=true "
                        + "previews either.",
                Parameters = [.. ApiParameters.ConditionalWrite, Overlap], Bodies = [new(MediaTypes.Json, """{"comment":"not yet"}""")],
                BodyRequired = false, BodyLimit = RequestBody.FieldsLimit,
                Errors = [.. rollbackErrors, Conflict], Answers = published,
            })
            .Post("/rollback", RollBackToFormerAsync, new(Tag, "Rolls back to the version that was active before")
            {
                Parameters = ApiParameters.ConditionalWrite, Bodies = [new(MediaTypes.Json, """{"comment":"p99 doubled"}""")],
                BodyRequired = false, BodyLimit = RequestBody.FieldsLimit, Errors = rollbackErrors, Answers = published,
            });
    }

    private static Task ListAsync(HttpContext context)
    {
        var store = Store(context);
        var page = PageRequest.From(context);
        long? below = page.Position is null ? null
            : long.TryParse(page.Position, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : throw PageRequest.BadToken();
        var (rows, total) = store.List(below, page.Size + 1, Query.Text(context, "q"));
        var shown = rows.Take(page.Size).ToList();
        var modules = store.ModulesOf([.. shown.Select(r => r.Number)]);
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new PageOf<VersionView>(
            [.. shown.Select(r => VersionView.From(r, modules.GetValueOrDefault(r.Number)))],
            rows.Count > page.Size ? PageRequest.Encode(shown[^1].Number.ToString(CultureInfo.InvariantCulture)) : null, total));
    }

    private static Task ReadAsync(HttpContext context) => WriteOneAsync(context, VersionNames.Number(context, Value(context, "version")));

    private static Task WriteOneAsync(HttpContext context, long number)
        => JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, View(context, number));

    internal static VersionView View(HttpContext context, long number)
    {
        return VersionView.From(Store(context).Describe(number), Store(context).ModulesOf([number]).GetValueOrDefault(number));
    }

    private static Task DocumentAsync(HttpContext context)
    {
        var (row, document) = VersionNames.LoadRow(context, Value(context, "version"));
        return PieceAnswer.ReadAsync(context, document, row.Number, Query.Flag(context, "expanded") ? Expansion.Of(document) : null);
    }

    private static Task DiffAsync(HttpContext context)
        => DiffAnswer.WriteAsync(context, VersionNames.Load(context, Value(context, "from")),
            VersionNames.Load(context, Value(context, "to")));

    private static async Task AnnotateAsync(HttpContext context)
    {
        var number = VersionNames.Number(context, Value(context, "version"));
        var patch = await PatchBody.ReadAsync(context);
        var publisher = context.RequestServices.GetRequiredService<Publisher>();
        await publisher.ExclusiveAsync(() => Store(context).Annotate(number, row => VersionNotes.Of(row).Patched(patch).WriteTo(row)),
            context.RequestAborted);
        await WriteOneAsync(context, number);
    }

    private static Task RollBackAsync(HttpContext context)
        => RollBackToAsync(context, _ => VersionNames.Number(context, Value(context, "version")));

    private static Task RollBackToFormerAsync(HttpContext context) => RollBackToAsync(context, store =>
        store.ReadHead().Previous ?? throw new ApiException(RollbackBlocked, "no version was active before this one"));

    private static async Task RollBackToAsync(HttpContext context, Func<VersionStore, long> target)
    {
        var body = await RequestBody.ReadOptionalObjectAsync(context, "comment");
        var store = Store(context);
        var number = target(store);
        var budget = context.RequestServices.GetRequiredService<MemoryBudget>().For(context);
        var document = store.Load(number, bytes => budget.Take(bytes * MemoryBudget.StoredFactor)).Document;
        await WriteCall.RunAsync(context, active =>
        {
            PieceAnswer.CheckConditions(context, active, active.Document, null);
            return new(document, null, $"version {number}") { Stored = [document] };
        }, _ => null, refine: proposal => proposal with
        {
            Source = ChangeSource.Rollback, Restores = number, IsRollback = true,
            Comment = WriteCall.CommentOf(context, body?.Text("comment")),
        }, answer: done => View(context, done.Version));
    }

    private static async Task RevertAsync(HttpContext context)
    {
        var body = await RequestBody.ReadOptionalObjectAsync(context, "comment");
        var overlap = Query.Text(context, Overlap.Name) ?? "";
        if (overlap is not ("" or "keep" or "revert"))
            throw ApiException.Parameter(Overlap.Name, "is keep or revert");
        var number = VersionNames.Number(context, Value(context, "version"));
        var budget = context.RequestServices.GetRequiredService<MemoryBudget>().For(context);
        var undo = ChangeUndo.Of(Store(context), number, bytes => budget.Take(bytes * MemoryBudget.StoredFactor));
        await WriteCall.RunAsync(context, active =>
        {
            PieceAnswer.CheckConditions(context, active, active.Document, null);
            var (document, conflicts) = undo.From(active.Document, overlapsToo: overlap == "revert");
            if (conflicts.Count > 0 && overlap == "")
                throw new ApiException(Conflict,
                    $"{(conflicts.Count == 1 ? "a place" : $"{conflicts.Count} places")} that version {number} changed "
                        + $"{(conflicts.Count == 1 ? "was" : "were")} changed again since")
                {
                    Members = new Dictionary<string, object?> { ["conflicts"] = conflicts.Take(MaxConflicts),
                        ["current_version"] = active.Number },
                };
            return new(document, null, $"the document without version {number}") { Stored = [undo.Before] };
        }, _ => null, refine: proposal => proposal with
        {
            Source = ChangeSource.Revert, Restores = number, IsRollback = true,
            Comment = WriteCall.CommentOf(context, body?.Text("comment")), Reverts = Trial(context, number),
        }, answer: done => View(context, done.Version));
    }

    /// <summary>The deployment of a version that waits for its confirmation; null when it does not.</summary>
    private static string? Trial(HttpContext context, long number) =>
        context.RequestServices.GetRequiredService<DeploymentStore>()
            .Find(Publisher.DeploymentId(number)) is { State: DeploymentState.AwaitingConfirmation } trial ? trial.Id : null;

    private static VersionStore Store(HttpContext context) => context.RequestServices.GetRequiredService<VersionStore>();

    private static string Value(HttpContext context, string name) => (string)context.Request.RouteValues[name]!;
}
