using System.ComponentModel;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.GrpcHttp1Bridge;

[Description("Lets clients of HTTP/1.1, which read no trailers, call unary gRPC methods.")]
public sealed record GrpcHttp1BridgeConfig : ConfigRecord
{
    [Description("A request of application/x-protobuf, of any protocol, is made one of gRPC: its body gets the prefix of a message, and "
        + "the answer's loses it.")]
    public bool UpgradeProtobufToGrpc { get; init; }

    [Description("With upgrade_protobuf_to_grpc: the query is taken off the path, which names the method.")]
    public bool IgnoreQueryParameters { get; init; }
}
