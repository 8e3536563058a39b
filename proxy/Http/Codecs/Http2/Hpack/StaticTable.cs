using System.Text;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http2.Hpack;

/// <summary>The fields that both sides know from the beginning (RFC 7541 appendix A), at indexes from 1.</summary>
internal static class StaticTable
{
    public const int Count = 61;

    private static readonly (string Name, string Value)[] Fields =
    [
        (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"), (":scheme", "http"),
        (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"), (":status", "304"), (":status", "400"),
        (":status", "404"), (":status", "500"), ("accept-charset", ""), ("accept-encoding", "gzip, deflate"), ("accept-language", ""),
        ("accept-ranges", ""), ("accept", ""), ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""),
        ("cache-control", ""), ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
        ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""), ("etag", ""), ("expect", ""),
        ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""),
        ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""), ("location", ""), ("max-forwards", ""),
        ("proxy-authenticate", ""),
        ("proxy-authorization", ""), ("range", ""), ("referer", ""), ("refresh", ""), ("retry-after", ""), ("server", ""),
        ("set-cookie", ""),
        ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""),
        ("via", ""), ("www-authenticate", ""),
    ];

    private static readonly byte[][] Names = [[], .. Fields.Select(f => Encoding.ASCII.GetBytes(f.Name))];
    private static readonly byte[][] Values = [[], .. Fields.Select(f => Encoding.ASCII.GetBytes(f.Value))];
    private static readonly HeaderId[] Ids = [.. Names.Select(n => HeaderNames.Find(n))];
    private static readonly byte[] FirstById = IndexIds();
    // Names that have no HeaderId, by their length.
    private static readonly byte[][] OthersByLength = IndexOthers();

    public static HeaderId Id(int index) => Ids[index];
    public static ReadOnlySpan<byte> Name(int index) => Names[index];
    public static ReadOnlySpan<byte> Value(int index) => Values[index];

    /// <summary>The first index of this lower-case name; 0 when it is not there.</summary>
    public static int Find(HeaderId id, ReadOnlySpan<byte> name)
    {
        if (id != HeaderId.Unknown) return FirstById[(int)id];
        if ((uint)name.Length >= (uint)OthersByLength.Length) return 0;
        foreach (byte index in OthersByLength[name.Length])
            if (name.SequenceEqual(Names[index])) return index;
        return 0;
    }

    /// <summary>The index of this very field, from the first index of its name on; 0 when there is none.</summary>
    public static int FindValue(int first, ReadOnlySpan<byte> value)
    {
        for (int i = first; i <= Count && (i == first || Ids[i] == Ids[first] && Ids[i] != HeaderId.Unknown); i++)
            if (value.SequenceEqual(Values[i])) return i;
        return 0;
    }

    private static byte[] IndexIds()
    {
        var first = new byte[(int)HeaderId.Count];
        for (int i = Count; i >= 1; i--)
            if (Ids[i] != HeaderId.Unknown) first[(int)Ids[i]] = (byte)i;
        return first;
    }

    private static byte[][] IndexOthers()
    {
        var byLength = new List<byte>[Names.Max(n => n.Length) + 1];
        for (int i = 0; i < byLength.Length; i++) byLength[i] = [];
        for (int i = 1; i <= Count; i++)
            if (Ids[i] == HeaderId.Unknown) byLength[Names[i].Length].Add((byte)i);
        return [.. byLength.Select(l => l.ToArray())];
    }
}
