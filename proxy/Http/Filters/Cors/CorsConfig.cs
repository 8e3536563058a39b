using System.ComponentModel;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Cors;

[Description("Serves the CORS policies of routes, virtual hosts and route configurations. There is nothing to set here.")]
public sealed record CorsConfig : ConfigRecord;
