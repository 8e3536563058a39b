using System.Globalization;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Swagger;
using Managed.AdminApi.Telemetry;
using Managed.AdminApi.Versions;
using Managed.Proxy;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core;
using static Managed.AdminApi.Problems.ProblemCode;

namespace Managed.AdminApi.Endpoints;

/// <summary>What runs: workers, endpoints, the node.</summary>
internal static class RuntimeEndpoints
{
    private const string Tag = "Runtime";

    public static void MapRuntime(this ApiRoutes api) => api
        .Get("/workers", WorkersAsync, new(Tag, "Lists the workers")
        {
            Parameters = [ApiParameters.PageSize, ApiParameters.PageToken], Errors = [InvalidParameter],
            Answers = [(200, "cpu is the share of one core since the last time anybody asked",
                """{"items":[{"id":0,"version":42,"generation":7,"connections":12,"requests":90210,"cpu":0.31,"cpu_seconds":8.2"""
                    + ""","loop_lag_ms":0.4}],"next_page_token":null,"total_size":1}""")],
        })
        .Get("/vms", VmsAsync, new(Tag, "Lists the machines of guest code: each Lua script, Wasm VM and native plug-in on each worker")
        {
            Description = "state is ready (not called yet), active, or quarantined: after repeated breaches of its limits or traps it "
                + "is not called for retry_in_seconds, and streams go on as its failure_policy says. "
                + "For Wasm also failed (its VM trapped; the next stream gets a new one) and backoff (FAIL_RELOAD waits "
                    + "retry_in_seconds before it makes one). "
                + "errors are calls that failed (for Wasm: traps), breaches those over a limit (for Wasm: the CPU budget). Histograms "
                    + "count calls by their microseconds or instructions, empty buckets left out. "
                + "Wasm alone has vm_id, created, reloads (VMs made in place of one that failed), active (VMs that exist, those that "
                    + "finish their last streams among them), last_error, and callbacks, the calls by callback; it counts no instructions.",
            Parameters = [new("kind", "lua, wasm or native.", "wasm"), new("name", "Only of this name.", "auth"),
                new("state", "ready, active, failed, backoff or quarantined; several separated by commas.", "quarantined,backoff"),
                    .. ApiParameters.Page], Errors = [InvalidParameter],
            Answers = [(200, "One page", $$"""{"items":[{{LuaExample}},{{WasmExample}}],"next_page_token":null,"total_size":2}""")],
        })
        .Get("/status", StatusAsync, new(Tag, "Reads the state of the node")
        {
            Description = "degraded is null, or says what a start found wrong with the history: reason; serving (history: its newest "
                + "acknowledged version, without being able to write; last-good.json: the copy beside it; nothing; "
                + "or the file of --config); version; since; store_usable: whether changes are taken. When they are not, the history is "
                    + "tried again every second. It stays until the next change, so that it is not overlooked.",
            Answers = [(200, "degraded says what went wrong at start, or is null",
                """{"node":"edge-1","state":"live","version":42,"degraded":null,"uptime_seconds":3600,"workers":2,"generations":["""
                    + """{"version":42,"active":true,"connections":12,"streams":1}]}""")],
        })
        .Get("/clusters/{cluster}/endpoints", EndpointsAsync, new(Tag, "Lists the endpoints of a cluster")
        {
            Description = "flags are Envoy's: failed_active_hc (its health check), failed_outlier_check (ejected), failed_eds_health (the "
                + "configuration says so), degraded_active_hc, degraded_eds_health, pending_active_hc (not checked yet), "
                + "active_hc_timeout, eds_status_draining; reason says it for people.",
            Parameters = [ApiParameters.PageSize, ApiParameters.PageToken], Errors = [InvalidParameter, NotFound],
            Answers = [(200, "One page", $$"""{"items":[{{EndpointExample}}],"next_page_token":null,"total_size":1}""")],
        })
        .Patch("/clusters/{cluster}/endpoints/{endpoint}", OverrideAsync, new(Tag, "Overrides the weight of an endpoint, or drains it")
        {
            Description = "A run-time action, no version: it holds over publications until the process ends or the endpoint goes; null "
                + "takes it back. weight_override and drain_override of the answer say what holds.",
            Errors = [MalformedBody, NotFound, UnsupportedMediaType, ValidationFailed],
            Bodies = [new(MediaTypes.MergePatch, """{"weight":5}"""),
                new(MediaTypes.JsonPatch, """[{"op":"replace","path":"/drain","value":true}]""")],
                Answers = [(200, "The endpoint", EndpointExample)],
        });

    private const string LuaExample =
        """{"kind":"lua","name":"auth","digest":"sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824","worker":0"""
            + ""","state":"active","executions":90210,"errors":0,"breaches":0,"time_micros":140210,"instructions":1000"""
                + ""","memory_bytes":61440,"retry_in_seconds":null,"created":0,"reloads":0,"active":0"""
                    + ""","last_error":"","time_histogram":[{"le":2,"count":90000},"""
                        + """{"le":4,"count":210}],"instruction_histogram":[{"le":1,"count":90210}]}""";
    private const string WasmExample =
        """{"kind":"wasm","name":"geo","digest":"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","worker":0"""
            + ""","state":"backoff","executions":4210,"errors":2,"breaches":1,"time_micros":9210,"instructions":0"""
                + ""","memory_bytes":1114112,"retry_in_seconds":1.4,"created":2,"reloads":1,"active":1,"last_error":"unreachable: the """
                    + """guest gave up (in abort < on_request_headers)","time_histogram":[{"le":1,"count":4000},"""
                        + """{"le":2,"count":210}],"instruction_histogram":[],"vm_id":"geo","callbacks":["""
                            + """{"name":"proxy_on_request_headers","calls":2105,"time_micros":6100,"max_micros":310}]}""";
    private const string EndpointExample =
        """{"address":"127.0.0.1:8080","host_name":"","health":"healthy","weight":1,"connections_active":2,"connections_total":9"""
            + ""","connect_failures":0,"requests_active":1,"requests_total":90210,"requests_success":90200,"requests_error":10"""
                + ""","requests_timeout":0,"flags":[],"reason":null,"canary":false,"weight_override":null"""
                    + ""","drain_override":false}""";

