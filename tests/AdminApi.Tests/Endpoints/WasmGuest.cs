using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Managed.AdminApi.Tests.Endpoints;

/// <summary>Modules of <see cref="Managed.TestKit.Wasm.WatGuest"/> as this API gets them.</summary>
internal static class WasmGuest
{
    /// <summary>For the plugin: the first calls of a process compile the host's side of them, which is the guest's CPU time too.</summary>
    public const string Patient = ",\"limits\":{\"cpu_per_call\":\"20s\"}";

    /// <summary>A filter with the module inline, as JSON.</summary>
    public static string Inline(byte[] module, string plugin = "")
        => Filter($$$"""{"local":{"inline_bytes":"{{{Convert.ToBase64String(module)}}}"}}""", plugin);

    /// <summary>A filter with a stored module.</summary>
    public static string Stored(string module, string plugin = "") => Filter($$"""{"module":"{{module}}"}""", plugin);

    public static async Task<string> UploadAsync(TestNode node, byte[] module, string name)
    {
        using var content = new ByteArrayContent(module) { Headers = { ContentType = new MediaTypeHeaderValue("application/wasm") } };
        using var response = await node.Http.PostAsync(new Uri($"/api/v1/modules?name={name}", UriKind.Relative), content,
            TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.StatusCode is HttpStatusCode.Created or HttpStatusCode.OK, body);
        return JsonDocument.Parse(body).RootElement.GetProperty("digest").GetString()!;
    }

    private static string Filter(string code, string plugin)
        => $$$"""{"name":"guest","typed_config":{"@type":"type.googleapis.com/"""
            + $$$"""envoy.extensions.filters.http.wasm.v3.Wasm","config":{"name":"guest","vm_config":{"vm_id":"v1","code":{{{code}}} }"""
                + $$$"""{{{plugin}}} } } }""";
}
