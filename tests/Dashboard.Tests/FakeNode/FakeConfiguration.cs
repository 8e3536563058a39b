using System.Text.Json.Nodes;

namespace Managed.Dashboard.Tests.FakeNode;

/// <summary>Listeners, versions, diff, rollback, deployments.</summary>
internal static class FakeConfiguration
{
    public static void Map(RouteGroupBuilder api, FakeHost host)
    {
        api.MapGet("/listeners", () => Page(host.State.Active.Listeners.Values.Select(FakeState.ListenerJson)));
        api.MapGet("/listeners/{name}", (HttpContext context, string name) => host.State.Active.Listeners.TryGetValue(name, out var text)
            ? context.Request.Headers.Accept.ToString().Contains("json") ? Json(FakeState.ListenerJson(text)) : Yaml(context, text)
            : FakeAdminApi.Problem(404, "NOT_FOUND", $"no listener '{name}'"));
        api.MapPut("/listeners/{name}", (HttpContext context, string name) => PutAsync(context, host.State, name));
        api.MapDelete("/listeners/{name}", (HttpContext context, string name, string? comment) =>
        {
            if (host.State.InUse.Contains(name))
                return FakeAdminApi.Problem(409, "IN_USE", $"listener '{name}' is referred to", new JsonObject
                {
                    ["references"] = new JsonArray(new JsonObject { ["kind"] = "cluster", ["name"] = "inner",
                        ["pointer"] = "/clusters/inner/endpoints/0" }),
                });
            var next = new SortedDictionary<string, string>(host.State.Active.Listeners, StringComparer.Ordinal);
            next.Remove(name);
            return Accepted(context, host.State.Commit(next, comment ?? ""));
        });

        // Any dry run of a whole document is good.
        api.MapPatch("/config", (bool dry_run) => dry_run ? Json(new JsonObject
        {
            ["dry_run"] = true, ["changed"] = true, ["impact"] = new JsonObject(), ["warnings"] = new JsonArray(),
            ["diff"] = new JsonArray(new JsonObject { ["op"] = "add", ["pointer"] = "#/listeners/2", ["where"] = "listeners[shop]" }),
        }) : FakeAdminApi.Problem(422, "VALIDATION_FAILED", "only dry runs here"));

        api.MapGet("/versions", (int page_size, string? page_token, string? q) =>
        {
            var all = host.State.Versions.Reverse().Where(v => q is null
                || $"{v.Record["comment"]} {v.Record["author"]}".Contains(q, StringComparison.OrdinalIgnoreCase)).ToList();
            var skip = int.Parse(page_token ?? "0");
            var page = Page(all.Skip(skip).Take(page_size).Select(v => (JsonObject)v.Record.DeepClone()), all.Count,
                skip + page_size < all.Count ? (skip + page_size).ToString() : null);
            return page;
        });
        api.MapGet("/versions/{n}", (string n) => host.State.Find(n) is { } version ? Json(version.Record)
            : FakeAdminApi.Problem(404, "NOT_FOUND", $"no version {n}"));
        api.MapGet("/versions/{n}/config", (HttpContext context, string n) => host.State.Find(n) is { } version
            ? Yaml(context, FakeState.Document(version.Listeners))
            : FakeAdminApi.Problem(404, "NOT_FOUND", $"no version {n}"));
        api.MapGet("/versions/{a}/diff/{b}", (string a, string b) => host.State.Find(a) is { } from && host.State.Find(b) is { } to
            ? Json(FakeState.Diff(from.Listeners, to.Listeners))
            : FakeAdminApi.Problem(404, "NOT_FOUND", "no such version"));
        api.MapPost("/versions/{n}/rollback", async (HttpContext context, string n) =>
        {
            var comment = (string?)(await JsonNode.ParseAsync(context.Request.Body))!["comment"];
            return host.State.Find(n) is { } target
                ? Accepted(context, host.State.Commit(target.Listeners, comment ?? "", source: "rollback", restores: target.Number))
                : FakeAdminApi.Problem(404, "NOT_FOUND", $"no version {n}");
        });

        api.MapPost("/match", () => Json(new JsonObject
        {
            ["matched"] = true, ["virtual_host"] = "all", ["route"] = "rest", ["action"] = "route", ["cluster"] = "web",
            ["steps"] = new JsonArray(
                new JsonObject { ["kind"] = "route", ["name"] = "ping", ["matched"] = false, ["reason"] = "path is not /ping" },
                new JsonObject { ["kind"] = "route", ["name"] = "rest", ["matched"] = true, ["reason"] = "prefix / matches" }),
        }));
        api.MapGet("/secrets", () => Page([
            new() { ["name"] = "filed",
                ["tls_certificate"] = new JsonObject { ["certificate_chain"] = new JsonObject { ["filename"] = "/etc/tls/a.pem" } } },
            new() { ["name"] = "tickets", ["session_ticket_keys"] = new JsonObject() }]));
        api.MapGet("/clusters",
            () => Page([new() { ["name"] = "web", ["endpoints"] = new JsonArray("127.0.0.1:8080", "127.0.0.1:8081", "127.0.0.1:8082") },
                new() { ["name"] = "api", ["type"] = "STRICT_DNS", ["endpoints"] = new JsonArray("api.internal:80") }]));
        api.MapGet("/clusters/{name}", (HttpContext context, string name) => Yaml(context, $"name: {name}\nendpoints: [127.0.0.1:8080]\n"));
        api.MapPost("/versions/{n}/revert", async (HttpContext context, string n, string? overlap) =>
        {
            var body = context.Request.ContentLength > 0 ? await JsonNode.ParseAsync(context.Request.Body) : null;
            return host.State.Find(n) is { } target && host.State.Find((target.Number - 1).ToString()) is { } before
                ? Revert(context, host.State, target, before, overlap, (string?)body?["comment"] ?? "")
                : FakeAdminApi.Problem(404, "NOT_FOUND", $"no version {n}");
        });
        api.MapGet("/listeners/{name}/history", (string name) => Page(host.State.Versions.Reverse()
            .Where(v => host.State.Find((v.Number - 1).ToString())?.Listeners.GetValueOrDefault(name)
                != v.Listeners.GetValueOrDefault(name))
            .Select(v =>
            {
                var item = (JsonObject)v.Record.DeepClone();
                item["change"] = v.Listeners.ContainsKey(name) ? "changed" : "removed";
                item["document"] = v.Listeners.TryGetValue(name, out var text) ? FakeState.ListenerJson(text) : null;
                return item;
            })));
        api.MapGet("/deployments", (string? q) => q is "awaiting_confirmation"
            ? Page(host.State.PendingDeployment is { } trial ? [(JsonObject)trial.DeepClone()] : [])
            : Page((host.State.PendingDeployment is { } pending ? [(JsonObject)pending.DeepClone()] : Array.Empty<JsonObject>())
            .Concat(host.State.Versions.Reverse().Select(v => new JsonObject
            {
                ["id"] = $"d{v.Number}", ["version"] = v.Number, ["state"] = "applied", ["duration_ms"] = 12.5,
                ["workers"] =
                    new JsonArray([.. Enumerable.Range(0, 2)
                        .Select(w => new JsonObject { ["id"] = w, ["state"] = "applied", ["version"] = v.Number, ["prepare_ms"] = 4.25,
                            ["ack_ms"] = 0.75 })]),
            }))));
        api.MapPost("/deployments/{id}/confirm", (HttpContext context) =>
        {
            host.State.PendingDeployment = null;
            host.State.Tell("deployment.applied");
            return Results.Ok();
        });
    }

