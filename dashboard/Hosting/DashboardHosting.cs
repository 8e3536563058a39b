using System.Xml.Linq;
using Managed.Dashboard.AdminApi;
using Microsoft.AspNetCore.Components.Endpoints;
using Managed.Dashboard.Components.Controls;
using Managed.Dashboard.Components.Layout;
using Managed.Dashboard.Components.Pages;
using Managed.Dashboard.Components;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components.Server.Circuits;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection.Extensions;
using MudBlazor.Services;
using MudBlazor;

namespace Managed.Dashboard.Hosting;

/// <summary>The two lines a host needs: <c>services.AddManagedDashboard(…)</c> and <c>app.MapManagedDashboard()</c>.</summary>
public static class DashboardHosting
{
    public static IServiceCollection AddManagedDashboard(this IServiceCollection services, DashboardOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton<AdminApiConnection>();
        services.AddSingleton<Presence>();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<PageMemory>();
        services.AddScoped<CircuitHandler, PageCount>();
        services.AddScoped<AdminApiClient>();
        services.AddScoped<LiveFeed>();
        services.AddScoped<Shell>();
        services.AddScoped<Toasts>();

        // Data protection only covers circuit ids and antiforgery tokens, which die with the process anyway:
        // no key ring on disk, nothing to mount into a container.
        services.AddDataProtection();
        services.AddLogging(log => log.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Warning)
            // a browser's token of the run before: made anew, and no reason for a stack trace
            .AddFilter("Microsoft.AspNetCore.Antiforgery", LogLevel.None));
        services.Configure<KeyManagementOptions>(keys => (keys.XmlRepository, keys.XmlEncryptor) =
            (new KeysInMemory(), new NullXmlEncryptor()));
        services.AddRazorComponents().AddInteractiveServerComponents(o =>
            // Of a tab whose end was not heard of: what was typed is in the browser, and the page is drawn anew for who comes back later.
            o.DisconnectedCircuitRetentionPeriod = TimeSpan.FromMinutes(1));
        services.AddCascadingAuthenticationState();
        services.AddMudServices(mud =>
        {
            mud.SnackbarConfiguration.PositionClass = Defaults.Classes.Position.BottomRight;
            mud.SnackbarConfiguration.MaxDisplayedSnackbars = 3;
            mud.SnackbarConfiguration.ShowTransitionDuration = 120;
            mud.SnackbarConfiguration.HideTransitionDuration = 120;
            mud.SnackbarConfiguration.VisibleStateDuration = 8000;
        });
        return services;
    }

    public static WebApplication MapManagedDashboard(this WebApplication app)
    {
        DashboardAssets.Serve(app);
        app.UseMiddleware<SessionGate>();
        app.UseAntiforgery();
        app.MapGet("/sign-in", () => new RazorComponentResult<SignIn>()).ExcludeFromDescription().AllowAnonymous();
        app.MapRazorComponents<App>()
            .AddInteractiveServerRenderMode(o => o.ContentSecurityFrameAncestorsPolicy = null); // PageAnswers has the whole policy
        // What nothing else answers, after everything else; only for browsers, and only reads, so that a wrong verb stays one.
        app.MapMethods("/{*path}", ["GET"], (RequestDelegate)PageAnswers.NotFoundAsync)
            .WithMetadata(new ComponentTypeMetadata(typeof(Components.Pages.NotFound)), new PageAnswers.NotFoundMark())
            .WithOrder(int.MaxValue).ExcludeFromDescription();
        return app;
    }

    private sealed class KeysInMemory : IXmlRepository
    {
        private readonly List<XElement> _keys = [];

        public IReadOnlyCollection<XElement> GetAllElements()
        {
            lock (_keys)
                return [.. _keys];
        }

        public void StoreElement(XElement element, string friendlyName)
        {
            lock (_keys)
                _keys.Add(element);
        }
    }
}
