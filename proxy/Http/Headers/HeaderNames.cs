using System.Text;

namespace Managed.Proxy.Http.Headers;

/// <summary>The bytes of the known names and the way back from bytes to <see cref="HeaderId"/>.</summary>
public static class HeaderNames
{
    private static readonly byte[][] Names = Build();

    // By length, then by bytes: a name that is not known costs a length check and at most a few failed compares.
    private static readonly HeaderId[][] ByLength = Index();

    /// <summary>The lower-case name; pseudo-headers with their colon. Empty for <see cref="HeaderId.Unknown"/>.</summary>
    public static ReadOnlySpan<byte> Of(HeaderId id) => Names[(int)id];

    /// <summary><see cref="HeaderId.Unknown"/> when the lower-case name is none of ours.</summary>
    public static HeaderId Find(ReadOnlySpan<byte> lowerCaseName)
    {
        if ((uint)lowerCaseName.Length >= (uint)ByLength.Length) return HeaderId.Unknown;
        foreach (var id in ByLength[lowerCaseName.Length])
        {
            var name = Names[(int)id];
            if (name[0] == lowerCaseName[0] && name[^1] == lowerCaseName[^1] && lowerCaseName.SequenceEqual(name)) return id;
        }
        return HeaderId.Unknown;
    }

    private static byte[][] Build()
    {
        var names = new byte[(int)HeaderId.Count][];
        for (int i = 0; i < names.Length; i++)
        {
            var id = (HeaderId)i;
            names[i] = id switch
            {
                HeaderId.Unknown => [],
                >= HeaderId.Method and <= HeaderId.Protocol => Encoding.ASCII.GetBytes(":" + id.ToString().ToLowerInvariant()),
                HeaderId.Http2Settings => "http2-settings"u8.ToArray(),
                HeaderId.Etag => "etag"u8.ToArray(),
                _ => Encoding.ASCII.GetBytes(Kebab(id.ToString())),
            };
        }
        return names;
    }

    private static string Kebab(string pascal)
    {
        var text = new StringBuilder();
        foreach (char c in pascal)
        {
            if (char.IsUpper(c) && text.Length > 0) text.Append('-');
            text.Append(char.ToLowerInvariant(c));
        }
        return text.ToString();
    }

    private static HeaderId[][] Index()
    {
        var byLength = new List<HeaderId>[Names.Max(n => n.Length) + 1];
        for (int i = 0; i < byLength.Length; i++) byLength[i] = [];
        for (int i = 1; i < Names.Length; i++) byLength[Names[i].Length].Add((HeaderId)i);
        return [.. byLength.Select(l => l.ToArray())];
    }
}
