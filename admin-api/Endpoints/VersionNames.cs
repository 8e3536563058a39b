using System.Globalization;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Versions;
using Managed.Migrations;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Endpoints;

/// <summary>Versions as they are named in paths: a number, <c>active</c> or <c>latest</c>.</summary>
internal static class VersionNames
{
    public static long Number(HttpContext context, string text)
    {
        switch (text)
        {
            case "active":
                return context.RequestServices.GetRequiredService<ActiveConfiguration>().Required.Number;
            case "latest":
                return context.RequestServices.GetRequiredService<VersionStore>().ReadHead().LastNumber;
            default:
                var digits = text.StartsWith('v') ? text[1..] : text;
                return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
                    : throw ApiException.NotFound("version", text, ["active", "latest"]);
        }
    }

    public static (VersionRow Row, ConfigObject Document) LoadRow(HttpContext context, string text) =>
        context.RequestServices.GetRequiredService<VersionStore>().Load(Number(context, text),
            bytes => context.RequestServices.GetRequiredService<MemoryBudget>().For(context).Take(bytes * MemoryBudget.StoredFactor));

    public static (string Label, ConfigObject Document) Load(HttpContext context, string text)
    {
        var (row, document) = LoadRow(context, text);
        return ($"v{row.Number}", document);
    }
}
