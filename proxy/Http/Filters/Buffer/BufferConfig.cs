using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Buffer;

[Description("Holds a request until it is whole.")]
public sealed record BufferConfig : ConfigRecord
{
    [Required, Range(1L, uint.MaxValue),
        Description("The largest body; a larger one is answered with 413. In place of the listener's limit.")]
    public long MaxRequestBytes { get; init; }
}

[Description("The filter on a route.")]
public sealed record BufferPerRouteConfig : ConfigRecord
{
    [OneOf("override", Required = true), Description("true: requests are not held here.")]
    public bool Disabled { get; init; }

    [OneOf("override", Required = true), Description("In place of the filter's own.")]
    public BufferConfig? Buffer { get; init; }
}
