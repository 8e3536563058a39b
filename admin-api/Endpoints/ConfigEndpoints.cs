using Managed.AdminApi.Documents;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Secrets;
using Managed.AdminApi.Swagger;
using Managed.AdminApi.Versions;
using Managed.Proxy;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Envoy;
using static Managed.AdminApi.Problems.ProblemCode;

namespace Managed.AdminApi.Endpoints;

/// <summary>The whole document.</summary>
internal static class ConfigEndpoints
{
    private const string Tag = "Configuration";

    public static void MapConfig(this ApiRoutes api)
    {
        ProblemCode[] writeErrors = [MalformedBody, InvalidParameter, EtagMismatch, TooLarge, RateLimited, UnsupportedMediaType,
            ValidationFailed, ApplyFailed, StoreUnavailable, ApplyTimeout];
        ApiBody[] documents = [new(MediaTypes.Yaml, ConfigExamples.Document),
            new(MediaTypes.Json, PieceExamples.ToJson(ConfigExamples.Document))];
        var document = PieceExamples.ToJson(ConfigExamples.Document);
        api.Get("/config", ReadAsync, new(Tag, "Reads the active document")
            {
                Parameters = [ApiParameters.Expanded, ApiParameters.IfNoneMatch], Errors = [InvalidParameter],
                Answers = [(200, "The document with its ETag", document), (304, "Unchanged", null)],
            })
            .Put("/config", ReplaceAsync, new(Tag, "Replaces the whole document")
            {
                Description = "Demands If-Match with the ETag of the document that was read. Envoy's bootstrap file is taken as it is "
                    + "(docs/envoy.md); what it becomes is in the warnings of /config/validate. "
                    + "Comments of YAML are kept with the version and come back with Accept: application/yaml.",
                    Parameters = ApiParameters.ConditionalWrite, Bodies = documents, Errors = [.. writeErrors, PreconditionRequired],
                Answers = [(200, "Published, or unchanged; the document", document),
                    (202, "With wait=0s: the deployment", """{"deployment":"d-00000042","version":42}""")],
            })
            .Patch("/config", PatchAsync, new(Tag, "Changes many resources in one version")
            {
                Parameters = ApiParameters.ConditionalWrite, Errors = writeErrors,
                Bodies = [new(MediaTypes.JsonPatch, """[{"op":"replace","path":"/clusters/web/lb_policy","value":"RANDOM"}]"""),
                    new(MediaTypes.MergePatch, """{"extension_configs":[]}""")],
                Description = "In a JSON patch a segment may be the name of a list's item instead of its index.",
                Answers = [(200, "Published, or unchanged; the document", document)],
            })
            .Post("/config/validate", ValidateAsync, new(Tag, "Checks a whole document; nothing is stored")
            {
                Description = "A document, or Envoy's bootstrap file as it is: the warnings say what was left out and which defaults "
                    + "were written out (docs/envoy.md).",
                Bodies = documents, Errors = [MalformedBody, TooLarge, RateLimited, UnsupportedMediaType, ValidationFailed],
                Answers = [(200, "Valid", """{"valid":true,"warnings":[]}""")],
            })
            .Post("/config/diff", DiffAsync, new(Tag, "Compares two versions or documents")
            {
                Bodies = [new(MediaTypes.Json, """{"from":40,"to":"active"}""")],
                Description = "from and to are each a version number, active, latest, or a document.",
                Errors = [MalformedBody, NotFound, VersionPruned, TooLarge, RateLimited, UnsupportedMediaType, ValidationFailed],
                FurtherAnswerTypes = [MediaTypes.UnifiedDiff],
                Answers = [(200, "Operations and summary; with Accept: text/x-diff a unified diff", ConfigExamples.Diff)],
            })
            .Post("/config/reload", ReloadAsync, new(Tag, "Reads the files that the document names again")
            {
                Parameters = ApiParameters.ConditionalWrite, Errors = writeErrors,
                Description =
                    "A new version if their bytes have changed. Otherwise files are read once, when the version that names them is made.",
                Answers = [(200, "Published, or unchanged; the document", document),
                    (202, "With wait=0s: the deployment", """{"deployment":"d-00000042","version":42}""")],
            })
            .Get("/config/export", ExportAsync, new(Tag, "Downloads the active document")
            {
                Parameters = [new("format", "json, yaml, or envoy: the long form under static_resources.", "yaml")],
                Errors = [InvalidParameter], Answers = [(200, "The document", document)],
            })
            .Get("/config/version", PollAsync, new(Tag, "Waits until the active version differs")
            {
                Parameters = [new("index", "The version the caller knows.", "42"),
                    new("wait", "How long to wait at most, up to 5m; default 30s.", "30s")], Errors = [InvalidParameter],
                Answers = [(200, "The active version; changed is false after a time-out",
                    """{"version":43,"changed":true,"etag":"\"5f2c…\""}""")],
            });
    }

    private static Task ReadAsync(HttpContext context)
    {
        var active = Active(context);
        return PieceAnswer.ReadAsync(context, active.Document, active.Number,
            Query.Flag(context, "expanded") ? active.Expanded : null, active.ETag);
    }

    private static async Task ReplaceAsync(HttpContext context)
    {
        if (!Conditions.HasIfMatch(context.Request))
            throw new ApiException(PreconditionRequired,
                "PUT /config replaces everything, so it needs If-Match with the ETag that GET /config gave")
            {
                Members = new Dictionary<string, object?> { ["current_etag"] = Active(context).ETag },
            };
        var body = await ReadDocumentAsync(context);
        await WriteCall.RunAsync(context, active =>
        {
            PieceAnswer.CheckConditions(context, active, active.Document, null);
            return new(body, body.Source, "the submitted document");
        }, document => document);
    }

