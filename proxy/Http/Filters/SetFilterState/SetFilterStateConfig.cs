using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.SetFilterState;

[Description("Sets objects of the filter state. Per route: after the filter's own, the route configuration's first.")]
public sealed record SetFilterStateConfig : ConfigRecord
{
    [Length(0, 100), Description("What is set when a request's headers come, in order.")]
    public IReadOnlyList<StateValueConfig> OnRequestHeaders { get; init; } = [];

    [Description("The route is matched again afterwards.")]
    public bool ClearRouteCache { get; init; }
}
