using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.CustomResponse;

[Description("Puts responses of the proxy's own, or of another place, in place of some responses. Of several levels of a route the most "
    + "specific whose matcher finds something counts, the filter's own last.")]
public sealed record CustomResponseConfig : ConfigRecord
{
    [Description("Which responses are replaced, and by what. Absent: none.")]
    public MatcherConfig? CustomResponseMatcher { get; init; }
}

[Description("A response of the proxy's own.")]
public sealed record LocalResponsePolicyConfig : ConfigRecord
{
    [Description("Its body. Absent: empty.")]
    public DataSourceConfig? Body { get; init; }

    [Description("Makes the body; %LOCAL_REPLY_BODY% is that of body.")]
    public SubstitutionFormatConfig? BodyFormat { get; init; }

    [Range(200, 599), Description("Its status. Absent: that of the response it replaces.")]
    public int? StatusCode { get; init; }

    [Length(0, 1000), Description("Headers that it has beside.")]
    public IReadOnlyList<HeaderValueOptionConfig> ResponseHeadersToAdd { get; init; } = [];
}

[Description("The response of another place, which is asked for in its stead by GET. Only where no byte of a response has gone to the "
    + "client, once for a request, and where the request has come by this filter.")]
[UnsupportedField("modify_request_headers_action", "give request_headers_to_add")]
public sealed record RedirectPolicyConfig : ConfigRecord
{
    [OneOf("redirect_action_specifier", Required = true), Length(1, 8192), Description("Where: a URL of http or https with host and path. "
        + "Its route is looked for here, nothing is resolved.")]
    public string? Uri { get; init; }

    [OneOf("redirect_action_specifier", Required = true), Description("The same in parts, of which host_redirect or path_redirect has to "
        + "be given; the rest is the request's. Not response_code, prefix_rewrite and regex_rewrite.")]
    public RedirectConfig? RedirectAction { get; init; }

    [Range(200, 599), Description("Status in place of that of the other place, if that is 2xx. Absent: that one.")]
    public int? StatusCode { get; init; }

    [Length(0, 1000), Description("Headers that its response gets, if its status is 2xx.")]
    public IReadOnlyList<HeaderValueOptionConfig> ResponseHeadersToAdd { get; init; } = [];

    [Length(0, 1000), Description("Headers that the request for it gets, before its route is looked for.")]
    public IReadOnlyList<HeaderValueOptionConfig> RequestHeadersToAdd { get; init; } = [];
}