    private static async Task<IResult> PutAsync(HttpContext context, FakeState state, string name)
    {
        var text = await new StreamReader(context.Request.Body).ReadToEndAsync();
        var exists = state.Active.Listeners.TryGetValue(name, out var current);
        if (context.Request.Headers.IfNoneMatch == "*" && exists)
            return FakeAdminApi.Problem(412, "ETAG_MISMATCH", $"listener '{name}' exists");
        if (context.Request.Headers.IfMatch.ToString() is { Length: > 0 } match && (!exists || match != FakeState.Etag(current!)))
            return FakeAdminApi.Problem(412, "ETAG_MISMATCH", $"listener '{name}' was changed",
                new JsonObject { ["current_version"] = state.Active.Number, ["changed_by"] = "someone" });
        var lines = text.Split('\n');
        var errors = new JsonArray([.. lines.Index().Where(l => l.Item.Contains("nowhere")).Select(l => new JsonObject
        {
            ["pointer"] = "#/routes/0/route/cluster", ["code"] = "UNKNOWN_REFERENCE", ["detail"] = "cluster 'nowhere' does not exist",
            ["line"] = l.Index + 1, ["column"] = l.Item.IndexOf("nowhere", StringComparison.Ordinal) + 1, ["hint"] = "did you mean 'web'?",
        })]);
        if (errors.Count > 0)
            return FakeAdminApi.Problem(422, "VALIDATION_FAILED", $"{errors.Count} errors in the submitted listener",
                new JsonObject { ["errors"] = errors });

        var next = new SortedDictionary<string, string>(state.Active.Listeners, StringComparer.Ordinal) { [name] = text };
        if (context.Request.Query["dry_run"] == "true")
        {
            var diff = FakeState.Diff(state.Active.Listeners, next);
            return Json(new JsonObject
            {
                ["dry_run"] = true, ["diff"] = diff["operations"]!.DeepClone(), ["summary"] = diff["summary"]!.DeepClone(),
                ["impact"] = new JsonObject
                {
                    ["listeners_added"] = exists ? new JsonArray() : new JsonArray(name),
                    ["chains_replaced"] = exists ? new JsonArray($"{name}/main") : new JsonArray(), ["connections_drained"] = 0,
                },
                ["warnings"] = new JsonArray(),
            });
        }
        if (text == current)
        {
            context.Response.Headers["Config-Changed"] = "false";
            return Results.Ok();
        }
        context.Response.Headers.ETag = FakeState.Etag(text);
        return Accepted(context, state.Commit(next, context.Request.Query["comment"].ToString(), source: "dashboard"));
    }

