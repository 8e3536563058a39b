using System.Text.Json.Nodes;
using Managed.AdminApi.Problems;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Managed.AdminApi.Swagger;

/// <summary>The shape of every error, once, under <c>components</c>.</summary>
internal sealed class ProblemSchema : IDocumentFilter
{
    public const string Name = "Problem";

    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        OpenApiSchema Text(string description) => new() { Type = JsonSchemaType.String, Description = description };
        OpenApiSchema Number(string description) => new() { Type = JsonSchemaType.Integer, Description = description };
        var error = new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Properties = new Dictionary<string, IOpenApiSchema>
            {
                ["pointer"] = Text("Into the submitted body, or into the whole document when scope says so."),
                ["code"] = Text("Kind of error."), ["detail"] = Text("What is wrong."),
                ["line"] = Number("In the submitted body."), ["column"] = Number("In the submitted body."),
                ["hint"] = Text("What would be right."), ["scope"] = Text("document, or absent."),
            },
        };
        swaggerDoc.Components ??= new();
        swaggerDoc.Components.Schemas ??= new Dictionary<string, IOpenApiSchema>();
        swaggerDoc.Components.Schemas[Name] = new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Description = "RFC 9457",
            Properties = new Dictionary<string, IOpenApiSchema>
            {
                ["type"] = Text("Kind of problem."), ["title"] = Text("The kind in words."), ["status"] = Number("HTTP status."),
                ["code"] = Text("Machine-readable kind."), ["detail"] = Text("What happened."),
                ["instance"] = Text("The path."), ["request_id"] = Text("Also in the header X-Request-Id and in the log."),
                ["config_version"] = Number("The active version."),
                ["errors"] = new OpenApiSchema { Type = JsonSchemaType.Array, Items = error },
                ["warnings"] = new OpenApiSchema { Type = JsonSchemaType.Array, Items = error },
            },
        };
    }

    public static JsonNode Example(ProblemCode code)
    {
        var problem = new JsonObject
        {
            ["type"] = code.Type, ["title"] = code.Title, ["status"] = code.Status, ["code"] = code.Name, ["detail"] = "…",
            ["instance"] = "/api/v1/…", ["request_id"] = "0HNA1:00000001", ["config_version"] = 42,
        };
        if (code == ProblemCode.EtagMismatch)
            (problem["current_etag"], problem["current_version"], problem["changed_by"], problem["changed_at"]) =
                ("\"5f2c…\"", 42, "admin", "2026-11-22T22:41:00Z");
        if (code == ProblemCode.InUse)
            problem["references"] = new JsonArray(new JsonObject { ["kind"] = "listener", ["name"] = "edge",
                ["pointer"] = "#/listeners/0/routes/0/route/cluster" });
        if (code == ProblemCode.Conflict)
            problem["conflicts"] = new JsonArray(new JsonObject
            {
                ["pointer"] = "#/clusters/web/lb_policy", ["where"] = "clusters[web].lb_policy", ["kind"] = "cluster", ["name"] = "web",
                ["base"] = "ROUND_ROBIN", ["theirs"] = "LEAST_REQUEST", ["yours"] = "RANDOM",
            });
        if (code.Status == 422 || code == ProblemCode.RollbackBlocked)
            problem["errors"] = new JsonArray(new JsonObject
            {
                ["pointer"] = "#/routes/0/route/cluster", ["code"] = "UNKNOWN_REFERENCE", ["detail"] = "cluster 'web2' does not exist",
                ["line"] = 18, ["column"] = 31, ["hint"] = "did you mean 'web'?",
            });
        return problem;
    }
}
