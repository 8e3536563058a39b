using Managed.Proxy.Configuration.ShortForms;

namespace Managed.Proxy.Configuration.Envoy;

/// <summary>Extensions of a bootstrap file that say what happens here anyway.</summary>
internal static class EnvoyExtensions
{
    /// <summary>A transport socket without transport security is none.</summary>
    public static void DropRawBuffer(ConfigObject owner)
    {
        if (owner.Object("transport_socket") is { } socket
            && (socket.Object("typed_config")?.Text("@type") is { } type
                ? ExtensionNames.Bare(type).EndsWith(".RawBuffer", StringComparison.Ordinal)
                    : socket.Text("name") is "envoy.transport_sockets.raw_buffer" or "raw_buffer"))
            owner.Remove("transport_socket");
    }
}
