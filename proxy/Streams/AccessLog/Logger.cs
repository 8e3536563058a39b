using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Streams.AccessLog;

/// <summary>One entry of <c>access_log</c>: what passes, how it looks, where it goes.</summary>
internal sealed record Logger(AccessLogFilter? Filter, LogFormat Format, LogFile File)
{
    private static readonly string[] Known = ["file", "stdout", "stderr"];

    public static Logger? Build(AccessLogConfig config, ConfigErrors errors, AccessLogFiles files)
    {
        AccessLogFilter? filter = null;
        bool valid = config.Filter is null || (filter = AccessLogFilter.Compile(config.Filter, errors)) is not null;
        var node = config.TypedConfig ?? new ConfigObject(config.Node?.Origin);
        string named = config.TypedConfig?.Text("@type") ?? config.Name;
        (LogFormat? Format, LogFile? File) built;
        switch (Kind(named))
        {
            case "file": built = BuildFile(node, errors, files); break;
            case "stdout": built = (BuildStream(node, errors), files.StandardOutput); break;
            case "stderr": built = (BuildStream(node, errors), files.StandardError); break;
            default:
                if (named.Length > 0)
                    errors.Error(config.Node, ConfigCode.UnknownExtension, $"'{named}' is not an access logger",
                        Suggestions.Hint(named, Known) ?? "file, stdout and stderr are available");
                return null;
        }
        return valid && built is { Format: { } format, File: { } file } ? new Logger(filter, format, file) : null;
    }

    // Envoy's types and names end in …FileAccessLog, …StdoutAccessLog, envoy.access_loggers.file and so on.
    private static string? Kind(string named) => named[(named.LastIndexOf('.') + 1)..] switch
    {
        "file" or "FileAccessLog" => "file",
        "stdout" or "StdoutAccessLog" => "stdout",
        "stderr" or "StderrAccessLog" => "stderr",
        _ => null,
    };

    private static (LogFormat?, LogFile?) BuildFile(ConfigObject node, ConfigErrors errors, AccessLogFiles files)
    {
        if (ConfigBinder.Bind<FileAccessLogConfig>(node, errors) is not { } config) return default;
        var format = LogFormat.Compile(config.LogFormat, config.Format, errors, Place.Of(config, "format"));
        if (errors.Host.RefusalToLog(config.Path) is { } refusal)
        {
            errors.ErrorAt(config.Node, "path", ConfigCode.InvalidValue, $"'{config.Path}' {refusal}");
            return (format, null);
        }
        var file = files.Open(config.Path, out string? wrong);
        if (file is null)
            errors.ErrorAt(config.Node, "path", ConfigCode.InvalidValue, $"cannot open '{config.Path}' for appending: {wrong}");
        return (format, file);
    }

    private static LogFormat? BuildStream(ConfigObject node, ConfigErrors errors)
        => ConfigBinder.Bind<StreamAccessLogConfig>(node, errors) is { } config ? LogFormat.Compile(config.LogFormat, null, errors, node)
        : null;
}
