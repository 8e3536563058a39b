using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Managed.AdminApi.Problems;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Managed.AdminApi.Swagger;

/// <summary>
/// Fills an operation from the <see cref="ApiDoc"/> of its endpoint: parameters, bodies, answers, and every error with an example.
/// </summary>
internal sealed partial class OperationDescription : IOperationFilter
{
    // What any call can meet, whatever it does: checks before it (parameters, Host and origin, the rate of wrong tokens) and a history
    // that cannot be used.
    private static readonly ProblemCode[] Always =
        [ProblemCode.InvalidParameter, ProblemCode.Forbidden, ProblemCode.RateLimited, ProblemCode.Internal, ProblemCode.StoreUnavailable];
    private static readonly ProblemCode[] OfBodies =
        [ProblemCode.MalformedBody, ProblemCode.TooLarge, ProblemCode.UnsupportedMediaType, ProblemCode.ValidationFailed];
    private static readonly ProblemCode[] OfWrites = [ProblemCode.ApplyFailed, ProblemCode.ApplyTimeout];

    public void Apply(OpenApiOperation operation, OperationFilterContext context)
    {
        if (context.ApiDescription.ActionDescriptor.EndpointMetadata.OfType<ApiDoc>().FirstOrDefault() is not { } doc)
            return;
        operation.Summary = doc.Summary;
        operation.Description = doc.Description;
        operation.Parameters = [.. PathNames().Matches(context.ApiDescription.RelativePath ?? "")
            .Select(m => PathParameter(m.Groups[1].Value)), .. doc.Parameters.Select(Parameter)];
        if (doc.Bodies.Count > 0)
            operation.RequestBody = new OpenApiRequestBody
            {
                Required = doc.BodyRequired,
                Content = doc.Bodies.ToDictionary(b => b.MediaType,
                    b => (IOpenApiMediaType)new OpenApiMediaType { Schema = Schema(b.MediaType),
                        Example = Example(b.MediaType, b.Example) }),
            };
        operation.Responses = [];
        foreach (var (status, description, example) in doc.Answers)
            operation.Responses[$"{status}"] = Answer(doc, description, example);
        var writes = doc.Parameters.Contains(ApiParameters.Wait);
        if (writes && !operation.Responses.ContainsKey("202"))
            operation.Responses["202"] = Answer(doc, "With wait=0s: the deployment", """{"deployment":"d-00000042","version":42}""");
        var errors = doc.Errors.Concat(Always).Concat(doc.Anonymous ? [] : [ProblemCode.Unauthenticated])
            .Concat(doc.Bodies.Count > 0 ? OfBodies : []).Concat(writes ? OfWrites : [])
                .Concat(operation.Parameters.Any(p => p.In == ParameterLocation.Path) ? [ProblemCode.NotFound] : []);
        foreach (var group in errors.Distinct().GroupBy(e => e.Status).OrderBy(g => g.Key))
            operation.Responses[$"{group.Key}"] = Problem([.. group]);
        if (!doc.Anonymous)
            operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference("token", context.Document)] = [] }];
    }

    private static IOpenApiParameter PathParameter(string name)
        => new OpenApiParameter { Name = name, In = ParameterLocation.Path, Required = true,
            Schema = new OpenApiSchema { Type = JsonSchemaType.String } };

    private static IOpenApiParameter Parameter(ApiParameter parameter) => new OpenApiParameter
    {
        Name = parameter.Name,
        In = parameter.In == "header" ? ParameterLocation.Header : ParameterLocation.Query,
        Description = parameter.Description,
        Required = false,
        Schema = new OpenApiSchema { Type = JsonSchemaType.String },
        Examples = parameter.Example.Length == 0 ? null : new Dictionary<string, IOpenApiExample>
        {
            ["none"] = new OpenApiExample { Summary = "not given", Value = JsonValue.Create("") },
            ["example"] = new OpenApiExample { Summary = parameter.Example, Value = JsonValue.Create(parameter.Example) },
        },
    };

    private static OpenApiResponse Answer(ApiDoc doc, string description, string? example)
    {
        var response = new OpenApiResponse { Description = description };
        if (example is not null)
        {
            response.Content = new Dictionary<string, IOpenApiMediaType> { [doc.AnswerType] =
                new OpenApiMediaType { Schema = Schema(doc.AnswerType), Example = Example(doc.AnswerType, example) } };
            foreach (var type in doc.AnswerType == "application/json" ? doc.FurtherAnswerTypes.Prepend("application/yaml")
                : doc.FurtherAnswerTypes)
                response.Content[type] = new OpenApiMediaType { Schema = Schema(type) };
        }
        return response;
    }

    private static OpenApiResponse Problem(IReadOnlyList<ProblemCode> codes) => new()
    {
        Description = string.Join("; ", codes.Select(c => $"`{c.Name}` {c.Title}")),
        Content = new Dictionary<string, IOpenApiMediaType>
        {
            ["application/problem+json"] = new OpenApiMediaType
            {
                Schema = new OpenApiSchemaReference(ProblemSchema.Name),
                Examples = codes.ToDictionary(c => c.Name,
                    c => (IOpenApiExample)new OpenApiExample { Summary = c.Title, Value = ProblemSchema.Example(c) }),
            },
        },
    };

    private static OpenApiSchema Schema(string mediaType)
        => mediaType.EndsWith("json", StringComparison.Ordinal) ? new() : new() { Type = JsonSchemaType.String };

    private static JsonNode? Example(string mediaType, string example)
        => mediaType.EndsWith("json", StringComparison.Ordinal) ? JsonNode.Parse(example) : JsonValue.Create(example);

    [GeneratedRegex(@"\{([a-z]+)\}")]
    private static partial Regex PathNames();
}
