using System.Text;

namespace Managed.Proxy.Core.Tls;

/// <summary>What a client says first (RFC 8446 section 4.1.2), as far as a chain, a certificate or a log asks for it.</summary>
internal sealed class ClientHello
{
    private const int ServerNameExtension = 0, GroupsExtension = 10, PointFormatsExtension = 11, SignatureAlgorithmsExtension = 13,
        AlpnExtension = 16, VersionsExtension = 43;

    /// <summary>In lower case; empty when the client named none.</summary>
    public string ServerName { get; private set; } = "";
    /// <summary>Application protocols in the client's order.</summary>
    public IReadOnlyList<string> Alpn { get; private set; } = [];
    /// <summary>The highest version that it speaks; as on the wire.</summary>
    public int Version { get; private set; }
    /// <summary>The fingerprints' words, as asked for; else empty.</summary>
    public string Ja3 { get; private set; } = "";
    public string Ja4 { get; private set; } = "";

    /// <summary>Reads the body of the message, without its head; null when it is none.</summary>
    public static ClientHello? Read(ReadOnlySpan<byte> body, bool ja3 = false, bool ja4 = false)
    {
        var parts = new HelloParts();
        var hello = new ClientHello();
        var reader = new WireReader(body);
        parts.LegacyVersion = reader.UInt16();
        reader.Skip(32); // random
        reader.Vector8(); // legacy session id
        parts.Ciphers = reader.Vector16();
        if (reader.Vector8().IsEmpty || reader.Failed || parts.Ciphers.IsEmpty || (parts.Ciphers.Length & 1) != 0) return null;
        hello.Version = parts.LegacyVersion;
        if (!reader.AtEnd) parts.Extensions = reader.Vector16();
        if (reader.Failed || !reader.AtEnd) return null;
        var extensions = new WireReader(parts.Extensions);
        while (!extensions.AtEnd)
        {
            int type = extensions.UInt16();
            var value = extensions.Vector16();
            if (extensions.Failed || !hello.Take(type, value, ref parts)) return null;
        }
        if (ja3) hello.Ja3 = HelloFingerprint.Ja3(parts);
        if (ja4) hello.Ja4 = HelloFingerprint.Ja4(parts, hello.Version);
        return hello;
    }

    private bool Take(int type, ReadOnlySpan<byte> value, ref HelloParts parts)
    {
        var reader = new WireReader(value);
        switch (type)
        {
            case ServerNameExtension when !parts.HasServerName:
                parts.HasServerName = true;
                return TakeServerName(reader.Vector16()) && !reader.Failed;
            case AlpnExtension when parts.Alpn.IsEmpty:
                parts.Alpn = reader.Vector16();
                return !reader.Failed && TakeAlpn(parts.Alpn);
            case VersionsExtension:
                var versions = reader.Vector8();
                if (reader.Failed || (versions.Length & 1) != 0) return false;
                int highest = 0;
                for (int i = 0; i < versions.Length; i += 2)
                    if ((versions[i] << 8 | versions[i + 1]) is var version && !HelloFingerprint.IsGrease(version))
                        highest = Math.Max(highest, version);
                if (highest > 0) Version = highest;
                return true;
            case GroupsExtension:
                parts.Groups = reader.Vector16();
                return !reader.Failed;
            case PointFormatsExtension:
                parts.PointFormats = reader.Vector8();
                return !reader.Failed;
            case SignatureAlgorithmsExtension:
                parts.SignatureAlgorithms = reader.Vector16();
                return !reader.Failed;
            default:
                return true;
        }
    }

    // RFC 6066 section 3: names by type, of which there is one.
    private bool TakeServerName(ReadOnlySpan<byte> names)
    {
        var reader = new WireReader(names);
        while (!reader.AtEnd)
        {
            int type = reader.UInt8();
            var name = reader.Vector16();
            if (reader.Failed) return false;
            if (type != 0) continue;
            if (name.IsEmpty || name.Length > 255 || name.IndexOfAnyExceptInRange((byte)0x21, (byte)0x7E) >= 0) return false;
            ServerName = Encoding.ASCII.GetString(name).ToLowerInvariant();
            return true;
        }
        return true;
    }

    private bool TakeAlpn(ReadOnlySpan<byte> list)
    {
        var names = new List<string>();
        var reader = new WireReader(list);
        while (!reader.AtEnd)
        {
            var name = reader.Vector8();
            if (reader.Failed || name.IsEmpty) return false;
            names.Add(name.SequenceEqual("h2"u8) ? "h2" : name.SequenceEqual("http/1.1"u8) ? "http/1.1" : Encoding.Latin1.GetString(name));
        }
        Alpn = names;
        return true;
    }
}

/// <summary>The lists of a ClientHello, where they lie.</summary>
internal ref struct HelloParts
{
    public int LegacyVersion;
    public bool HasServerName;
    public ReadOnlySpan<byte> Ciphers, Extensions, Groups, PointFormats, SignatureAlgorithms, Alpn;
}
