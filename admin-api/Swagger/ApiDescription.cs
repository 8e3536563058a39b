using Managed.AdminApi.Problems;
using Microsoft.OpenApi;

namespace Managed.AdminApi.Swagger;

/// <summary>The OpenAPI document at <c>/swagger/v1/swagger.json</c> and the page at <c>/swagger</c>.</summary>
internal static class ApiDescription
{
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
        app.UseSwagger();
        app.UseSwaggerUI(ui =>
        {
            ui.SwaggerEndpoint("v1/swagger.json", "Managed admin API v1");
            ui.DocumentTitle = "Managed admin API";
            ui.EnableDeepLinking();
            ui.EnablePersistAuthorization();
        });
    }
}
