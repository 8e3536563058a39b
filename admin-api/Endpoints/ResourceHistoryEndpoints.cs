using System.Globalization;
using Managed.AdminApi.Contracts;
using Managed.AdminApi.Documents;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Swagger;
using Managed.AdminApi.Versions;
using Managed.Migrations;
using Managed.Proxy.Configuration;
using static Managed.AdminApi.Problems.ProblemCode;

namespace Managed.AdminApi.Endpoints;

/// <summary>Who changed one resource when, and putting it back alone.</summary>
internal sealed class ResourceHistoryEndpoints(TopLevelList list)
{
    private const int Batch = 200, MostLookedAt = 5_000; // versions of one call; the next page goes on where it stopped

    public void Map(ApiRoutes api)
    {
        var (tag, path) = (char.ToUpperInvariant(list.Collection[0]) + list.Collection[1..].Replace('_', ' '),
            $"/{list.Collection}/{{name}}");
        api.Get($"{path}/history", HistoryAsync, new(tag, $"Lists the versions that changed one {list.Kind}, newest first")
            {
                Description = "change is added, changed or removed; document is what the version made of it, null when it removed it. "
                    + "Also for one that is gone. A page may be short, even empty, and go on.",
                Parameters = [ApiParameters.PageSize, ApiParameters.PageToken],
                Errors = [InvalidParameter, NotFound, VersionPruned, RateLimited, StoreUnavailable],
                Answers = [(200, "One page",
                    """{"items":[{"version":42,"created_at":"2026-11-22T22:41:00Z","author":"admin","source":"api","comment":"add """
                        + """h2","state":"active","change":"changed","document":{"name":"web"}}]"""
                            + ""","next_page_token":null,"total_size":null}""")],
            })
            .Post($"{path}/restore", RestoreAsync, new(tag, $"Puts one {list.Kind} back to what it was in a version")
            {
                Description = "A new version in which nothing else changes; one that is gone is created again.",
                Parameters = [.. ApiParameters.ConditionalWrite, new("version", "A number, active or latest.", "41")],
                Bodies = [new(MediaTypes.Json, """{"comment":"as it was before the sale"}""")],
                BodyRequired = false, BodyLimit = RequestBody.FieldsLimit,
                Errors = [MalformedBody, InvalidParameter, NotFound, VersionPruned, RollbackBlocked, EtagMismatch, TooLarge, RateLimited,
                    UnsupportedMediaType, StoreUnavailable, ApplyTimeout],
                Answers = [(200, "Published, or unchanged; the new version", ConfigExamples.Version),
                    (202, "With wait=0s: the deployment", """{"deployment":"d-00000042","version":42}""")],
            });
    }

    private Task HistoryAsync(HttpContext context)
    {
        var name = (string)context.Request.RouteValues["name"]!;
        var page = PageRequest.From(context);
        var store = context.RequestServices.GetRequiredService<VersionStore>();
        long? below = page.Position is null ? null
            : long.TryParse(page.Position, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : throw PageRequest.BadToken();
        var (items, next, room) = (new List<object>(), (long?)null, new LargestAtOnce(context));
        for (var looked = 0; next is null && items.Count < page.Size;)
        {
            var (rows, _) = store.List(below, Batch, null);
            foreach (var row in rows.Where(_ => items.Count < page.Size))
            {
                below = row.Number;
                if (row.State is not VersionState.Pending and not VersionState.Rejected && ChangeOf(row, name) is { } change)
                    items.Add(Item(row, change, change == "removed" ? null : list.Find(store.Load(row.Number, room.Take).Document, name)));
            }
            if (rows.Count < Batch && (rows.Count == 0 || below == rows[^1].Number))
                break;
            if (items.Count == page.Size || (looked += rows.Count) >= MostLookedAt)
                next = below;
        }
        if (items.Count == 0 && next is null && page.Position is null)
            throw ApiException.NotFound(list.Kind, name,
                PieceList.Names(list.Read(context.RequestServices.GetRequiredService<ActiveConfiguration>().Required.Document)));
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new
        {
            items, next_page_token = next is { } number ? PageRequest.Encode(number.ToString(CultureInfo.InvariantCulture)) : null,
            total_size = (long?)null,
        });
    }

    private static object Item(VersionRow row, string change, ConfigObject? document)
    {
        var version = VersionView.From(row, null);
        return new { version.Version, version.CreatedAt, version.Author, version.Source, version.Comment, version.Restores, version.Reverts,
            version.State, change, document };
    }

    private string? ChangeOf(VersionRow row, string name) =>
        !ChangeSummary.FromStored(row.Added, row.Changed, row.Removed, row.Summary).Resources.TryGetValue(list.Collection, out var changes)
        ? null
        : changes.Added.Contains(name) ? "added" : changes.Changed.Contains(name) ? "changed" : changes.Removed.Contains(name) ? "removed"
        : null;

    private async Task RestoreAsync(HttpContext context)
    {
        var name = (string)context.Request.RouteValues["name"]!;
        var body = await RequestBody.ReadOptionalObjectAsync(context, "comment");
        var (row, document) = VersionNames.LoadRow(context,
            Query.Text(context, "version") ?? throw ApiException.Parameter("version", "is missing: the version to put it back to"));
        var former = list.Find(document, name) ?? throw new ApiException(NotFound, $"version {row.Number} has no {list.Kind} '{name}'");
        await WriteCall.RunAsync(context, active =>
        {
            var next = active.Document.Clone();
            var items = list.Read(next);
            var at = list.IndexOf(items, name);
            PieceAnswer.CheckConditions(context, active, at < 0 ? null : items[at], (list.Collection, name));
            if (at < 0)
                items.Add(former.Clone());
            else
                items[at] = former.Clone();
            list.Write(next, items);
            return new(next, null, $"the {list.Kind} of version {row.Number}") { Stored = [document] };
        }, _ => null, refine: proposal => proposal with
        {
            Source = ChangeSource.Rollback, IsRollback = true,
            Comment = WriteCall.CommentOf(context, body?.Text("comment")) ?? $"{list.Kind} {name} as in version {row.Number}",
        }, answer: done => VersionEndpoints.View(context, done.Version));
    }

    /// <summary>Documents that are read one after the other need the room of the largest.</summary>
    private sealed class LargestAtOnce(HttpContext context)
    {
        private readonly MemoryBudget.Share _share = context.RequestServices.GetRequiredService<MemoryBudget>().For(context);
        private long _taken;

        public void Take(long bytes)
        {
            var wanted = bytes * MemoryBudget.StoredFactor;
            if (wanted <= _taken)
                return;
            _share.Take(wanted - _taken);
            _taken = wanted;
        }
    }
}
