using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Parsing;
using Managed.Proxy.Configuration.ShortForms;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Tests.Configuration;

/// <summary>A text taken through parser, short forms and binder, typed configurations included.</summary>
internal sealed record Documents(ConfigObject? Expanded, BootstrapConfig? Bootstrap, ConfigErrors Errors)
{
    // Beside the catalogue's filters.
    private static readonly Dictionary<string, Type> Others = new()
    {
        [ExtensionNames.FilterConfigType] = typeof(RouteFilterConfig),
        ["envoy.extensions.access_loggers.file.v3.FileAccessLog"] = typeof(FileAccessLogConfig),
        ["envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"] = typeof(StreamAccessLogConfig),
        ["envoy.extensions.access_loggers.stream.v3.StderrAccessLog"] = typeof(StreamAccessLogConfig),
    };

    private static Type? FindType(string name) => ExtensionCatalog.FindConfigType(name) ?? Others.GetValueOrDefault(name);

    public static Documents Read(byte[] text, string name = "test", ConfigFormat format = ConfigFormat.Detect)
    {
        var errors = new ConfigErrors();
        if (ConfigParser.Parse(text, format, name, errors) is not { } root
            || ShortForm.Expand(root, errors, FindType) is not { } expanded)
            return new(null, null, errors);
        var bootstrap = ConfigBinder.BindPartial<BootstrapConfig>(expanded, errors);
        BindTyped(expanded, errors);
        return new(expanded, bootstrap, errors);
    }

    public static Documents Read(string text, ConfigFormat format = ConfigFormat.Detect) =>
        Read(System.Text.Encoding.UTF8.GetBytes(text), "test", format);

    private static void BindTyped(ConfigNode node, ConfigErrors errors)
    {
        if (node is ConfigObject o)
        {
            if (o.Text("@type") is { } url && FindType(url[ExtensionNames.TypeUrlPrefix.Length..]) is { } type)
                ConfigBinder.Bind(type, o, errors);
            foreach (var (_, value) in o.Members)
                BindTyped(value, errors);
        }
        else if (node is ConfigArray items)
            foreach (var item in items)
                BindTyped(item, errors);
    }
}
