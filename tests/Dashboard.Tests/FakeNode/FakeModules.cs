using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Managed.Dashboard.Tests.FakeNode;

/// <summary>
/// Stored modules and the machines that run them. A file that contains <c>missing:a,b</c> is refused for importing a and b.
/// </summary>
internal static class FakeModules
{
    public static void Seed(FakeState state)
    {
        var auth = Add(state, "auth", "wasm", 1_234_567, "maria", [1, 3]);
        Add(state, "stamp", "lua", 312, "admin", []);
        auth["names"]!.AsArray().Add("auth-v2");
        foreach (var worker in (int[])[0, 1])
            state.Vms.Add(Vm("wasm", "auth", (string)auth["digest"]!, worker, worker == 0 ? "active" : "quarantined"));
        state.Vms.Add(Vm("lua", "inline_code", "sha256:" + new string('e', 64), 0, "ready"));
    }

    public static JsonObject Add(FakeState state, string name, string kind, long size, string author, long[] usedBy)
    {
        var digest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)));
        var module = new JsonObject
        {
            ["digest"] = digest, ["kind"] = kind, ["names"] = new JsonArray(name), ["size"] = size,
            ["created_at"] = DateTimeOffset.UtcNow.AddMinutes(-7).ToString("O"), ["author"] = author,
            ["abi"] = kind == "wasm" ? "proxy_abi_version_0_2_1" : null,
            ["imports"] = kind == "wasm" ? new JsonArray("env.proxy_log", "env.proxy_get_property") : new JsonArray(),
            ["exports"] = kind == "wasm" ? new JsonArray("memory", "proxy_abi_version_0_2_1", "proxy_on_request_headers") : new JsonArray(),
            ["used_by"] = new JsonArray([.. usedBy.OrderDescending().Select(v => (JsonNode)v)]),
        };
        state.Modules[digest] = module;
        return module;
    }

    public static JsonObject Vm(string kind, string name, string digest, int worker, string state) => new()
    {
        ["kind"] = kind, ["name"] = name, ["digest"] = digest, ["vm_id"] = kind == "wasm" ? "v1" : null, ["worker"] = worker,
        ["state"] = state, ["executions"] = state == "ready" ? 0 : 90_210, ["errors"] = state == "quarantined" ? 12 : 0,
        ["breaches"] = state == "quarantined" ? 2 : 0, ["time_micros"] = 140_210, ["instructions"] = 0, ["memory_bytes"] = 1_114_112,
        ["retry_in_seconds"] = state == "quarantined" ? 3.4 : null, ["created"] = 1, ["reloads"] = 0, ["active"] = 1,
        ["last_error"] = state == "quarantined" ? "unreachable: the guest gave up (in parse_token < on_request)" : "",
        ["time_histogram"] = state == "ready" ? new JsonArray()
            : new JsonArray(new JsonObject { ["le"] = 2, ["count"] = 90_000 }, new JsonObject { ["le"] = 2048, ["count"] = 210 }),
            ["instruction_histogram"] = new JsonArray(),
        ["callbacks"] = kind == "wasm"
            ? new JsonArray(new JsonObject { ["name"] = "proxy_on_request_headers", ["calls"] = 45_105, ["time_micros"] = 130_000,
                ["max_micros"] = 1_900 }) : null,
    };

    public static void Map(RouteGroupBuilder api, FakeHost host)
    {
        api.MapGet("/modules", () => FakeConfiguration.Page(host.State.Modules.Values.Select(m => (JsonObject)m.DeepClone())));
        api.MapGet("/modules/{digest}", (string digest) => host.State.Modules.TryGetValue(digest, out var module)
            ? FakeConfiguration.Json(module) : FakeAdminApi.Problem(404, "NOT_FOUND", $"module '{digest}' does not exist"));
        api.MapGet("/modules/by-name/{name}", (string name) =>
            host.State.Modules.Values.FirstOrDefault(m => m["names"]!.AsArray().Any(n => (string?)n == name)) is { } module
                ? FakeConfiguration.Json(module) : FakeAdminApi.Problem(404, "NOT_FOUND", $"module '{name}' does not exist"));
        api.MapDelete("/modules/{digest}", (string digest) =>
        {
            var users = host.State.Modules[digest]["used_by"]!.AsArray();
            if (users.Count > 0)
                return FakeAdminApi.Problem(409, "IN_USE", $"{users.Count} kept versions need this module", new JsonObject
                {
                    ["references"] =
                        new JsonArray(
                            [.. users.Select(v => new JsonObject { ["kind"] = "version", ["name"] = v!.ToString(), ["pointer"] = null })]),
                });
            host.State.Modules.Remove(digest);
            host.State.Tell("module.deleted");
            return Results.NoContent();
        });
        api.MapPost("/modules", async (HttpContext context, string? name) =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            var digest = Convert.ToBase64String(SHA256.HashData(body.ToArray()));
            host.State.UploadHeaders =
                $"{context.Request.ContentType} {(context.Request.Headers["Content-Digest"] == $"sha-256=:{digest}:" ? "digest" : "no digest")}";
            var text = Encoding.UTF8.GetString(body.ToArray());
            if (text.IndexOf("missing:", StringComparison.Ordinal) is >= 0 and var at)
                return FakeAdminApi.Problem(422, "COMPILE_FAILED", "the module imports functions that no Proxy-Wasm host has",
                    new JsonObject
                {
                    ["errors"] =
                        new JsonArray([.. text[(at + 8)..].Trim().Split(',')
                            .Select(f => new JsonObject { ["pointer"] = "#", ["code"] = "COMPILE_FAILED",
                                ["detail"] = $"it imports env.{f}, which no host has" })]),
                });
            var module = Add(host.State, name ?? "unnamed", context.Request.ContentType == "application/wasm" ? "wasm" : "lua", body.Length,
                "admin", []);
            host.State.Tell("module.uploaded");
            return Results.Text(module.ToJsonString(), "application/json", statusCode: 201);
        });
        api.MapGet("/vms", (HttpContext context) =>
        {
            var wanted = context.Request.Query["state"].ToString();
            return FakeConfiguration.Page(host.State.Vms.Where(v => wanted.Length == 0 || wanted.Split(',').Contains((string?)v["state"]))
                .Select(v => (JsonObject)v.DeepClone()));
        });
        api.MapGet("/config", () => FakeConfiguration.Json(new JsonObject
        {
            ["listeners"] = new JsonArray(new JsonObject
            {
                ["name"] = "edge", ["filter_chains"] = new JsonArray(new JsonObject
                {
                    ["name"] = "main", ["filters"] = new JsonArray(new JsonObject
                    {
                        ["name"] = "http_connection_manager", ["typed_config"] = new JsonObject
                        {
                            ["route_config"] = JsonNode.Parse("""
                                {"name": "edge", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                                  {"name": "ping", "match": {"path": "/ping"}, "direct_response": {"status": 204}},
                                  {"name": "new", "match": {"prefix": "/new"}, "route": {"weighted_clusters":
                                    {"clusters": [{"name": "web", "weight": 90}, {"name": "api", "weight": 10}]}}},
                                  {"name": "rest", "match": {"prefix": "/"}, "route": {"cluster": "web"}}]}]}
                                """),
                            ["http_filters"] = new JsonArray(new JsonObject
                            {
                                ["name"] = "check", ["typed_config"] = new JsonObject { ["config"] =
                                    new JsonObject { ["vm_config"] = new JsonObject { ["code"] =
                                        new JsonObject { ["module"] = host.State.Modules.Keys.First() } } } },
                            }),
                        },
                    }),
                }),
            }),
        }));
    }
}
