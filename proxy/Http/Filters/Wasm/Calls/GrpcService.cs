using System.Text;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.Wasm.Calls;

/// <summary>
/// The upstream of a gRPC call: SDKs give a name, older ones Envoy's GrpcService message (envoy.config.core.v3), of which
/// envoy_grpc.cluster_name is read.
/// </summary>
internal static class GrpcService
{
    public static bool TryName(ReadOnlySpan<byte> upstream, out string name)
    {
        name = "";
        if (upstream.IsEmpty) return false;
        // Field 1, length-delimited: EnvoyGrpc. No cluster name begins with a line feed.
        if (upstream[0] == 0x0A)
        {
            if (!ProtoReader.TryField(upstream, 1, out var grpc) || !ProtoReader.TryField(grpc, 1, out var cluster)) return false;
            name = Encoding.UTF8.GetString(cluster);
        }
        else name = Encoding.UTF8.GetString(upstream);
        return name.Length > 0;
    }
}
