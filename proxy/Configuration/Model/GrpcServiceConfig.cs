using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("A gRPC service behind a cluster, which is spoken to by HTTP/2.")]
[UnsupportedField("google_grpc",
    "it may hold target_uri (an address with a port) and stat_prefix; with more give envoy_grpc, whose cluster has TLS and limits")]
[UnsupportedField("retry_policy", "a call is made once")]
public sealed record GrpcServiceConfig : ConfigRecord
{
    [OneOf("target_specifier", Required = true), Description("Where it is. google_grpc with target_uri alone becomes this and a cluster.")]
    public EnvoyGrpcConfig? EnvoyGrpc { get; init; }

    [DurationRange(1, 3_600_000), Description("For one call. Absent: as whoever calls has it.")]
    public TimeSpan? Timeout { get; init; }

    [Length(0, 100), Description("Metadata of each call; format operators are replaced where there is a request.")]
    public IReadOnlyList<HeaderValueConfig> InitialMetadata { get; init; } = [];
}

[Description("A cluster with a gRPC service.")]
[UnsupportedField("retry_policy", "a call is made once")]
[UnsupportedField("max_receive_message_length", "an answer may have 1 MiB")]
public sealed record EnvoyGrpcConfig : ConfigRecord
{
    [Required, Length(1, 1024), Description("Name of the cluster.")]
    public string ClusterName { get; init; } = "";

    [Length(0, 1024), Description("The :authority of calls. Absent: the cluster's name.")]
    public string Authority { get; init; } = "";

    [Description("Taken: headers of Envoy's own are not added to calls.")]
    public bool SkipEnvoyHeaders { get; init; }
}
