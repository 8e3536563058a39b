using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.BasicAuth;

[Description("Asks for a user and a password (RFC 7617).")]
[UnsupportedField("emit_dynamic_metadata allow_missing", "not available in this version")]
public sealed record BasicAuthConfig : ConfigRecord
{
    [Required, Sensitive, Description("Lines user:{SHA}hash, as htpasswd -s writes them; # begins a comment.")]
    public DataSourceConfig? Users { get; init; }

    [Length(0, 256), Description("The header that tells the upstream who it is. What clients put there is replaced.")]
    public string ForwardUsernameHeader { get; init; } = "";

    [Length(0, 256), Description("The header to read in place of authorization.")]
    public string AuthenticationHeader { get; init; } = "";
}

[Description("Other users for a route, virtual host, route configuration or weighted cluster.")]
public sealed record BasicAuthPerRouteConfig : ConfigRecord
{
    [Required, Sensitive, Description("As the filter's.")]
    public DataSourceConfig? Users { get; init; }
}
