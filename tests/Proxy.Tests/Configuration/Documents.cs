using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Parsing;
using Managed.Proxy.Configuration.ShortForms;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Downstream.NetworkFilters.DirectResponse;
using Managed.Proxy.Downstream.NetworkFilters.Echo;
using Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.Proxy.Downstream.NetworkFilters.TcpProxy;
using Managed.Proxy.Http.Filters.Fault;
using Managed.Proxy.Http.Filters.HeaderMutation;
using Managed.Proxy.Http.Filters.LocalRateLimit;
using Managed.Proxy.Http.Filters.Router;

namespace Managed.Proxy.Tests.Configuration;

/// <summary>A text taken through parser, short forms and binder, typed configurations included.</summary>
internal sealed record Documents(ConfigObject? Expanded, BootstrapConfig? Bootstrap, ConfigErrors Errors)
{
    private static readonly Dictionary<string, Type> Types = new()
    {
        [ExtensionNames.HttpConnectionManagerType] = typeof(HttpConnectionManagerConfig),
        [ExtensionNames.TcpProxyType] = typeof(TcpProxyConfig),
        [ExtensionNames.RouterType] = typeof(RouterConfig),
        [ExtensionNames.FilterConfigType] = typeof(RouteFilterConfig),
        ["envoy.extensions.filters.network.echo.v3.Echo"] = typeof(EchoConfig),
        ["envoy.extensions.filters.network.direct_response.v3.Config"] = typeof(DirectResponseNetworkConfig),
        ["envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"] = typeof(HeaderMutationConfig),
        ["envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute"] = typeof(HeaderMutationPerRouteConfig),
        ["envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"] = typeof(LocalRateLimitConfig),
        ["envoy.extensions.filters.http.fault.v3.HTTPFault"] = typeof(FaultConfig),
        ["envoy.extensions.access_loggers.file.v3.FileAccessLog"] = typeof(FileAccessLogConfig),
        ["envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"] = typeof(StreamAccessLogConfig),
        ["envoy.extensions.access_loggers.stream.v3.StderrAccessLog"] = typeof(StreamAccessLogConfig),
    };

    public static Documents Read(byte[] text, string name = "test", ConfigFormat format = ConfigFormat.Detect)
    {
        var errors = new ConfigErrors();
        if (ConfigParser.Parse(text, format, name, errors) is not { } root
            || ShortForm.Expand(root, errors, Types.GetValueOrDefault) is not { } expanded)
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
            if (o.Text("@type") is { } url && Types.GetValueOrDefault(url[ExtensionNames.TypeUrlPrefix.Length..]) is { } type)
                ConfigBinder.Bind(type, o, errors);
            foreach (var (_, value) in o.Members)
                BindTyped(value, errors);
        }
        else if (node is ConfigArray items)
            foreach (var item in items)
                BindTyped(item, errors);
    }
}
