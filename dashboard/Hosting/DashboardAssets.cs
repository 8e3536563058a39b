using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Hosting.StaticWebAssets;
using Microsoft.Extensions.FileProviders;

namespace Managed.Dashboard.Hosting;

/// <summary>
/// Serves the scripts and styles under <c>_content/</c> and <c>_framework/</c> in each of the three ways the process can be
/// started: from a build output (the files still lie in the source tree and in the package cache, a manifest says
/// where), from a publish output (they lie in <c>wwwroot</c> beside the executable), and from any working directory.
/// </summary>
internal static class DashboardAssets
{
    public static void Serve(WebApplication app)
    {
        var environment = app.Environment;
        var published = Path.Combine(AppContext.BaseDirectory, "wwwroot");
        if (Directory.Exists(Path.Combine(published, "_content")))
        {
            environment.WebRootPath = published;
            environment.WebRootFileProvider = new PhysicalFileProvider(published);
        }
        else
        {
            // The framework does this by itself only in Development.
            StaticWebAssetsLoader.UseStaticWebAssets(environment, app.Configuration);
        }

        var manifest = Path.Combine(AppContext.BaseDirectory, $"{environment.ApplicationName}.staticwebassets.endpoints.json");
        app.MapStaticAssets(File.Exists(manifest) ? manifest : AnyManifest())
            .Add(endpoint => endpoint.Metadata.Add(new AllowAnonymousAttribute()));
    }

    /// <summary>
    /// The SDK gives the files of the entry project no prefix, so alone they lie at the root. The pages know one set of
    /// addresses, a library's; this maps them. Before routing, which is therefore called here.
    /// </summary>
    public static void ServeAlone(WebApplication app)
    {
        app.Use((context, next) =>
        {
            if (context.Request.Path.StartsWithSegments("/_content/Managed.Dashboard", out var rest))
                context.Request.Path = rest == "/Managed.Dashboard.bundle.scp.css" ? "/Managed.Dashboard.styles.css" : rest;
            return next(context);
        });
        app.UseRouting();
    }

    private static string AnyManifest() =>
        Directory.EnumerateFiles(AppContext.BaseDirectory, "*.staticwebassets.endpoints.json").FirstOrDefault()
        ?? throw new InvalidOperationException(
            $"The dashboard's files are missing: no *.staticwebassets.endpoints.json in {AppContext.BaseDirectory}. " +
            "The host must be built with the Microsoft.NET.Sdk.Web SDK.");
}
