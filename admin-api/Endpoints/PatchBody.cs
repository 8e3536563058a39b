using Managed.AdminApi.Documents;
using Managed.AdminApi.Requests;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;

namespace Managed.AdminApi.Endpoints;

/// <summary>A submitted patch of one of the two kinds.</summary>
internal sealed class PatchBody(ConfigNode patch, bool merge)
{
    public ConfigSource Source => patch.Source;

    public static async Task<PatchBody> ReadAsync(HttpContext context)
    {
        var type = MediaTypes.Of(context.Request);
        if (type is not (MediaTypes.MergePatch or MediaTypes.JsonPatch))
        {
            context.Response.Headers["Accept-Patch"] = $"{MediaTypes.MergePatch}, {MediaTypes.JsonPatch}";
            throw MediaTypes.Unsupported(type, MediaTypes.MergePatch, MediaTypes.JsonPatch);
        }
        return new(await RequestBody.ReadConfigAsync(context, ConfigFormat.Json), type == MediaTypes.MergePatch);
    }

    /// <summary>Patches a node that the caller owns.</summary>
    public ConfigNode Apply(ConfigNode target) => merge ? MergePatch.Apply(target, patch) : JsonPatch.Apply(target, patch);
}
