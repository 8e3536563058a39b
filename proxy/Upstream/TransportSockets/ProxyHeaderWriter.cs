using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Upstream.TransportSockets;

/// <summary>
/// Writes the header of the PROXY protocol, version 1 or 2, as its authors (HAProxy) describe it. Of one cluster or route of one version.
/// </summary>
internal sealed class ProxyHeaderWriter
{
    private const int MostContent = ushort.MaxValue; // of addresses and fields

    private readonly ProxyProtocolVersion _version;
    private readonly bool _passesAll;
    private readonly HashSet<int> _passed;
    private readonly byte[] _added;
    private readonly HashSet<int> _addedTypes;

    private ProxyHeaderWriter(ProxyProtocolOptionsConfig config)
    {
        _version = config.Version;
        _passesAll = config.PassThroughTlvs is { MatchType: ProxyTlvMatch.IncludeAll };
        _passed = config.PassThroughTlvs is { MatchType: ProxyTlvMatch.Include } some ? [.. some.TlvType] : [];
        _addedTypes = [.. config.AddedTlvs.Select(t => t.Type)];
        _added = [.. config.AddedTlvs.SelectMany(t => (byte[])[(byte)t.Type, (byte)(t.Value.Length >> 8), (byte)t.Value.Length,
            .. t.Value])];
        Key = $"{_version}|{_passesAll}|{string.Join(',', _passed.Order())}|{Convert.ToBase64String(_added)}";
    }

    /// <summary>What shapes headers.</summary>
    public string Key { get; }

    /// <summary>Null with errors added.</summary>
    public static ProxyHeaderWriter? Build(ProxyProtocolOptionsConfig config, ConfigErrors errors)
    {
        int before = errors.Count;
        foreach (int type in config.PassThroughTlvs?.TlvType ?? [])
            if (type is < 0 or > 255)
                errors.ErrorAt(config.PassThroughTlvs!.Node, "tlv_type", ConfigCode.InvalidValue, $"{type} is no type: they are 0 to 255");
        if (config.AddedTlvs.Sum(t => 3L + t.Value.Length) > MostContent - 36)
            errors.ErrorAt(config.Node, "added_tlvs", ConfigCode.InvalidValue, "a header has room for 65,499 bytes of fields");
        if (config.Version == ProxyProtocolVersion.V1 && (config.PassThroughTlvs is not null || config.AddedTlvs.Count > 0))
            errors.Error(config.Node, ConfigCode.Conflict, "version 1 has no fields: pass_through_tlvs and added_tlvs need version V2");
        return errors.Count == before ? new ProxyHeaderWriter(config) : null;
    }

    /// <summary>
    /// The header for a client; null when its fields are too many for one. Without a client, as for calls of the proxy's own, version 1
    /// names the connection's own two ends and version 2 says LOCAL, as Envoy's do; where a client has no address, UNKNOWN and LOCAL.
    /// </summary>
    public byte[]? Write(ClientIdentity? client, IPEndPoint? local, IPEndPoint? remote)
    {
        var (source, destination) = client is null && _version == ProxyProtocolVersion.V1 ? (local, remote)
            : (client?.Source, client?.Destination);
        if (source is null || destination is null) (source, destination) = (null, null);
        else if (source.AddressFamily != destination.AddressFamily) (source, destination) = (Wide(source), Wide(destination));
        return _version == ProxyProtocolVersion.V1 ? Text(source, destination) : Binary(source, destination, client?.Fields ?? []);
    }

    private static IPEndPoint Wide(IPEndPoint end)
        => end.AddressFamily == AddressFamily.InterNetworkV6 ? end : new IPEndPoint(end.Address.MapToIPv6(), end.Port);

    private static byte[] Text(IPEndPoint? source, IPEndPoint? destination)
        => source is null || destination is null ? "PROXY UNKNOWN\r\n"u8.ToArray()
            : Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture,
                $"PROXY TCP{(source.AddressFamily == AddressFamily.InterNetwork ? 4 : 6)} {Plain(source)} {Plain(destination)} "
                    + $"{source.Port} {destination.Port}\r\n"));

    // A zone says something to this machine alone.
    private static string Plain(IPEndPoint end)
        => end.Address.AddressFamily == AddressFamily.InterNetworkV6 && end.Address.ScopeId != 0
            ? new IPAddress(end.Address.GetAddressBytes()).ToString() : end.Address.ToString();

    private byte[]? Binary(IPEndPoint? source, IPEndPoint? destination, byte[] fields)
    {
        bool isLocal = source is null || destination is null, v4 = source?.AddressFamily == AddressFamily.InterNetwork;
        int size = isLocal ? 0 : v4 ? 12 : 36, each = (size - 4) / 2;
        byte[] passed = isLocal ? [] : Passed(fields);
        int content = isLocal ? 0 : size + passed.Length + _added.Length;
        if (content > MostContent) return null;
        byte[] header = new byte[16 + content];
        ((ReadOnlySpan<byte>)[0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]).CopyTo(header);
        header[12] = isLocal ? (byte)0x20 : (byte)0x21;
        header[13] = isLocal ? (byte)0 : v4 ? (byte)0x11 : (byte)0x21;
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(14), (ushort)content);
        if (isLocal) return header;
        source!.Address.TryWriteBytes(header.AsSpan(16), out _);
        destination!.Address.TryWriteBytes(header.AsSpan(16 + each), out _);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(16 + 2 * each), (ushort)source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(18 + 2 * each), (ushort)destination.Port);
        passed.CopyTo(header, 16 + size);
        _added.CopyTo(header, 16 + size + passed.Length);
        return header;
    }

    private byte[] Passed(ReadOnlySpan<byte> fields)
    {
        if (fields.IsEmpty || (!_passesAll && _passed.Count == 0)) return [];
        var kept = new List<byte>();
        while (fields.Length >= 3)
        {
            int length = 3 + BinaryPrimitives.ReadUInt16BigEndian(fields[1..]);
            if (length > fields.Length) break;
            if ((_passesAll || _passed.Contains(fields[0])) && !_addedTypes.Contains(fields[0])) kept.AddRange(fields[..length]);
            fields = fields[length..];
        }
        return [.. kept];
    }
}
