using Managed.Proxy.Configuration.ShortForms;

namespace Managed.Proxy.Configuration.Envoy;

/// <summary>Access loggers of a bootstrap file. They carry no traffic, so what is not available is left out with a warning.</summary>
internal static class EnvoyAccessLogs
{
    public static void Take(ConfigObject owner, ConfigErrors notes)
    {
        if (owner.Array("access_log") is not { } loggers)
            return;
        loggers.RemoveAll(node =>
        {
            if (node is not ConfigObject logger)
                return false;
            var name = logger.Object("typed_config")?.Text("@type") ?? logger.Text("name") ?? "";
            if (name.Length > 0 && ExtensionNames.Find(ExtensionKind.AccessLogger, name) is null)
            {
                notes.Warning(logger, ConfigCode.UnknownExtension,
                    $"the access logger '{ExtensionNames.Bare(name)}' is left out: file, stdout and stderr are available in this version");
                return true;
            }
            if (logger.Object("filter") is { } filter && IsUnsupported(filter))
            {
                notes.Warning(filter, ConfigCode.UnsupportedField,
                    "the filter is left out and all is logged: it tests what is not available in this version");
                logger.Remove("filter");
            }
            if (logger.Object("typed_config") is { } config)
                MoveJsonFormat(config);
            return false;
        });
        if (loggers.Count == 0)
            owner.Remove("access_log");
    }

    private static bool IsUnsupported(ConfigObject filter)
    {
        var shape = Validation.RecordShape.Of(typeof(Model.AccessLogFilterConfig));
        return filter.Members.Any(m => shape.UnsupportedReason(m.Key) is not null)
            || ((string[])["and_filter", "or_filter"]).Any(list => ShortForm.Items(filter.Object(list), "filters").Any(IsUnsupported));
    }

    /// <summary>Envoy's deprecated json_format and typed_json_format are log_format.json_format.</summary>
    private static void MoveJsonFormat(ConfigObject config)
    {
        foreach (var name in (string[])["json_format", "typed_json_format"])
            if (!config.Has("log_format") && config.Remove(name) is ConfigObject format)
                config.Set("log_format", new ConfigObject(format.Origin).Set("json_format", format));
    }
}
