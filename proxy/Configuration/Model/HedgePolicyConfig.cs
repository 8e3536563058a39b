using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("Several attempts of a request at a time: the first answer that no retry policy would have tried again goes to the client, and "
    + "the others are given up. Requests are sent more than once whatever their method.")]
public sealed record HedgePolicyConfig : ConfigRecord
{
    [Range(1u, 16u), Description("How many attempts a request begins with. Those beside the first are begun when the request is whole, where "
        + "its body may be kept.")]
    public uint InitialRequests { get; init; } = 1; // Envoy's default

    [Description("Of requests that begin with one attempt more than that.")]
    public FractionalPercentConfig? AdditionalRequestChance { get; init; }

    [Description("An attempt that takes longer than its per_try_timeout or per_try_idle_timeout goes on, and another one is begun beside it, "
        + "where the retry policy has one left.")]
    public bool HedgeOnPerTryTimeout { get; init; }
}
