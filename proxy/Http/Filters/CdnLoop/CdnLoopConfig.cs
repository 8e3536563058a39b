using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.CdnLoop;

[Description("Finds loops by the CDN-Loop header (RFC 8586).")]
public sealed record CdnLoopConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Our own name: a host with or without a port, or a token.")]
    public string CdnId { get; init; } = "";

    [Range(0L, uint.MaxValue), Description("How often our name may be in a request's header before it is answered with 502.")]
    public long MaxAllowedOccurrences { get; init; }
}
