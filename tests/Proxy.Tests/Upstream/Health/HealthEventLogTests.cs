using System.Text.Json;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.Health;

public sealed class HealthEventLogTests
{
    private const string Sink = "{name: file, typed_config: {'@type': type.googleapis.com/"
        + "envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink, event_log_path: ";

    private static string Document(string address, string check, string sinks) => $$"""
        clusters:
        - name: up
          endpoints: ["{{address}}"]
          health_checks:
          - {timeout: 30s, interval: 0.02s, no_traffic_interval: 0.02s, unhealthy_threshold: 2, healthy_threshold: 2, {{check}}, {{sinks}} }
        """;

    private static async Task<List<JsonElement>> LinesAsync(string path, Func<List<JsonElement>, bool> enough)
    {
        List<JsonElement> lines = [];
        await Eventually.Async(() =>
        {
            // Whole lines: the last may still be written.
            string text = File.Exists(path) ? File.ReadAllText(path) : "";
            lines = [.. text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(l => JsonDocument.Parse(l).RootElement)];
            return enough(lines);
        }, "the lines are in " + path);
        return lines;
    }

    private static string What(JsonElement line) => line.EnumerateObject().Select(p => p.Name)
        .First(n => n.EndsWith("_event", StringComparison.Ordinal) || n.EndsWith("_host", StringComparison.Ordinal));

    [Fact]
    public async Task ChangesOfHealth_AreLines()
    {
        await using var up = RecordingUpstream.Start();
        string folder = Directory.CreateTempSubdirectory("managed-events-").FullName, path = Path.Combine(folder, "events.json");
        string other = Path.Combine(folder, "other.json");
        string status = "503";
        up.Answer = _ => $"HTTP/1.1 {Volatile.Read(ref status)} X\r\n{(status == "201" ? "x-envoy-degraded: 1\r\n" : "")}"
            + "content-length: 0\r\n\r\n";
        await using (await ProxyFixture.StartAsync(Document(up.Address, "http_health_check: {path: /, expected_statuses: "
            + "[{start: 200, end: 202}]}", $"event_log_path: {path}, event_logger: [{Sink}{other}}}}}]")))
        {
            await LinesAsync(path, l => l.Count >= 1);
            int so = 2;
            foreach (string next in (string[])["200", "503", "200", "201", "200"])
            {
                Volatile.Write(ref status, next);
                await LinesAsync(path, l => l.Count >= so);
                so++;
            }
        }
        var lines = await LinesAsync(path, l => l.Count >= 6);
        Assert.Equal(["health_check_failure_event", "add_healthy_event", "eject_unhealthy_event", "add_healthy_event",
            "degraded_healthy_host", "no_longer_degraded_host"], lines.Select(What));
        Assert.Equal(await File.ReadAllTextAsync(path), await File.ReadAllTextAsync(other));
        var first = lines[0];
        Assert.Equal(("HTTP", "up", "127.0.0.1", up.Port), (first.GetProperty("health_checker_type").GetString(),
            first.GetProperty("cluster_name").GetString(),
            first.GetProperty("host").GetProperty("socket_address").GetProperty("address").GetString(),
            first.GetProperty("host").GetProperty("socket_address").GetProperty("port_value").GetInt32()));
        Assert.Equal(("ACTIVE", true), (first.GetProperty("health_check_failure_event").GetProperty("failure_type").GetString(),
            first.GetProperty("health_check_failure_event").GetProperty("first_check").GetBoolean()));
        Assert.True(first.GetProperty("timestamp").GetDateTimeOffset() > DateTimeOffset.UnixEpoch);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task EachCheck_IsALineWhereThatIsAskedFor()
    {
        await using var up = RecordingUpstream.Start();
        string folder = Directory.CreateTempSubdirectory("managed-events-").FullName;
        string good = Path.Combine(folder, "good"), bad = Path.Combine(folder, "bad");
        await using (await ProxyFixture.StartAsync(Document(up.Address, "tcp_health_check: {}",
            $"event_log_path: {good}, always_log_health_check_success: true")
            + "\n" + Document("127.0.0.1:1", "tcp_health_check: {}", $"event_log_path: {bad}, always_log_health_check_failures: true")
                .Replace("clusters:\n", "", StringComparison.Ordinal).Replace("name: up", "name: dead", StringComparison.Ordinal)))
        {
            var lines = await LinesAsync(good, l => l.Count(x => What(x) == "successful_health_check_event") >= 3);
            Assert.Equal("add_healthy_event", What(lines[0]));
            lines = await LinesAsync(bad, l => l.Count(x => What(x) == "health_check_failure_event") >= 3);
            Assert.Equal("NETWORK", lines[0].GetProperty("health_check_failure_event").GetProperty("failure_type").GetString());
            Assert.Equal("TCP", lines[0].GetProperty("health_checker_type").GetString());
        }
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("event_log_path: /no/such/folder/x", "cannot open '/no/such/folder/x'")]
    [InlineData("event_logger: [{name: a, typed_config: {'@type': a/b.C}}]", "that sink of health events is not available")]
    [InlineData("event_service: {}", "'event_service' is not supported")]
    public async Task WrongLog_IsRefused(string sinks, string says)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        Assert.Contains(proxy.Build(Document("127.0.0.1:1", "tcp_health_check: {}", sinks)).Errors,
            e => e.Detail.Contains(says, StringComparison.Ordinal));
    }
}
