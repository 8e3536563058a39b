using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;
using Managed.Proxy.Streams.AccessLog;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.Health;

/// <summary>
/// The files that a cluster's checks are told in: one line of JSON each, as Envoy writes its HealthCheckEvent. On the loop of the checks.
/// </summary>
internal sealed class HealthEventLog(LogFile[] files, string cluster, CheckKind kind, bool failures, bool successes)
{
    private const string FileSink = "envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink";

    /// <summary>Null without files, or with errors added.</summary>
    public static HealthEventLog? Build(HealthCheckConfig config, string cluster, CheckKind kind, ConfigErrors errors, AccessLogFiles? logs)
    {
        var files = new List<LogFile>();
        if (config.EventLogPath.Length > 0) Open(config.EventLogPath, config, files, errors, logs);
        foreach (var sink in config.EventLogger)
        {
            if (sink.TypedConfig is not { } typed) continue;
            if (typed.Text("@type") is not { } type || type[(type.LastIndexOf('/') + 1)..] != FileSink)
                errors.ErrorAt(typed, "@type", ConfigCode.UnknownExtension, "that sink of health events is not available in this version",
                    FileSink);
            else if (ConfigBinder.Bind<HealthEventFileConfig>(typed, errors) is { HasErrors: false } file)
                Open(file.EventLogPath, file, files, errors, logs);
        }
        return files.Count == 0 ? null
            : new HealthEventLog([.. files], cluster, kind, config.AlwaysLogHealthCheckFailures, config.AlwaysLogHealthCheckSuccess);
    }

    private static void Open(string path, ConfigRecord at, List<LogFile> files, ConfigErrors errors, AccessLogFiles? logs)
    {
        if (errors.Host.RefusalToLog(path) is { } refusal)
            errors.ErrorAt(at.Node, "event_log_path", ConfigCode.InvalidValue, $"'{path}' {refusal}");
        else if (logs?.Open(path, out string? wrong) is { } file) files.Add(file);
        else errors.ErrorAt(at.Node, "event_log_path", ConfigCode.InvalidValue, $"cannot open '{path}' for appending");
    }

    /// <summary>One check of an endpoint is done.</summary>
    /// <param name="worker">Of the checks.</param>
    /// <param name="endpoint">Whose.</param>
    /// <param name="result">What it found.</param>
    /// <param name="first">It was the endpoint's first.</param>
    /// <param name="before">What the endpoint was before it.</param>
    public void Checked(WorkerContext worker, Endpoint endpoint, CheckResult result, bool first, HealthFlags before)
    {
        var now = endpoint.Flags;
        bool Came(HealthFlags flag) => (now & flag) != 0 && (before & flag) == 0;
        bool Went(HealthFlags flag) => (now & flag) == 0 && (before & flag) != 0;
        bool healthy = result <= CheckResult.Degraded;
        if (!healthy && (first || failures)) Write(worker, endpoint, "health_check_failure_event", Failure(result), first);
        // One that nobody knew is not ejected: in Envoy it begins as one that has failed.
        bool known = (before & HealthFlags.PendingActiveHealthCheck) == 0;
        if (known && Came(HealthFlags.FailedActiveHealthCheck)) Write(worker, endpoint, "eject_unhealthy_event", Failure(result), null);
        if (healthy && (Went(HealthFlags.FailedActiveHealthCheck) || (first && Went(HealthFlags.PendingActiveHealthCheck))))
            Write(worker, endpoint, "add_healthy_event", null, first);
        if (healthy && successes) Write(worker, endpoint, "successful_health_check_event", null, null);
        if (Came(HealthFlags.DegradedActiveHealthCheck)) Write(worker, endpoint, "degraded_healthy_host", null, null);
        if (Went(HealthFlags.DegradedActiveHealthCheck)) Write(worker, endpoint, "no_longer_degraded_host", null, null);
    }

    private static string Failure(CheckResult result) => result switch
    {
        CheckResult.Network => "NETWORK",
        CheckResult.Timeout => "NETWORK_TIMEOUT",
        _ => "ACTIVE",
    };

    private void Write(WorkerContext worker, Endpoint endpoint, string what, string? failure, bool? first)
    {
        var line = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            json.WriteString("health_checker_type", kind.ToString().ToUpperInvariant());
            json.WriteStartObject("host");
            if (endpoint.Address.EndPoint is { } at)
            {
                json.WriteStartObject("socket_address");
                json.WriteString("protocol", "TCP");
                json.WriteString("address", at.Address.ToString());
                json.WriteNumber("port_value", at.Port);
                json.WriteString("resolver_name", "");
                json.WriteBoolean("ipv4_compat", false);
            }
            else
            {
                json.WriteStartObject("pipe");
                json.WriteString("path", endpoint.Text);
            }
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteString("cluster_name", cluster);
            json.WriteStartObject(what);
            if (failure is not null) json.WriteString("failure_type", failure);
            if (first is { } is_) json.WriteBoolean("first_check", is_);
            json.WriteEndObject();
            json.WriteString("timestamp", DateTimeOffset.FromUnixTimeMilliseconds(worker.WallMicros / 1000)
                .ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            json.WriteEndObject();
        }
        line.Write("\n"u8);
        foreach (var file in files) file.Append(worker.Id, worker.Timers, line.WrittenSpan);
    }
}
