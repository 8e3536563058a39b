using System.Globalization;
using System.Text;
using Managed.AdminApi.Problems;
using Managed.Dashboard.Hosting;
using Microsoft.AspNetCore.Authorization;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.Swagger;

namespace Managed.AdminApi.Swagger;

/// <summary>The OpenAPI document at <c>/swagger/v1/swagger.json</c> and the page at <c>/swagger</c>.</summary>
internal static class ApiDescription
{
    private const string Document = "/swagger/v1/swagger.json";

    public static IServiceCollection AddApiDescription(this IServiceCollection services)
    {
        services.AddEndpointsApiExplorer();
        return services.AddSwaggerGen(swagger =>
        {
            swagger.SwaggerDoc("v1", new OpenApiInfo
            {
                Title = "Managed admin API",
                Version = "v1",
                Description = "Every accepted write makes one immutable version and publishes it before it answers. Reads carry a strong ETag, writes take If-Match. All errors are application/problem+json. "
                    + "A request that cannot be read never becomes a call; any address then answers, and closes: " + string.Join(", ", ProblemCode.OfTheServer.Select(c => $"{c.Status} `{c.Name}`"))
                    + ". A verb that an address does not take is 405 with Allow, an address that is none 404.",
            });
            swagger.AddSecurityDefinition("token", new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "The text of the file admin-token in the data folder." });
            swagger.OperationFilter<OperationDescription>();
            swagger.DocumentFilter<ProblemSchema>();
        });
    }

    public static void MapApiDescription(this WebApplication app)
    {
        // It says what the program can do, nothing of this node: anybody may read it. Made once, as making it takes time and memory.
        var document = new Lazy<byte[]>(() => Make(app.Services));
        app.MapGet(Document, (RequestDelegate)(context =>
        {
            context.Response.ContentType = "application/json; charset=utf-8";
            return context.Response.Body.WriteAsync(document.Value, context.RequestAborted).AsTask();
        })).ExcludeFromDescription().AllowAnonymous();
        app.MapSwaggerUI("swagger", ui =>
        {
            ui.SwaggerEndpoint(Document, "Managed admin API v1");
            ui.DocumentTitle = "Managed admin API";
            ui.EnableDeepLinking();
        }).Add(endpoint =>
        {
            endpoint.Metadata.Add(new AllowAnonymousAttribute());
            var answer = endpoint.RequestDelegate!;
            endpoint.RequestDelegate = context =>
            {
                PageAnswers.AddHeaders(context.Response.Headers);
                return answer(context);
            };
        });
    }

    private static byte[] Make(IServiceProvider services)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        services.GetRequiredService<ISwaggerProvider>().GetSwagger("v1").SerializeAsV3(new OpenApiJsonWriter(text));
        return Encoding.UTF8.GetBytes(text.ToString());
    }
}
