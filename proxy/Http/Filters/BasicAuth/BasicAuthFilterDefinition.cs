using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.BasicAuth;

internal sealed class BasicAuthFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.basic_auth";
    public override string TypeName => "envoy.extensions.filters.http.basic_auth.v3.BasicAuth";
    public override string RouteTypeName => "envoy.extensions.filters.http.basic_auth.v3.BasicAuthPerRoute";
    public override Type ConfigType => typeof(BasicAuthConfig);
    public override Type RouteConfigType => typeof(BasicAuthPerRouteConfig);
    public override string Summary => "Asks for a user and a password of a list; a route may have users of its own.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "basic_auth needs a typed_config", "give users");
            return null;
        }
        if (ConfigBinder.Bind<BasicAuthConfig>(typedConfig, context.Errors) is not { Users: { } source } config) return null;
        var users = UserList.Read(source, context.Errors);
        bool named = IsName(config.ForwardUsernameHeader, config, "forward_username_header", context.Errors)
            & IsName(config.AuthenticationHeader, config, "authentication_header", context.Errors);
        if (users is null || !named) return null;
        string prefix = context.StatPrefix + "basic_auth.";
        var settings = new BasicAuthSettings(users,
            Lower(config.AuthenticationHeader.Length > 0 ? config.AuthenticationHeader : "authorization"),
            Lower(config.ForwardUsernameHeader), context.Stats.Counter(prefix + "allowed"), context.Stats.Counter(prefix + "denied"));
        return new FilterFactory(FilterHooks.RequestHeaders, _ => new BasicAuthFilter(settings));
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
        => ConfigBinder.Bind<BasicAuthPerRouteConfig>(typedConfig, context.Errors) is { Users: { } source }
            ? UserList.Read(source, context.Errors) : null;

    private static bool IsName(string name, ConfigRecord at, string field, ConfigErrors errors)
    {
        if (name.Length == 0 || (HeaderName.IsValid(name) && name[0] != ':')) return true;
        errors.ErrorAt(at.Node, field, ConfigCode.InvalidValue, $"'{name}' is not a header name");
        return false;
    }

    private static byte[] Lower(string name) => Encoding.ASCII.GetBytes(name.ToLowerInvariant());
}
