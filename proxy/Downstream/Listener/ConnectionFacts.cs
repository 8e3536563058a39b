using System.Net;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>
/// What is known of a connection before its filter chain is chosen: its addresses at first, and what listener filters find in its first
/// bytes.
/// </summary>
internal sealed class ConnectionFacts
{
    private Dictionary<string, Dictionary<string, string>>? _metadata;

    /// <summary>
    /// Whom the client wanted to reach: the address that it connected to, or what a filter has restored. Null for a Unix socket.
    /// </summary>
    public IPEndPoint? Local { get; set; }
    /// <summary>The client: the peer, or who a proxy before us says that it is.</summary>
    public IPEndPoint? Source { get; set; }
    /// <summary>The peer of the socket.</summary>
    public IPEndPoint? DirectSource { get; init; }
    /// <summary>A filter has put other addresses in the place of the socket's.</summary>
    public bool AddressesRestored { get; set; }

    /// <summary>raw_buffer, or tls when a ClientHello was seen.</summary>
    public string TransportProtocol { get; set; } = RawBuffer;
    /// <summary>SNI in lower case; empty when there is none.</summary>
    public string ServerName { get; set; } = "";
    /// <summary>What the client offers by ALPN, or the version of HTTP that it speaks in clear text.</summary>
    public IReadOnlyList<string> ApplicationProtocols { get; set; } = [];
    public string Ja3 { get; set; } = "";
    public string Ja4 { get; set; } = "";

    /// <summary>Fields of its PROXY header that endpoints are told of: type, length (2 bytes) and value of each.</summary>
    public byte[]? PassedFields { get; set; }
    /// <summary>Where connections made for it begin; null: where the system says.</summary>
    public ClientBinding? UpstreamFrom { get; set; }

    public const string RawBuffer = "raw_buffer", Tls = "tls";

    /// <summary>What filters noted: namespace, key, value.</summary>
    public IReadOnlyDictionary<string, Dictionary<string, string>>? Metadata => _metadata;

    public void Note(string space, string key, string value)
    {
        _metadata ??= [];
        if (!_metadata.TryGetValue(space, out var values)) _metadata[space] = values = [];
        values[key] = value;
    }
}
