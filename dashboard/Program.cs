using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Hosting;

// Alone: `dotnet run --project dashboard -- --api http://127.0.0.1:9901 [--urls http://127.0.0.1:9902]`.
// Inside the admin host the same two calls, AddManagedDashboard and MapManagedDashboard, do the work.
var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
if (!Uri.TryCreate(builder.Configuration["api"] ?? "http://127.0.0.1:9901", UriKind.Absolute, out var api))
{
    Console.Error.WriteLine($"--api: '{builder.Configuration["api"]}' is not an absolute address such as http://127.0.0.1:9901");
    return 1;
}
if (builder.Configuration["urls"] is null)
    builder.WebHost.UseUrls("http://127.0.0.1:9902");

builder.Services.AddManagedDashboard(new DashboardOptions { Api = _ => api, NodeName = api.Authority });
var app = builder.Build();
DashboardAssets.ServeAlone(app);
app.MapApiPassThrough();
app.MapManagedDashboard();
await app.RunAsync();
return 0;
