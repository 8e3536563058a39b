using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.CredentialInjector;

internal sealed class CredentialInjectorFilterDefinition : HttpFilterDefinition
{
    private const string Kinds = "envoy.extensions.http.injected_credentials.";

    public override string Name => "envoy.filters.http.credential_injector";
    public override string TypeName => "envoy.extensions.filters.http.credential_injector.v3.CredentialInjector";
    public override Type ConfigType => typeof(CredentialInjectorConfig);
    public override string Summary => "Puts a credential of the proxy's own into requests: a secret, or a token that it gets for itself.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        var errors = context.Errors;
        if (typedConfig is null)
        {
            errors.Error((ConfigNode?)null, ConfigCode.MissingField, "credential_injector needs a typed_config", "give credential");
            return null;
        }
        if (ConfigBinder.Bind<CredentialInjectorConfig>(typedConfig, errors) is not { HasErrors: false } config
            || config.Credential?.TypedConfig is not { } typed) return null;
        string type = typed.Text("@type") ?? "";
        switch (type[(type.LastIndexOf('/') + 1)..])
        {
            case Kinds + "generic.v3.Generic":
                return ConfigBinder.Bind<GenericCredentialConfig>(typed, errors) is { HasErrors: false } generic
                    && Generic(generic, errors) is var (header, value) ? Factory(config, header, value, null, context) : null;
            case Kinds + "oauth2.v3.OAuth2":
                return ConfigBinder.Bind<OAuth2CredentialConfig>(typed, errors) is { HasErrors: false } oauth
                    && Token(oauth, context) is { } token ? Factory(config, "authorization"u8.ToArray(), null, token, context) : null;
            default:
                errors.ErrorAt(typed, "@type", ConfigCode.UnknownExtension, $"the credential '{type}' is not available in this version",
                    $"{Kinds}generic.v3.Generic or {Kinds}oauth2.v3.OAuth2");
                return null;
        }
    }

    private static FilterFactory Factory(CredentialInjectorConfig config, byte[] header, byte[]? value, ClientToken? token,
        FilterBuildContext context)
    {
        string prefix = context.StatPrefix + "credential_injector.";
        var settings = new InjectorSettings(config, header, value, token, context.Stats.Counter(prefix + "injected"),
            context.Stats.Counter(prefix + "failed"), context.Stats.Counter(prefix + "already_exists"));
        return new FilterFactory(FilterHooks.RequestHeaders, _ => new CredentialInjectorFilter(settings));
    }

    private static (byte[] Header, byte[] Value)? Generic(GenericCredentialConfig config, ConfigErrors errors)
    {
        byte[] header = Encoding.UTF8.GetBytes(config.Header.Length > 0 ? config.Header.ToLowerInvariant() : "authorization");
        if (!FieldSyntax.IsToken(header) || !FieldSyntax.IsEndToEnd(header))
        {
            errors.ErrorAt(config.Node, "header", ConfigCode.InvalidValue, $"'{config.Header}' cannot be set");
            return null;
        }
        if (config.Credential?.GenericSecret?.Secret?.TryRead(errors) is not { } secret) return null;
        byte[] value = FieldSyntax.Trim(secret.AsSpan().TrimEnd("\r\n"u8)).ToArray();
        if (value.Length > 0 && FieldSyntax.IsValue(value)) return (header, value);
        errors.ErrorAt(config.Node, "credential", ConfigCode.InvalidValue, "the secret cannot stand in a header");
        return null;
    }

    private static ClientToken? Token(OAuth2CredentialConfig config, FilterBuildContext context)
    {
        var errors = context.Errors;
        int before = errors.Count;
        if (config is not { TokenEndpoint: { } endpoint, ClientCredentials: { } client }) return null;
        if (endpoint.Cluster is not { Length: > 0 } cluster)
            errors.ErrorAt(endpoint.Node, "cluster", ConfigCode.MissingField, "'cluster' is missing");
        else if (!context.ClusterNames.Contains(cluster))
            errors.ErrorAt(endpoint.Node, "cluster", ConfigCode.UnknownReference, $"cluster '{cluster}' does not exist",
                Suggestions.Hint(cluster, context.ClusterNames));
        string url = endpoint.Uri.Contains("://", StringComparison.Ordinal) ? endpoint.Uri : "https://" + endpoint.Uri;
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            errors.ErrorAt(endpoint.Node, "uri", ConfigCode.InvalidValue, $"'{endpoint.Uri}' is no http or https URL");
        byte[]? secret = client.ClientSecret?.GenericSecret?.Secret?.TryRead(errors);
        if (secret is null || uri is null || errors.Count > before) return null;
        string id = Uri.EscapeDataString(client.ClientId), word = Uri.EscapeDataString(Encoding.UTF8.GetString(secret).TrimEnd('\r', '\n'));
        var form = new StringBuilder("grant_type=client_credentials");
        if (config.Scopes.Count > 0) form.Append("&scope=").AppendJoin("%20", config.Scopes.Select(Uri.EscapeDataString));
        bool isBasic = client.AuthType == ClientAuthType.BasicAuth;
        if (!isBasic) form.Append($"&client_id={id}&client_secret={word}");
        foreach (var more in config.EndpointParams)
            form.Append($"&{Uri.EscapeDataString(more.Name)}={Uri.EscapeDataString(more.Value)}");
        string? basic = isBasic ? "Basic " + Convert.ToBase64String(Encoding.ASCII.GetBytes($"{id}:{word}")) : null;
        return new ClientToken(uri, endpoint.Cluster!, endpoint.Timeout.Ticks / TimeSpan.TicksPerMicrosecond,
            config.TokenFetchRetryInterval.Ticks / TimeSpan.TicksPerMicrosecond, form.ToString(), basic);
    }
}
