using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Managed.Dashboard.Tests.FakeNode;

/// <summary>
/// <c>POST /filters/test</c> for scripts: <c>= =</c> in a line does not compile, <c>error(</c> fails in its line, and
/// <c>add("name", "value")</c> adds a field to the request.
/// </summary>
internal static partial class FakeBench
{
    public static void Map(RouteGroupBuilder api) => api.MapPost("/filters/test", async (HttpContext context) =>
    {
        var test = (JsonObject)(await JsonNode.ParseAsync(context.Request.Body))!;
        var filters = test["filters"]?.AsArray() ?? [];
        for (var i = 0; i < filters.Count; i++)
        {
            var script = (string?)filters[i]!["typed_config"]?["default_source_code"]?["inline_string"] ?? "";
            if (LineOf(script, "= =") is { } line)
                return FakeAdminApi.Problem(422, "VALIDATION_FAILED", "1 errors in what is to be tested", new JsonObject
                {
                    ["errors"] = new JsonArray(new JsonObject
                    {
                        ["pointer"] = $"#/filters/{i}/typed_config/default_source_code/inline_string", ["code"] = "COMPILE_FAILED",
                        ["detail"] = $"script line {line}: unexpected symbol near '='", ["line"] = 1, ["column"] = 70,
                    }),
                    ["logs"] = new JsonArray(),
                });
        }
        return FakeConfiguration.Json(Result(test, filters));
    });

    private static JsonObject Result(JsonObject test, JsonArray filters)
    {
        var (fields, steps, errors) = (Fields(test["request"]!["headers"]), new JsonArray(), new JsonArray());
        foreach (var filter in filters)
        {
            var script = (string?)filter!["typed_config"]?["default_source_code"]?["inline_string"] ?? "";
            var (changes, calls) = (new JsonArray(), new JsonArray());
            foreach (Match add in Adds().Matches(script))
            {
                fields.Add(Field(add.Groups[1].Value, add.Groups[2].Value));
                changes.Add(new JsonObject { ["name"] = add.Groups[1].Value, ["before"] = null, ["after"] = add.Groups[2].Value });
                calls.Add(new JsonObject { ["function"] = "headers:add", ["arguments"] = $"\"{add.Groups[1].Value}\"", ["result"] = "",
                    ["place"] = $"default_source_code:{LineOf(script, add.Value)}" });
            }
            if (LineOf(script, "error(") is { } line)
            {
                calls.Add(new JsonObject { ["function"] = "error", ["arguments"] = "", ["result"] = $"default_source_code:{line}: oh no",
                    ["place"] = "" });
                errors.Add($"default_source_code:{line}: oh no");
            }
            steps.Add(new JsonObject { ["filter"] = (string?)filter["name"], ["hook"] = "OnRequestHeaders", ["end_stream"] = true,
                ["status"] = "Continue", ["time_micros"] = 41.2, ["headers"] = changes, ["body"] = null, ["calls"] = calls });
        }
        var reply = test["upstream_response"]!;
        var body = (string?)reply["body"] ?? "";
        return new()
        {
            ["response"] = new JsonObject { ["status"] = (int)reply["status"]!, ["reason"] = "OK", ["headers"] = Fields(reply["headers"]),
                ["body"] = body },
            ["upstream_requests"] = new JsonArray(new JsonObject { ["cluster"] = "upstream", ["method"] = (string?)test["request"]!["method"],
                ["path"] = (string?)test["request"]!["path"], ["headers"] = fields, ["body"] = (string?)test["request"]!["body"] ?? "" }),
            ["trace"] = steps, ["errors"] = errors, ["time_ms"] = 3.1, ["instructions"] = 1000, ["error"] = null,
            ["logs"] = new JsonArray(new JsonObject { ["level"] = "information", ["text"] = "default_source_code:1: seen" }),
        };
    }

    private static JsonArray Fields(JsonNode? headers) =>
        [.. headers?.AsObject().Select(h => Field(h.Key, h.Value!.ToString())) ?? []];

    private static JsonNode Field(string name, string value) => new JsonObject { ["name"] = name, ["value"] = value };

    private static int? LineOf(string script, string text) =>
        script.IndexOf(text, StringComparison.Ordinal) is >= 0 and var at ? script[..at].Count(c => c == '\n') + 1 : null;

    [GeneratedRegex("""add\("([^"]+)", "([^"]+)"\)""")] private static partial Regex Adds();
}
