using System.Globalization;
using System.Text;
using Managed.AdminApi.Problems;
using Managed.Dashboard.Hosting;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.Swagger;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Managed.AdminApi.Swagger;

/// <summary>The OpenAPI document at <c>/swagger/v1/swagger.json</c> and the page at <c>/swagger</c>.</summary>
internal static class ApiDescription
{
    private const string Document = "/swagger/v1/swagger.json";

    /// <summary>What it says is the program's, nothing of this node: anybody may read it.</summary>
    public static void MapApiDescription(this WebApplication app)
    {
        // its libraries are loaded when somebody asks
        var made = new Lazy<(byte[] Document, RequestDelegate Page)>(() => Make(app.Services), LazyThreadSafetyMode.PublicationOnly);
        app.MapGet(Document, (RequestDelegate)(context =>
        {
            context.Response.ContentType = "application/json; charset=utf-8";
            return context.Response.Body.WriteAsync(made.Value.Document, context.RequestAborted).AsTask();
        })).ExcludeFromDescription().AllowAnonymous();
        app.MapMethods("/swagger/{**path}", ["GET", "HEAD"], (RequestDelegate)(context =>
        {
            PageAnswers.AddHeaders(context.Response.Headers);
            context.SetEndpoint(null); // the page answers only what no endpoint does
            return made.Value.Page(context);
        })).ExcludeFromDescription().AllowAnonymous();
    }

    private static (byte[], RequestDelegate) Make(IServiceProvider node)
    {
        var services = new ServiceCollection().AddSingleton(node.GetRequiredService<EndpointDataSource>())
            .AddSingleton(node.GetRequiredService<ILoggerFactory>())
            .AddSingleton(node.GetRequiredService<IWebHostEnvironment>())
                .AddSingleton<IHostEnvironment>(node.GetRequiredService<IWebHostEnvironment>());
        var provider = services.AddLogging().AddRouting().AddEndpointsApiExplorer().AddSwaggerGen(Describe).BuildServiceProvider();
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        provider.GetRequiredService<ISwaggerProvider>().GetSwagger("v1").SerializeAsV3(new OpenApiJsonWriter(text));
        var page = new ApplicationBuilder(provider).UseSwaggerUI(ui =>
        {
            ui.SwaggerEndpoint(Document, "Managed admin API v1");
            ui.DocumentTitle = "Managed admin API";
            ui.EnableDeepLinking();
        }).Build();
        return (Encoding.UTF8.GetBytes(text.ToString()), page);
    }

    private static void Describe(SwaggerGenOptions swagger)
    {
        swagger.SwaggerDoc("v1", new OpenApiInfo
        {
            Title = "Managed admin API",
            Version = "v1",
            Description = "Every accepted write makes one immutable version and publishes it before it answers. Reads carry a strong "
                + "ETag, writes take If-Match. All errors are application/problem+json. "
                + "A request that cannot be read never becomes a call; any address then answers, and closes: "
                + string.Join(", ", ProblemCode.OfTheServer.Select(c => $"{c.Status} `{c.Name}`"))
                + ". A verb that an address does not take is 405 with Allow, an address that is none 404.",
        });
        swagger.AddSecurityDefinition("token", new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer",
            Description = "The text of the file admin-token in the data folder." });
        swagger.OperationFilter<OperationDescription>();
        swagger.DocumentFilter<ProblemSchema>();
    }
}
