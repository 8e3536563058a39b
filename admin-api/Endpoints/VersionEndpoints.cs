using System.Globalization;
using System.Text.Json;
using Managed.AdminApi.Contracts;
using Managed.AdminApi.Documents;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Swagger;
using Managed.AdminApi.Versions;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;
using static Managed.AdminApi.Problems.ProblemCode;

namespace Managed.AdminApi.Endpoints;

/// <summary>The history: list, look, compare, annotate, roll back.</summary>
internal static class VersionEndpoints
{
    private const string Tag = "Versions";
    private const int MaxLabels = 32;

    public static void MapVersions(this ApiRoutes api)
    {
        IReadOnlyList<(int, string, string?)> published =
        [
            (200, "Published, or unchanged; the new version", ConfigExamples.Version), (202, "With wait=0s: the deployment", """{"deployment":"d-00000042","version":42}"""),
        ];
        ProblemCode[] rollbackErrors = [MalformedBody, InvalidParameter, NotFound, RollbackBlocked, EtagMismatch, UnsupportedMediaType, StoreUnavailable, ApplyTimeout];
        api.Get("/versions", ListAsync, new(Tag, "Lists versions, newest first")
            {
                Parameters = ApiParameters.Page, Errors = [InvalidParameter, StoreUnavailable], Answers = [(200, "One page", $$"""{"items":[{{ConfigExamples.Version}}],"next_page_token":null,"total_size":1}""")],
            })
            .Get("/versions/{version}", ReadAsync, new(Tag, "Reads one version") { Description = "version is a number, active or latest.", Errors = [NotFound, StoreUnavailable], Answers = [(200, "The version", ConfigExamples.Version)] })
            .Patch("/versions/{version}", AnnotateAsync, new(Tag, "Changes comment, labels and pinned")
            {
                Bodies = [new(MediaTypes.MergePatch, """{"comment":"before the sale","labels":{"release":"1.4"},"pinned":true}"""), new(MediaTypes.Json, """{"pinned":true}""")],
                Errors = [MalformedBody, NotFound, UnsupportedMediaType, ValidationFailed, StoreUnavailable], Answers = [(200, "The version", ConfigExamples.Version)],
            })
            .Get("/versions/{version}/config", DocumentAsync, new(Tag, "Reads a version's document")
            {
                Parameters = [ApiParameters.Expanded, ApiParameters.IfNoneMatch], Errors = [InvalidParameter, NotFound, StoreUnavailable],
                Answers = [(200, "The document", PieceExamples.ToJson(ConfigExamples.Document)), (304, "Unchanged", null)],
            })
            .Get("/versions/{from}/diff/{to}", DiffAsync, new(Tag, "Compares two versions")
            {
                Errors = [NotFound, StoreUnavailable], Answers = [(200, "Operations and summary; with Accept: text/x-diff a unified diff", ConfigExamples.Diff)],
            })
            .Post("/versions/{version}/rollback", RollBackAsync, new(Tag, "Makes a new version with the content of this one")
            {
                Parameters = ApiParameters.ConditionalWrite, Bodies = [new(MediaTypes.Json, """{"comment":"p99 doubled"}""")], BodyRequired = false, Errors = rollbackErrors, Answers = published,
            })
            .Post("/rollback", RollBackToFormerAsync, new(Tag, "Rolls back to the version that was active before")
            {
                Parameters = ApiParameters.ConditionalWrite, Bodies = [new(MediaTypes.Json, """{"comment":"p99 doubled"}""")], BodyRequired = false, Errors = rollbackErrors, Answers = published,
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
        var (row, _) = Store(context).Load(number);
        return VersionView.From(row, Store(context).ModulesOf([number]).GetValueOrDefault(number));
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
        var type = MediaTypes.Of(context.Request);
        if (type is not (MediaTypes.MergePatch or MediaTypes.Json))
            throw MediaTypes.Unsupported(type, MediaTypes.MergePatch, MediaTypes.Json);
        var body = RequestBody.AsObject(await RequestBody.ReadConfigAsync(context, ConfigFormat.Json), "the patch");
        RequestBody.OnlyFields(body, "comment", "labels", "pinned");
        if (body["comment"] is { } comment and not ConfigScalar { Kind: ConfigScalarKind.String or ConfigScalarKind.Null })
            throw RequestBody.Invalid(comment, ConfigCode.InvalidType, $"comment is text, not {comment.KindName}");
        if (body["pinned"] is { } pinned and not ConfigScalar { Kind: ConfigScalarKind.Boolean })
            throw RequestBody.Invalid(pinned, ConfigCode.InvalidType, $"pinned is true or false, not {pinned.KindName}");
        var publisher = context.RequestServices.GetRequiredService<Publisher>();
        await publisher.ExclusiveAsync(() => Store(context).Annotate(number, row =>
        {
            if (body.Has("comment"))
                row.Comment = body.Text("comment");
            if (body["pinned"] is ConfigScalar flag)
                row.Pinned = flag.Text == "true";
            if (body["labels"] is { } labels)
                row.Labels = JsonSerializer.Serialize(Merge(row.Labels, labels), JsonAnswer.Options);
        }), context.RequestAborted);
        await WriteOneAsync(context, number);
    }

    private static Dictionary<string, string> Merge(string stored, ConfigNode labels)
    {
        var result = JsonSerializer.Deserialize<Dictionary<string, string>>(stored, JsonAnswer.Options) ?? [];
        foreach (var (name, value) in RequestBody.AsObject(labels, "labels").Members)
            if (value is ConfigScalar { IsNull: true })
                result.Remove(name);
            else
                result[name] = value is ConfigScalar scalar ? scalar.Text : throw RequestBody.Invalid(value, ConfigCode.InvalidType, $"a label is text, not {value.KindName}");
        return result.Count <= MaxLabels ? result : throw RequestBody.Invalid(labels, ConfigCode.InvalidValue, $"a version has at most {MaxLabels} labels");
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
            return new(store.Load(number).Document, null, $"version {number}");
        }, _ => null, refine: proposal => proposal with
        {
            Source = ChangeSource.Rollback, Restores = number, IsRollback = true, Comment = WriteCall.CommentOf(context, body?.Text("comment")),
        }, answer: done => View(context, done.Version));
    }

    private static VersionStore Store(HttpContext context) => context.RequestServices.GetRequiredService<VersionStore>();

    private static string Value(HttpContext context, string name) => (string)context.Request.RouteValues[name]!;
}
