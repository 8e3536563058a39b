using System.Text.Encodings.Web;
using System.Text.Json;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;

namespace Managed.AdminApi.Requests;

/// <summary>Writes answers: JSON, or YAML when <c>Accept</c> asks for it.</summary>
internal static class JsonAnswer
{
    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DictionaryKeyPolicy = null,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // answers are never put into HTML as they are; scripts stay readable
        WriteIndented = false,
        Converters = { new ConfigNodeConverter() },
    };

    public static async Task WriteAsync(HttpContext context, int status, object body, string contentType = MediaTypes.Json)
    {
        var json = body is ConfigNode node ? node.ToJson(indented: true) : JsonSerializer.SerializeToUtf8Bytes(body, Options);
        if (MediaTypes.WantsYaml(context.Request) && contentType == MediaTypes.Json)
        {
            contentType = MediaTypes.Yaml;
            var tree = body as ConfigNode ?? ConfigParser.Parse(json, ConfigFormat.Json, "answer", new ConfigErrors())!;
            json = System.Text.Encoding.UTF8.GetBytes(tree.ToYaml());
        }
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        context.Response.ContentLength = json.Length;
        context.Response.Headers.Append("Vary", "Accept");
        await context.Response.Body.WriteAsync(json, context.RequestAborted);
    }
}
