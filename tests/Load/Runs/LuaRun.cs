using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>
/// A million requests through a script that is edited all the while: by turns it reads and changes the request's body, asks the upstream
/// by httpCall, answers by itself, and reads and changes the response's body. Each edit is another script, with states of its own.
/// </summary>
internal static class LuaRun
{
    private const double GrowthShare = 0.05;
    private const double GrowthBytes = 8 << 20;

    private static readonly byte[] Request = "POST /load HTTP/1.1\r\nHost: load.test\r\nContent-Length: 11\r\n\r\nhello there"u8.ToArray();

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int requests = options.Count("requests", 1_000_000, 1000, 1_000_000_000), edits = options.Count("edits", 500, 5, 100_000),
            connections = options.Count("connections", 64, 2, 1000);
        using var scene = new Scene(options);
        await using var managed = await scene.StartAsync();
        using var load = new LoadGenerator(scene.Document.Listener, connections, 0, 1, Request);
        var document = scene.Document.Edge(0);
        var memory = new List<long>();
        var times = new LatencyHistogram();
        long stamp = 0;
        async Task EditAsync()
        {
            document["http_filters"] = Filters(++stamp);
            var started = Stopwatch.GetTimestamp();
            var answer = await managed.Admin.SendAsync(HttpMethod.Put, "listeners/edge", document.ToJsonString(), null);
            times.Add(Stopwatch.GetTimestamp() - started);
            if (answer.Status == 200) load.Acknowledged = stamp;
            else verdict.Miss($"edit {stamp} was answered with {answer.Status}: {answer.Short}");
            memory.Add(ProcessFigures.Anonymous(managed.Id));
        }
        await EditAsync();
        load.Start();
        var began = Stopwatch.GetTimestamp();
        while ((stamp < edits || load.Requests < requests) && !managed.HasExited)
        {
            // The edits are spread over the requests.
            if (stamp < edits && load.Requests >= (double)requests * stamp / edits) await EditAsync();
            else await Task.Delay(5);
        }
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        load.Stop();
        verdict.Expect(!managed.HasExited, $"the product ended:\n{managed.LastLines}");
        load.Judge(verdict);
        verdict.Say(
            $"requests {load.Requests} ({load.Requests / seconds:0}/s) with {stamp} edits (median {times.Quantile(0.5):0.0} ms): failed "
                + $"{load.Failed}, mixed {load.Mixed}, late {load.Late}");
        await JudgeScriptsAsync(managed, verdict);
        var (early, late) = (Median.Of(memory.Skip(memory.Count / 4).Take(memory.Count / 8).Select(m => (double)m)),
            Median.Of(memory.TakeLast(memory.Count / 8).Select(m => (double)m)));
        verdict.Say(
            $"anonymous memory: {early / 1024:0} KiB after a quarter of the edits, {late / 1024:0} KiB at the end ("
                + $"{100 * (late / early - 1):+0.0;-0.0} %)");
        verdict.Expect(late <= early + Math.Max(GrowthBytes, GrowthShare * early),
            $"anonymous memory grew by {(late - early) / 1024:0} KiB");
    }

    private static async Task JudgeScriptsAsync(ManagedProcess managed, Verdict verdict)
    {
        long errors = await StatAsync("http.edge.lua.errors"), executions = await StatAsync("http.edge.lua.executions"), states = 0;
        // Old states go with the last stream, a moment after the load.
        for (var i = 0; i < 50 && (states = await StatAsync("lua.lua_vm_count")) != 2; i++) await Task.Delay(100);
        verdict.Say($"script: {executions} executions, {errors} errors, {states} states on 2 workers at the end");
        verdict.Expect(errors == 0, $"{errors} script errors: {managed.LastLines}");
        verdict.Expect(states == 2, $"{states} states are left, not one for each of 2 workers");

        async Task<long> StatAsync(string name)
        {
            var answer = await managed.Admin.GetAsync($"/stats?filter=^{name}$&format=json");
            var value = answer.Json["stats"]?.AsArray().FirstOrDefault(s => (string?)s!["name"] == name)?["value"];
            return value is null ? -1 : long.Parse(value.ToString(), CultureInfo.InvariantCulture);
        }
    }

    private static JsonArray Filters(long stamp) => new(new JsonObject
    {
        ["name"] = "lua",
        ["typed_config"] = new JsonObject { ["default_source_code"] =
            new JsonObject { ["inline_string"] = Script.Replace("STAMP", stamp.ToString(CultureInfo.InvariantCulture),
                StringComparison.Ordinal) } },
    });

    private const string Script = """
        local n = 0
        local function text(b) return b:getBytes(0, b:length()) end
        function envoy_on_request(h)
          n = n + 1
          h:headers():replace("x-v", "STAMP")
          local turn = n % 4
          if turn == 1 then
            local b = h:body()
            b:setBytes(text(b) .. ", world")
          elseif turn == 2 then
            local fields, body = h:httpCall("web", {[":method"] = "GET", [":path"] = "/call", [":authority"] = "up", ["x-v"] = "STAMP"}, nil, 10000)
            if fields["x-up-v"] ~= "STAMP" or body ~= "ok" then error("the call was answered " .. tostring(fields[":status"])) end
          elseif turn == 3 then
            h:respond({[":status"] = "200", ["x-up-v"] = "STAMP"}, "own")
          end
          h:context().turn = turn
        end
        function envoy_on_response(h)
          h:headers():replace("x-v", "STAMP")
          if h:context().turn == 0 then
            local b = h:body()
            b:setBytes(text(b) .. "!")
          end
        end
        """;
}
