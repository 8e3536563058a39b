using Managed.AdminApi.Problems;
using Managed.Proxy;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.ShortForms;

namespace Managed.AdminApi.Documents;

/// <summary>Tells the short form of a listener from the long one, and turns the one into the other.</summary>
internal static class ListenerForm
{
    /// <summary>The chain that a short form stands for.</summary>
    public const string MainChain = "main";

    private const string ManagerType = "HttpConnectionManager";

    public static bool IsShort(ConfigObject listener) => IsShortHttp(listener) || listener.Has("tcp_proxy");

    public static bool IsShortHttp(ConfigObject listener) =>
        !listener.Has("filter_chains") && (listener.Has("routes") || listener.Has("virtual_hosts") || listener.Has("route_config_name"));

    /// <summary>The long form of a listener; the one given is not changed.</summary>
    public static ConfigObject Expand(ConfigObject listener)
    {
        var errors = new ConfigErrors();
        var alone = new ConfigObject().Set("listeners", new ConfigArray().Add(listener));
        var expanded = ShortForm.Expand(alone, errors, ExtensionCatalog.FindConfigType)?.Array("listeners")?[0] as ConfigObject;
        return expanded ?? throw new ApiException(ProblemCode.ValidationFailed,
            "the listener cannot be written in the long form") { Errors = ErrorItem.From(errors.Errors, null) };
    }

    /// <summary>The router that the short form implies, as the API shows it.</summary>
    public static ConfigObject ImpliedRouter() => new ConfigObject().Set("name", ConfigScalar.String("router"));

    /// <summary>The configuration of a chain's HTTP connection manager, or null when it has none.</summary>
    public static ConfigObject? ConnectionManager(ConfigObject chain) => chain.Array("filters")?.OfType<ConfigObject>()
        .FirstOrDefault(f => f.Object("typed_config") is { } config
            && (config.Text("@type") is { } type ? type.Contains(ManagerType, StringComparison.Ordinal)
                || type.EndsWith("http_connection_manager", StringComparison.Ordinal)
            : f.Text("name")?.EndsWith("http_connection_manager", StringComparison.Ordinal) == true))?.Object("typed_config");
}
