using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.StatefulSession;

[Description("Requests of a session go to the endpoint that its first one went to, as long as that may be used.")]
public sealed record StatefulSessionConfig : ConfigRecord
{
    [Description("How a session is told. Absent: the filter does nothing where a route does not say it.")]
    public SessionStateConfig? SessionState { get; init; }

    [Description("Where that endpoint may not be used the answer is 503, and no other one is taken.")]
    public bool Strict { get; init; }
}

[Description("How a session is told, with its message in typed_config.")]
public sealed record SessionStateConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("envoy.http.stateful_session.cookie or envoy.http.stateful_session.header.")]
    public string Name { get; init; } = "";

    [Required, Description("CookieBasedSessionState or HeaderBasedSessionState.")]
    public ConfigObject? TypedConfig { get; init; }
}

[Description("By a cookie that the first answer sets.")]
public sealed record CookieSessionConfig : ConfigRecord
{
    [Required, Description("The cookie. Requests outside of its path have no session.")]
    public HashCookieConfig? Cookie { get; init; }
}

[Description("By a header: each answer has it, and a request that brings it goes there.")]
public sealed record HeaderSessionConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Its name.")]
    public string Name { get; init; } = "";
}

[Description("The filter on a route.")]
public sealed record StatefulSessionPerRouteConfig : ConfigRecord
{
    [OneOf("override", Required = true), Description("true: there are no sessions here.")]
    public bool Disabled { get; init; }

    [OneOf("override", Required = true), Description("In place of the filter's own.")]
    public StatefulSessionConfig? StatefulSession { get; init; }
}
