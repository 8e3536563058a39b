using System.ComponentModel;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.GrpcWeb;

[Description("Lets browsers call gRPC services: gRPC-Web in its binary and its text form. There is nothing to set.")]
public sealed record GrpcWebConfig : ConfigRecord;
