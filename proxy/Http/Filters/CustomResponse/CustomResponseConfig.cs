using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.CustomResponse;

[Description("Puts responses of the proxy's own in place of some responses. Of several levels of a route the most specific whose matcher "
    + "finds something counts, the filter's own last.")]
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
