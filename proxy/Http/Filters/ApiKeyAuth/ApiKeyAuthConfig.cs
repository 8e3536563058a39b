using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.ApiKeyAuth;

[Description("Asks for a key that names a client.")]
public sealed record ApiKeyAuthConfig : ConfigRecord
{
    [Sensitive, Length(0, 100_000), Description("The keys, each once. None: everybody is refused.")]
    public IReadOnlyList<ApiKeyCredentialConfig> Credentials { get; init; } = [];

    [Length(0, 100), Description("Where keys are looked for; the first that has one counts.")]
    public IReadOnlyList<ApiKeySourceConfig> KeySources { get; init; } = [];

    [Description("What the upstream is told.")]
    public ApiKeyForwardingConfig? Forwarding { get; init; }
}

[Description("For a route, virtual host, route configuration or weighted cluster: what is given takes the place of the filter's.")]
public sealed record ApiKeyAuthPerRouteConfig : ConfigRecord
{
    [Sensitive, Length(0, 100_000), Description("As the filter's.")]
    public IReadOnlyList<ApiKeyCredentialConfig> Credentials { get; init; } = [];

    [Length(0, 100), Description("As the filter's.")]
    public IReadOnlyList<ApiKeySourceConfig> KeySources { get; init; } = [];

    [Description("As the filter's.")]
    public ApiKeyForwardingConfig? Forwarding { get; init; }

    [Description("Clients who may be here; others are refused with 403. None given: all.")]
    public IReadOnlyList<string> AllowedClients { get; init; } = [];
}

[Description("A key and whose it is.")]
public sealed record ApiKeyCredentialConfig : ConfigRecord
{
    [Required, Length(1, 8192), Description("The key.")]
    public string Key { get; init; } = "";

    [Required, Length(1, 1024), Description("The client's name.")]
    public string Client { get; init; } = "";
}

[Description("A place of keys.")]
public sealed record ApiKeySourceConfig : ConfigRecord
{
    [OneOf("source", Required = true), Length(1, 256), Description("A header; 'Bearer ' before the key is passed over.")]
    public string? Header { get; init; }

    [OneOf("source", Required = true), Length(1, 1024), Description("A query parameter.")]
    public string? Query { get; init; }

    [OneOf("source", Required = true), Length(1, 1024), Description("A cookie.")]
    public string? Cookie { get; init; }
}

[Description("What the upstream is told.")]
public sealed record ApiKeyForwardingConfig : ConfigRecord
{
    [Length(0, 256), Description("The header with the client's name. What clients put there is replaced.")]
    public string Header { get; init; } = "";

    [Description("Takes the key out of the request, wherever the sources would find one.")]
    public bool HideCredentials { get; init; }
}
