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

    public static void MapVersions(this ApiRoutes api)
    {
        IReadOnlyList<(int, string, string?)> published =
        [
            (200, "Published, or unchanged; the new version", ConfigExamples.Version), (202, "With wait=0s: the deployment", """{"deployment":"d-00000042","version":42}"""),
        ];
        ProblemCode[] rollbackErrors = [MalformedBody, InvalidParameter, NotFound, RollbackBlocked, EtagMismatch, TooLarge, RateLimited, UnsupportedMediaType, StoreUnavailable, ApplyTimeout];
        api.Get("/versions", ListAsync, new(Tag, "Lists versions, newest first")
            {
                Parameters = ApiParameters.Page, Errors = [InvalidParameter, StoreUnavailable], Answers = [(200, "One page", $$"""{"items":[{{ConfigExamples.Version}}],"next_page_token":null,"total_size":1}""")],
            })
            .Get("/versions/{version}", ReadAsync, new(Tag, "Reads one version") { Description = "version is a number, active or latest.", Errors = [NotFound, StoreUnavailable], Answers = [(200, "The version", ConfigExamples.Version)] })
            .Patch("/versions/{version}", AnnotateAsync, new(Tag, "Changes comment, labels and pinned")
            {
                Bodies = [new(MediaTypes.MergePatch, """{"comment":"before the sale","labels":{"release":"1.4"},"pinned":true}"""), new(MediaTypes.JsonPatch, """[{"op":"replace","path":"/pinned","value":true}]""")],
                BodyLimit = RequestBody.FieldsLimit, Errors = [MalformedBody, NotFound, RateLimited, UnsupportedMediaType, ValidationFailed, StoreUnavailable], Answers = [(200, "The version", ConfigExamples.Version)],
            })
            .Get("/versions/{version}/config", DocumentAsync, new(Tag, "Reads a version's document")
            {
                Parameters = [ApiParameters.Expanded, ApiParameters.IfNoneMatch], Errors = [InvalidParameter, NotFound, RateLimited, StoreUnavailable],
                Answers = [(200, "The document", PieceExamples.ToJson(ConfigExamples.Document)), (304, "Unchanged", null)],
            })
            .Get("/versions/{from}/diff/{to}", DiffAsync, new(Tag, "Compares two versions")
            {
                Errors = [NotFound, RateLimited, StoreUnavailable], FurtherAnswerTypes = [MediaTypes.UnifiedDiff], Answers = [(200, "Operations and summary; with Accept: text/x-diff a unified diff", ConfigExamples.Diff)],
            })
            .Post("/versions/{version}/rollback", RollBackAsync, new(Tag, "Makes a new version with the content of this one")
            {
                Parameters = ApiParameters.ConditionalWrite, Bodies = [new(MediaTypes.Json, """{"comment":"p99 doubled"}""")], BodyRequired = false, BodyLimit = RequestBody.FieldsLimit, Errors = rollbackErrors, Answers = published,
            })
            .Post("/rollback", RollBackToFormerAsync, new(Tag, "Rolls back to the version that was active before")
            {
                Parameters = ApiParameters.ConditionalWrite, Bodies = [new(MediaTypes.Json, """{"comment":"p99 doubled"}""")], BodyRequired = false, BodyLimit = RequestBody.FieldsLimit, Errors = rollbackErrors, Answers = published,
            });
    }

    private static Task ListAsync(HttpContext context)
    {
        var store = Store(context);
        var page = PageRequest.From(context);
        long? below = page.Position is null ? null : long.TryParse(page.Position, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : throw PageRequest.BadToken();
        var (rows, total) = store.List(below, page.Size + 1, Query.Text(context, "q"));
        var shown = rows.Take(page.Size).ToList();
        var modules = store.ModulesOf([.. shown.Select(r => r.Number)]);
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new PageOf<VersionView>(
            [.. shown.Select(r => VersionView.From(r, modules.GetValueOrDefault(r.Number)))],
            rows.Count > page.Size ? PageRequest.Encode(shown[^1].Number.ToString(CultureInfo.InvariantCulture)) : null, total));
    }

    private static Task ReadAsync(HttpContext context) => WriteOneAsync(context, VersionNames.Number(context, Value(context, "version")));

    private static Task WriteOneAsync(HttpContext context, long number) => JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, View(context, number));

    private static VersionView View(HttpContext context, long number)
    {
        return VersionView.From(Store(context).Describe(number), Store(context).ModulesOf([number]).GetValueOrDefault(number));
    }

    private static Task DocumentAsync(HttpContext context)
    {
        var (row, document) = VersionNames.LoadRow(context, Value(context, "version"));
        return PieceAnswer.ReadAsync(context, document, row.Number, Query.Flag(context, "expanded") ? Expansion.Of(document) : null);
    }

    private static Task DiffAsync(HttpContext context) => DiffAnswer.WriteAsync(context, VersionNames.Load(context, Value(context, "from")), VersionNames.Load(context, Value(context, "to")));

    private static async Task AnnotateAsync(HttpContext context)
    {
        var number = VersionNames.Number(context, Value(context, "version"));
        var patch = await PatchBody.ReadAsync(context);
        var publisher = context.RequestServices.GetRequiredService<Publisher>();
        await publisher.ExclusiveAsync(() => Store(context).Annotate(number, row => VersionNotes.Of(row).Patched(patch).WriteTo(row)), context.RequestAborted);
        await WriteOneAsync(context, number);
    }

    private static Task RollBackAsync(HttpContext context) => RollBackToAsync(context, _ => VersionNames.Number(context, Value(context, "version")));

    private static Task RollBackToFormerAsync(HttpContext context) => RollBackToAsync(context, store =>
        store.ReadHead().Previous ?? throw new ApiException(RollbackBlocked, "no version was active before this one"));

    private static async Task RollBackToAsync(HttpContext context, Func<VersionStore, long> target)
    {
        var body = await RequestBody.ReadOptionalObjectAsync(context, "comment");
        var store = Store(context);
        var number = target(store);
        await WriteCall.RunAsync(context, active =>
        {
            PieceAnswer.CheckConditions(context, active, active.Document, null);
            var document = store.Load(number).Document;
            return new(document, null, $"version {number}") { Stored = [document] };
        }, _ => null, refine: proposal => proposal with
        {
            Source = ChangeSource.Rollback, Restores = number, IsRollback = true, Comment = WriteCall.CommentOf(context, body?.Text("comment")),
        }, answer: done => View(context, done.Version));
    }

    private static VersionStore Store(HttpContext context) => context.RequestServices.GetRequiredService<VersionStore>();

    private static string Value(HttpContext context, string name) => (string)context.Request.RouteValues[name]!;
}
