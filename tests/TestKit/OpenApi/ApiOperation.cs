using System.Globalization;
using System.Text.Json.Nodes;

namespace Managed.TestKit.OpenApi;

/// <summary>A parameter of an operation with the example its description has, if any.</summary>
internal sealed record ApiArgument(string Name, string In, string? Example);

/// <summary>One operation of an OpenAPI document: what it takes, and which statuses with which media types it answers.</summary>
internal sealed record ApiOperation(string Verb, string Path, IReadOnlyList<ApiArgument> Arguments,
    IReadOnlyList<KeyValuePair<string, string>> Bodies, IReadOnlyDictionary<int, IReadOnlyList<string>> Answers)
{
    public override string ToString() => $"{Verb} {Path}";

    public static IReadOnlyList<ApiOperation> Of(string document)
    {
        var operations = new List<ApiOperation>();
        foreach (var (path, verbs) in JsonNode.Parse(document)!["paths"]!.AsObject())
            foreach (var (verb, operation) in verbs!.AsObject())
                operations.Add(new(verb.ToUpperInvariant(), path,
                    [.. (operation!["parameters"]?.AsArray() ?? []).Select(Argument)],
                    [.. (operation["requestBody"]?["content"]?.AsObject() ?? [])
                        .Select(c => KeyValuePair.Create(c.Key, Text(c.Value!["example"])))],
                    operation["responses"]!.AsObject().ToDictionary(r => int.Parse(r.Key, CultureInfo.InvariantCulture),
                        r => (IReadOnlyList<string>)[.. (r.Value!["content"]?.AsObject() ?? []).Select(c => c.Key)])));
        return operations;
    }

    private static ApiArgument Argument(JsonNode? node)
        => new((string)node!["name"]!, (string)node["in"]!, (string?)node["examples"]?["example"]?["value"]);

    private static string Text(JsonNode? example) => example switch
    {
        null => "",
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        _ => example.ToJsonString(),
    };
}
