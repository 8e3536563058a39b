using System.ComponentModel;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Downstream.NetworkFilters.DirectResponse;

[Description("Sends fixed bytes and closes.")]
public sealed record DirectResponseNetworkConfig : ConfigRecord
{
    [Description("The bytes. Absent: closes at once.")]
    public DataSourceConfig? Response { get; init; }
}
