using Managed.AdminApi.Auth;
using Managed.AdminApi.Contracts;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Swagger;
using Managed.AdminApi.Trials;
using Managed.AdminApi.Versions;
using Managed.Proxy;
using static Managed.AdminApi.Problems.ProblemCode;

namespace Managed.AdminApi.Endpoints;

/// <summary>Publications: how they went, and the confirmation some wait for.</summary>
internal static class DeploymentEndpoints
{
    private const string Tag = "Deployments";

    public static void MapDeployments(this ApiRoutes api) => api
        .Get("/deployments", ListAsync, new(Tag, "Lists deployments, newest first")
        {
            Parameters = [ApiParameters.PageSize, ApiParameters.PageToken,
                new("q", "Only deployments in this state.", "awaiting_confirmation")], Errors = [InvalidParameter, StoreUnavailable],
            Answers = [(200, "One page", $$"""{"items":[{{ConfigExamples.Deployment}}],"next_page_token":null,"total_size":1}""")],
        })
        .Get("/deployments/{id}", context => WriteAsync(context, Find(context)),
            new(Tag, "Reads one deployment") { Errors = [NotFound, StoreUnavailable],
                Answers = [(200, "The deployment", ConfigExamples.Deployment)] })
        .Post("/deployments/{id}/confirm", ConfirmAsync, new(Tag, "Keeps a version that would revert by itself")
        {
            Errors = [NotFound, NotAwaitingConfirmation, StoreUnavailable],
            Answers = [(200, "The deployment, applied", ConfigExamples.Deployment)],
        })
        .Post("/deployments/{id}/abort", AbortAsync, new(Tag, "Reverts a version that awaits confirmation now")
        {
            Errors = [NotFound, NotAwaitingConfirmation, RollbackBlocked, StoreUnavailable, ApplyFailed, ApplyTimeout],
            Answers = [(200, "The deployment, reverted", ConfigExamples.Deployment)],
        });

    private static Task ListAsync(HttpContext context)
    {
        var page = PageRequest.From(context);
        var (rows, total) = Store(context).List(page.Position, page.Size + 1, Query.Text(context, "q"));
        var shown = rows.Take(page.Size).ToList();
        var drains = Drains(context);
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK,
            new PageOf<DeploymentView>([.. shown.Select(r => View(context, r, drains))],
                rows.Count > page.Size ? PageRequest.Encode(shown[^1].Id) : null, total));
    }

    private static async Task ConfirmAsync(HttpContext context)
    {
        var row = Find(context);
        await context.RequestServices.GetRequiredService<ConfirmationClock>().ConfirmAsync(row.Id, context.RequestAborted);
        await WriteAsync(context, Find(context));
    }

    private static async Task AbortAsync(HttpContext context)
    {
        var row = Find(context);
        var done = await context.RequestServices.GetRequiredService<ConfirmationClock>()
            .RevertAsync(row.Id, Identity.Of(context).Name, $"{row.Id} was aborted", context.RequestAborted);
        PieceAnswer.Headers(context, done.Version, null);
        await WriteAsync(context, Find(context));
    }

    private static Migrations.DeploymentRow Find(HttpContext context)
    {
        var id = (string)context.Request.RouteValues["id"]!;
        return Store(context).Find(id) ?? throw ApiException.NotFound("deployment", id,
            Store(context).List(null, 50, null).Rows.Select(r => r.Id));
    }

    private static Task WriteAsync(HttpContext context, Migrations.DeploymentRow row) =>
        JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, View(context, row, Drains(context)));

    private static DeploymentView View(HttpContext context, Migrations.DeploymentRow row, IReadOnlyList<DrainView> drains)
    {
        var view = DeploymentView.From(row, DrainsOf(row.State, drains)) with
        {
            Conditions = row.State == DeploymentState.AwaitingConfirmation
                ? context.RequestServices.GetRequiredService<TrialWatch>().Of(row.Id) : null,
        };
        var publisher = context.RequestServices.GetRequiredService<Publisher>();
        if (publisher.Reverting == row.Id && row.State == DeploymentState.Reverted)
            return view with { State = DeploymentState.AwaitingConfirmation };
        return publisher.InFlight == row.Id && row.State != DeploymentState.Preparing ? view with { State = DeploymentState.Committing }
            : view;
    }

    private static IReadOnlyList<DrainView> Drains(HttpContext context) =>
        [.. context.RequestServices.GetRequiredService<ProxyServer>().Generations().Where(g => !g.Active)
            .Select(g => new DrainView(g.Version, g.Connections, g.Streams))];

    private static IReadOnlyList<DrainView> DrainsOf(string state, IReadOnlyList<DrainView> drains)
        => state is DeploymentState.Failed or DeploymentState.Reverted ? [] : drains;

    private static DeploymentStore Store(HttpContext context) => context.RequestServices.GetRequiredService<DeploymentStore>();
}
