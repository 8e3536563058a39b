using System.ComponentModel;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Downstream.NetworkFilters.Echo;

[Description("Sends back what it gets.")]
public sealed record EchoConfig : ConfigRecord;
