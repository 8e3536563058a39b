using System.Net;
using System.Text;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.OnDemand;

/// <summary>Which endpoint a request of a cluster without a list is for: by its host, or by where it was going. Of one version.</summary>
internal sealed class OnDemandPlan
{
    private static readonly byte[] OriginalDst = Encoding.ASCII.GetBytes("x-envoy-original-dst-host");

    public required OnDemandEndpoints Endpoints { get; init; }
    /// <summary>Null: requests are for where they were going.</summary>
    public DnsCache? Dns { get; init; }
    /// <summary>Of hosts without one.</summary>
    public int DefaultPort { get; init; }
    /// <summary>Says where a request is going; null: nothing but its connection does.</summary>
    public byte[]? Header { get; init; }
    public int? PortOverride { get; init; }
    /// <summary>An endpoint that no request was for is let go after this.</summary>
    public long UnusedMicros { get; init; }

    public static byte[] HeaderOf(string name) => name.Length == 0 ? OriginalDst : Encoding.ASCII.GetBytes(name.ToLowerInvariant());

    /// <summary>Of a request; null: there is none.</summary>
    /// <param name="headers">As it goes out.</param>
    /// <param name="restored">Where its connection was going before it was redirected here; null: it was not.</param>
    public Endpoint? Of(HeaderMap headers, IPEndPoint? restored)
    {
        if (Dns is not null) return OfHost(headers.Get(HeaderId.Authority), DefaultPort);
        if (Header is { } header && headers.TryGet(header, out var said) && OfText(said) is { } named) return named;
        return restored is null ? null : OfAddress(restored);
    }

    /// <summary>Of a host, perhaps with a port.</summary>
    public Endpoint? OfHost(ReadOnlySpan<byte> host, int defaultPort)
    {
        Span<char> key = stackalloc char[HostKey.MaxLength];
        int length = HostKey.Write(host, defaultPort, key, out _);
        return length > 0 && Dns!.Find(key[..length]) is { Current: { } address } found
            ? Endpoints.For(found.Key, address.Address, address.Text, found.Key) : null;
    }

    // Found by what the header says: reading it as an address makes objects, once for each.
    private Endpoint? OfText(ReadOnlySpan<byte> said)
    {
        const int longest = 56; // an IPv6 address in brackets, and a port
        if (said.Length is 0 or > longest) return null;
        Span<char> key = stackalloc char[longest + 1];
        key[0] = '@';
        int length = 1 + Encoding.Latin1.GetChars(said, key[1..]);
        if (Endpoints.Find(key[..length]) is { } there) return there;
        if (!IPEndPoint.TryParse(key[1..length], out var asked) || asked.Port == 0) return null;
        var place = PortOverride is { } port ? new IPEndPoint(asked.Address, port) : asked;
        return Endpoints.For(key[..length].ToString(), SocketAddressBytes.From(place), place.ToString(), "");
    }

    public Endpoint? OfAddress(IPEndPoint address)
    {
        Span<char> key = stackalloc char[80];
        int port = PortOverride ?? address.Port;
        if (!address.Address.TryFormat(key, out int length) || !key[length..].TryWrite($"|{port}", out int more)) return null;
        if (Endpoints.Find(key[..(length + more)]) is { } there) return there;
        var place = new IPEndPoint(address.Address, port);
        return Endpoints.For(key[..(length + more)].ToString(), SocketAddressBytes.From(place), place.ToString(), "");
    }
}
