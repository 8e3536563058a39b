using System.ComponentModel.DataAnnotations;
using System.ComponentModel;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.LocalReply;

[Description("Changes responses that the proxy makes itself: errors, redirects, refusals of filters.")]
public sealed record LocalReplyConfig : ConfigRecord
{
    [Description("The first whose filter holds is applied.")]
    public IReadOnlyList<LocalReplyMapperConfig> Mappers { get; init; } = [];

    [Description("Makes the body; %LOCAL_REPLY_BODY% and %RESPONSE_CODE% say what it is about.")]
    public SubstitutionFormatConfig? BodyFormat { get; init; }
}

[Description("A change of some local replies.")]
public sealed record LocalReplyMapperConfig : ConfigRecord
{
    [Required, Description("Which replies.")]
    public AccessLogFilterConfig? Filter { get; init; }

    [Range(200, 599), Description("The new status.")]
    public int? StatusCode { get; init; }

    [Description("The new body.")]
    public DataSourceConfig? Body { get; init; }

    [Description("Replaces body_format for these replies.")]
    public SubstitutionFormatConfig? BodyFormatOverride { get; init; }

    [Description("Headers added.")]
    public IReadOnlyList<HeaderValueOptionConfig> HeadersToAdd { get; init; } = [];
}
