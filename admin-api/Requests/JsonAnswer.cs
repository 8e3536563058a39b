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
        var wantsYaml = MediaTypes.WantsYaml(context.Request) && contentType == MediaTypes.Json;
        if (body is ConfigNode text && wantsYaml)
        {
            await SendAsync(context, status, System.Text.Encoding.UTF8.GetBytes(text.ToYaml()), MediaTypes.Yaml);
            return;
        }
        var json = body is ConfigNode node ? node.ToJson(indented: true) : JsonSerializer.SerializeToUtf8Bytes(body, Options);
        if (wantsYaml)
        {
            contentType = MediaTypes.Yaml;
            json = System.Text.Encoding.UTF8.GetBytes(ConfigParser.Parse(json, ConfigFormat.Json, "answer", new ConfigErrors())!.ToYaml());
        }
        await SendAsync(context, status, json, contentType);
    }

    private static async Task SendAsync(HttpContext context, int status, byte[] json, string contentType)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        context.Response.ContentLength = json.Length;
        context.Response.Headers.Append("Vary", "Accept");
        await context.Response.Body.WriteAsync(json, context.RequestAborted);
    }
}
