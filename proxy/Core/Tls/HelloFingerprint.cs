using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Managed.Proxy.Core.Tls;

/// <summary>Fingerprints of clients by what they offer, as the authors of JA3 (Salesforce) and JA4 (FoxIO) describe them.</summary>
internal static class HelloFingerprint
{
    /// <summary>A value that means nothing and is there to be ignored (RFC 8701).</summary>
    public static bool IsGrease(int value) => (value & 0x0F0F) == 0x0A0A && (value >> 8) == (value & 0xFF);

    /// <summary>MD5 of "version,ciphers,extensions,groups,point formats", decimal numbers with dashes between them.</summary>
    public static string Ja3(in HelloParts hello)
    {
        var text = new StringBuilder().Append(hello.LegacyVersion);
        Append(text, Numbers(hello.Ciphers));
        Append(text, Types(hello.Extensions));
        Append(text, Numbers(hello.Groups));
        text.Append(',');
        for (int i = 0; i < hello.PointFormats.Length; i++) text.Append(i == 0 ? "" : "-").Append(hello.PointFormats[i]);
        // That is how the fingerprint is defined; nothing is proven with it.
#pragma warning disable CA5351
        return Convert.ToHexStringLower(MD5.HashData(Encoding.ASCII.GetBytes(text.ToString())));
#pragma warning restore CA5351
    }

    /// <summary>
    /// Such as t13d1516h2_8daaf6152771_e5627efa2ab1: readable facts, the ciphers sorted, the extensions sorted with the signature
    /// algorithms.
    /// </summary>
    public static string Ja4(in HelloParts hello, int version)
    {
        var ciphers = Numbers(hello.Ciphers);
        var types = Types(hello.Extensions);
        string facts = string.Create(CultureInfo.InvariantCulture,
            $"t{VersionText(version)}{(hello.HasServerName ? 'd' : 'i')}{Math.Min(ciphers.Count, 99):00}{Math.Min(types.Count, 99):00}"
                + $"{FirstProtocol(hello.Alpn)}");
        string extensions = Hex(types.Where(t => t is not (0 or 16)).Order());
        var algorithms = Numbers(hello.SignatureAlgorithms);
        if (algorithms.Count > 0 && extensions.Length > 0) extensions += "_" + Hex(algorithms);
        return $"{facts}_{Hash(Hex(ciphers.Order()))}_{Hash(extensions)}";
    }

    private static string VersionText(int version)
        => version switch { 0x0304 => "13", 0x0303 => "12", 0x0302 => "11", 0x0301 => "10", 0x0300 => "s3", 0x0002 => "s2", _ => "00" };

    // The first and the last character of the first protocol; of what is no letter or digit the first and last hexadecimal digit.
    private static string FirstProtocol(ReadOnlySpan<byte> list)
    {
        if (list.IsEmpty || list[0] == 0 || list.Length <= list[0]) return "00";
        var name = list.Slice(1, list[0]);
        if (char.IsAsciiLetterOrDigit((char)name[0]) && char.IsAsciiLetterOrDigit((char)name[^1]))
            return $"{(char)name[0]}{(char)name[^1]}";
        string hex = Convert.ToHexStringLower(name);
        return $"{hex[0]}{hex[^1]}";
    }

    private static string Hash(string text) => text.Length == 0 ? "000000000000"
        : Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(text)))[..12];

    private static string Hex(IEnumerable<int> values)
        => string.Join(',', values.Select(v => v.ToString("x4", CultureInfo.InvariantCulture)));

    private static void Append(StringBuilder text, List<int> values) => text.Append(',').AppendJoin('-', values);

    private static List<int> Numbers(ReadOnlySpan<byte> list)
    {
        var numbers = new List<int>(list.Length / 2);
        for (int i = 0; i + 1 < list.Length; i += 2)
            if ((list[i] << 8 | list[i + 1]) is var value && !IsGrease(value)) numbers.Add(value);
        return numbers;
    }

    private static List<int> Types(ReadOnlySpan<byte> extensions)
    {
        var types = new List<int>();
        var reader = new WireReader(extensions);
        while (!reader.AtEnd)
        {
            int type = reader.UInt16();
            reader.Vector16();
            if (!IsGrease(type)) types.Add(type);
        }
        return types;
    }
}