    private static Task WorkersAsync(HttpContext context)
    {
        var shares = context.RequestServices.GetRequiredService<CpuShares>();
        var workers = Proxy(context).Workers();
        var views = workers.Select(w => new
        {
            w.Id, w.Version, w.Generation, w.Connections, w.Requests, cpu = shares.Of(w), cpu_seconds = Math.Round(w.CpuSeconds, 3),
            loop_lag_ms = Math.Round(w.LoopLagMs, 3),
        }).ToList();
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK,
            PageRequest.From(context).Cut(views, w => w.Id.ToString(CultureInfo.InvariantCulture)));
    }

    private static Task StatusAsync(HttpContext context)
    {
        var (proxy, active) = (Proxy(context), context.RequestServices.GetRequiredService<ActiveConfiguration>());
        var node = context.RequestServices.GetRequiredService<NodeState>();
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new
        {
            node = Environment.MachineName, state = active.Degraded is null ? node.State.ToLowerInvariant() : "degraded",
            version = active.Current?.Number, degraded = active.Degraded,
            product_version = NodeState.ProductVersion, started_at = node.StartedAt, uptime_seconds = (long)node.Uptime.TotalSeconds,
            workers = proxy.Workers().Count,
            generations = proxy.Generations(), listeners = proxy.Listeners(),
        });
    }

    private static Task EndpointsAsync(HttpContext context) =>
        JsonAnswer.WriteAsync(context, StatusCodes.Status200OK,
            PageRequest.From(context).Cut([.. Cluster(context).Endpoints.Select(View)], e => e.Address));

    private static async Task OverrideAsync(HttpContext context)
    {
        var cluster = Cluster(context);
        var address = (string)context.Request.RouteValues["endpoint"]!;
        if (cluster.Endpoints.All(e => e.Address != address))
            throw ApiException.NotFound("endpoint", address, cluster.Endpoints.Select(e => e.Address));
        var endpoint = cluster.Endpoints.First(e => e.Address == address);
        var patch = await PatchBody.ReadAsync(context);
        var patched =
            RequestBody.AsObject(patch.Apply(new ConfigObject().Set("weight", ConfigScalar.Number(endpoint.Weight))
                .Set("drain", ConfigScalar.Boolean(IsDrained(endpoint)))), "the endpoint");
        RequestBody.OnlyFields(patched, "weight", "drain");
        var weight = patched["weight"] is null ? 0 : patched["weight"] is ConfigScalar { Kind: ConfigScalarKind.Number } number
            && int.TryParse(number.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var w) && w is >= 1 and <= 128 ? w
            : throw RequestBody.Invalid(patched["weight"] ?? patched, ConfigCode.InvalidValue, "weight is a whole number from 1 to 128");
        var drain = patched["drain"] is not null && (patched["drain"] is ConfigScalar { Kind: ConfigScalarKind.Boolean } flag
            ? flag.Text == "true"
            : throw RequestBody.Invalid(patched["drain"]!, ConfigCode.InvalidType, "drain is true or false"));
        if (!Proxy(context).SetEndpointOverride(cluster.Name, address, weight == endpoint.Weight ? null : weight,
            drain == IsDrained(endpoint) ? null : drain))
            throw ApiException.NotFound("endpoint", address, []);
        await JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, View(Cluster(context).Endpoints.First(e => e.Address == address)));
    }

    private static Task VmsAsync(HttpContext context)
    {
        var (kind, name, state, search) = (Query.Text(context, "kind"), Query.Text(context, "name"), Query.Text(context, "state"),
            Query.Text(context, "q"));
        var states = state?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var vms = Proxy(context).GuestVms().Where(v => (kind is null || v.Kind == kind) && (name is null || v.Name == name)
            && (states is null || states.Contains(v.State))
            && (search is null || v.Name.Contains(search, StringComparison.OrdinalIgnoreCase)
                || v.Digest.Contains(search, StringComparison.Ordinal))).ToList();
        // Two plugins may run the same module under the same name; then a page begins where the one before ended, whatever happened in
        // between.
        var distinct = vms.DistinctBy(VmKey).Count() == vms.Count;
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, PageRequest.From(context).Cut(vms, v => distinct ? VmKey(v) : ""));
    }

    private static string VmKey(GuestVmStatus vm) => $"{vm.Kind}/{vm.Name}/{vm.Digest}/{vm.Worker}";

    private static bool IsDrained(EndpointStatus endpoint) => endpoint.DrainOverride;

    /// <summary>Without health checks, what nobody has spoken against is healthy.</summary>
    private static EndpointStatus View(EndpointStatus endpoint)
        => endpoint with { Health = endpoint.Health == "UNKNOWN" ? "healthy" : endpoint.Health.ToLowerInvariant() };

    private static ClusterStatus Cluster(HttpContext context)
    {
        var name = (string)context.Request.RouteValues["cluster"]!;
        var clusters = Proxy(context).Clusters();
        return clusters.FirstOrDefault(c => c.Name == name) ?? throw ApiException.NotFound("cluster", name, clusters.Select(c => c.Name));
    }

    private static ProxyServer Proxy(HttpContext context) => context.RequestServices.GetRequiredService<ProxyServer>();
}
