using Managed.AdminApi.Documents;
using Managed.AdminApi.Requests;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Endpoints;

/// <summary>Shows the difference of two documents in the form that <c>Accept</c> asks for.</summary>
internal static class DiffAnswer
{
    public static async Task WriteAsync(HttpContext context, (string Label, ConfigObject Document) from,
        (string Label, ConfigObject Document) to)
    {
        if (!MediaTypes.WantsUnifiedDiff(context.Request))
        {
            await JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new
            {
                from = from.Label, to = to.Label, summary = ChangeSummary.Between(from.Document, to.Document),
                operations = StructuralDiff.Between(from.Document, to.Document),
            });
            return;
        }
        context.Response.ContentType = MediaTypes.UnifiedDiff + "; charset=utf-8";
        context.Response.Headers.Append("Vary", "Accept");
        await context.Response.WriteAsync(UnifiedDiff.Between(from.Document.ToYaml(), to.Document.ToYaml(), from.Label, to.Label),
            context.RequestAborted);
    }
}
