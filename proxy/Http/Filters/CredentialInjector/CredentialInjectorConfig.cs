using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.CredentialInjector;

[Description("Puts a credential of the proxy's own into requests: a secret, or a token that it gets for itself (OAuth 2.0 client "
    + "credentials).")]
public sealed record CredentialInjectorConfig : ConfigRecord
{
    [Description("In place of what the request has there; otherwise such a request stays as it is.")]
    public bool Overwrite { get; init; }

    [Description("Requests go on without the credential when there is none; otherwise they get 401.")]
    public bool AllowRequestWithoutCredential { get; init; }

    [Required, Description("The credential: a typed_config envoy.extensions.http.injected_credentials.generic.v3.Generic or "
        + "envoy.extensions.http.injected_credentials.oauth2.v3.OAuth2.")]
    public InjectedCredentialConfig? Credential { get; init; }
}

[Description("A credential.")]
public sealed record InjectedCredentialConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Any name.")]
    public string Name { get; init; } = "";

    [Required, Description("Its message; @type names it.")]
    public ConfigObject? TypedConfig { get; init; }
}

[Description("A secret as it is.")]
public sealed record GenericCredentialConfig : ConfigRecord
{
    [Required, Description("The secret, such as 'Basic …' or 'Bearer …'.")]
    public GenericSecretReferenceConfig? Credential { get; init; }

    [Length(0, 256), Description("The header. Absent: authorization.")]
    public string Header { get; init; } = "";
}

[Description("An access token from a token endpoint, as 'authorization: Bearer'. Requests wait for the first one.")]
public sealed record OAuth2CredentialConfig : ConfigRecord
{
    [Required, Description("Where: its cluster is asked for the path of its URL.")]
    public HttpUriConfig? TokenEndpoint { get; init; }

    [Length(0, 100), Description("What is asked for.")]
    public IReadOnlyList<string> Scopes { get; init; } = [];

    [OneOf("flow_type", Required = true), Description("Who the proxy is there.")]
    public ClientCredentialsConfig? ClientCredentials { get; init; }

    [DurationRange(1000), Description("How soon after a failure the endpoint is asked again.")]
    public TimeSpan TokenFetchRetryInterval { get; init; } = TimeSpan.FromSeconds(2); // Envoy's default

    [Length(0, 100), Description("Further parameters of the request.")]
    public IReadOnlyList<EndpointParameterConfig> EndpointParams { get; init; } = [];
}

[Description("Who the proxy is at a token endpoint.")]
public sealed record ClientCredentialsConfig : ConfigRecord
{
    [Required, Length(1, 1024), Description("Its client_id there.")]
    public string ClientId { get; init; } = "";

    [Required, Description("Its secret there.")]
    public GenericSecretReferenceConfig? ClientSecret { get; init; }

    [Description("How the secret is sent: as HTTP Basic, or in the form.")]
    public ClientAuthType AuthType { get; init; } = ClientAuthType.BasicAuth; // Envoy's default
}

/// <summary>Envoy's AuthType of injected credentials, with its numbers.</summary>
public enum ClientAuthType { BasicAuth, UrlEncodedBody }

[Description("A parameter.")]
public sealed record EndpointParameterConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Its name.")]
    public string Name { get; init; } = "";

    [Length(0, 4096), Description("Its value.")]
    public string Value { get; init; } = "";
}