    private static async Task PatchAsync(HttpContext context)
    {
        var patch = await PatchBody.ReadAsync(context);
        await WriteCall.RunAsync(context, active =>
        {
            PieceAnswer.CheckConditions(context, active, active.Document, null);
            return new(RequestBody.AsObject(patch.Apply(active.Document.Clone()), "the document"), patch.Source, "the patched document");
        }, document => document);
    }

    private static async Task ReloadAsync(HttpContext context)
    {
        _ = await RequestBody.ReadOptionalObjectAsync(context);
        await WriteCall.RunAsync(context, active =>
        {
            PieceAnswer.CheckConditions(context, active, active.Document, null);
            return new(FileWatch.Reopened(active.Document, _ => true, _ => true), null, "the active document");
        }, document => document);
    }

    private static async Task ValidateAsync(HttpContext context)
    {
        var body = await ReadDocumentAsync(context);
        var (publisher, builder) = (context.RequestServices.GetRequiredService<Publisher>(),
            context.RequestServices.GetRequiredService<VersionBuilder>());
        var work = builder.Begin(trusted: false);
        var pinned = await builder.PinAsync(work, body,
            [context.RequestServices.GetRequiredService<ActiveConfiguration>().Current?.Document], isOperators: false, waits: true,
                context.RequestAborted);
        var built = (await builder.BuildAsync(work, pinned!, publisher.NextNumber, waits: true, ahead: false, context.RequestAborted))!;
        using var unused = built.Snapshot;
        var warnings = ErrorItem.From(built.Warnings, body.Source);
        if (built.Snapshot is null || built.Errors.Count > 0)
            throw new ApiException(ValidationFailed,
                built.Errors.Count == 1 ? "1 error in the document" : $"{built.Errors.Count} errors in the document")
            {
                Errors = ErrorItem.From(built.Errors, body.Source), Warnings = warnings,
                Members = new Dictionary<string, object?> { ["valid"] = false },
            };
        await JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new { valid = true, warnings });
    }

    private static async Task DiffAsync(HttpContext context)
    {
        var body = RequestBody.AsObject(await RequestBody.ReadConfigAsync(context), "the body");
        RequestBody.OnlyFields(body, "from", "to");
        await DiffAnswer.WriteAsync(context, Side(context, body, "from"), Side(context, body, "to"));
    }

    private static (string Label, ConfigObject Document) Side(HttpContext context, ConfigObject body, string field) => body[field] switch
    {
        ConfigObject document => (field, context.RequestServices.GetRequiredService<SecretVault>().Seal(document)),
        ConfigScalar { IsNull: false } scalar => VersionNames.Load(context, scalar.Text),
        var other => throw RequestBody.Invalid(other ?? body, ConfigCode.MissingField,
            $"{field} is a version number, active, latest, or a document"),
    };

    private static async Task ExportAsync(HttpContext context)
    {
        var active = Active(context);
        PieceAnswer.Headers(context, active.Number, active.ETag);
        var format = Query.Text(context, "format") ?? "yaml";
        ConfigNode document = format switch
        {
            "json" or "yaml" => active.Document,
            "envoy" => new ConfigObject().Set("static_resources", Expansion.ForEnvoy(active.Document)),
            _ => throw ApiException.Parameter("format", $"'{format}' is not json, yaml or envoy"),
        };
        context.Response.Headers.ContentDisposition =
            $"attachment; filename=\"managed-v{active.Number}.{(format == "json" ? "json" : "yaml")}\"";
        context.Response.ContentType = format == "json" ? MediaTypes.Json : MediaTypes.Yaml;
        await context.Response.Body.WriteAsync(format == "json" ? document.ToJson(indented: true)
            : System.Text.Encoding.UTF8.GetBytes(document.ToYaml()), context.RequestAborted);
    }

    private static async Task PollAsync(HttpContext context)
    {
        var configuration = context.RequestServices.GetRequiredService<ActiveConfiguration>();
        var index = Query.Number(context, "index", 0, long.MaxValue);
        var wait = Query.Duration(context, "wait", TimeSpan.Zero, TimeSpan.FromMinutes(5)) ?? TimeSpan.FromSeconds(30);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted,
            context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
        deadline.CancelAfter(wait);
        try
        {
            while (true)
            {
                var changed = configuration.Changed; // taken before the look, so that no change falls between
                if (configuration.Required.Number != index)
                    break;
                await changed.WaitAsync(deadline.Token);
            }
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            // the time is over: answer with what is
        }
        var active = configuration.Required;
        PieceAnswer.Headers(context, active.Number, null);
        await JsonAnswer.WriteAsync(context, StatusCodes.Status200OK,
            new { version = active.Number, changed = active.Number != index, etag = active.ETag, created_at = active.CreatedAt });
    }

    /// <summary>A document of ours, or Envoy's bootstrap file as it is.</summary>
    private static async Task<ConfigObject> ReadDocumentAsync(HttpContext context) =>
        EnvoyBootstrap.Take(RequestBody.AsObject(await RequestBody.ReadConfigAsync(context), "the document"),
            ExtensionCatalog.FindConfigType);

    private static ActiveVersion Active(HttpContext context) => context.RequestServices.GetRequiredService<ActiveConfiguration>().Required;
}