    /// <summary>Whole listeners are the places of this node.</summary>
    private static IResult Revert(HttpContext context, FakeState state, FakeVersion target, FakeVersion before, string? overlap,
        string comment)
    {
        var now = new SortedDictionary<string, string>(state.Active.Listeners, StringComparer.Ordinal);
        var conflicts = new JsonArray();
        foreach (var name in target.Listeners.Keys.Union(before.Listeners.Keys)
            .Where(n => target.Listeners.GetValueOrDefault(n) != before.Listeners.GetValueOrDefault(n)))
        {
            var (was, made, current) = (before.Listeners.GetValueOrDefault(name), target.Listeners.GetValueOrDefault(name),
                now.GetValueOrDefault(name));
            if (current == was)
                continue;
            if (current != made)
                conflicts.Add(new JsonObject { ["pointer"] = $"#/listeners/{name}", ["where"] = $"listeners[{name}]", ["kind"] = "listener",
                    ["name"] = name, ["base"] = made, ["theirs"] = current, ["yours"] = was });
            if (current != made && overlap != "revert")
                continue;
            now.Remove(name);
            if (was is not null)
                now[name] = was;
        }
        if (conflicts.Count > 0 && overlap is null)
            return FakeAdminApi.Problem(409, "CONFLICT", "a place was changed again since", new JsonObject { ["conflicts"] = conflicts });
        if (context.Request.Query["dry_run"] == "true")
        {
            var diff = FakeState.Diff(state.Active.Listeners, now);
            return Json(new JsonObject { ["dry_run"] = true, ["changed"] = true, ["diff"] = diff["operations"]!.DeepClone(),
                ["summary"] = diff["summary"]!.DeepClone(), ["impact"] = new JsonObject(), ["warnings"] = new JsonArray() });
        }
        return Accepted(context, state.Commit(now, comment, source: "revert", reverts: target.Number));
    }

    private static IResult Accepted(HttpContext context, FakeVersion version)
    {
        context.Response.Headers["Config-Version"] = version.Number.ToString();
        return Json(version.Record);
    }

    private static IResult Yaml(HttpContext context, string text)
    {
        var etag = FakeState.Etag(text);
        if (context.Request.Headers.IfNoneMatch == etag)
            return Results.StatusCode(304);
        context.Response.Headers.ETag = etag;
        return Results.Text(text, "application/yaml");
    }

    internal static IResult Page(IEnumerable<JsonObject> items, int? total = null, string? next = null)
    {
        var list = new JsonArray([.. items]);
        return Json(new JsonObject { ["items"] = list, ["next_page_token"] = next, ["total_size"] = total ?? list.Count });
    }

    internal static IResult Json(JsonObject json) => Results.Text(json.ToJsonString(), "application/json");
}
