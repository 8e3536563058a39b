using System.Text;

namespace Managed.Proxy.Tests.Http.Codecs.Http2.Hpack;

/// <summary>Field lists as traffic has them: few names, some values again and again, some new each time, some odd bytes.</summary>
internal static class RandomLists
{
    private static readonly string[] Names =
    [
        ":path", ":authority", "accept", "cookie", "authorization", "content-length", "content-type", "date", "etag", "server",
        "set-cookie",
        "user-agent", "vary", "x-a", "x-b", "x-request-id", "strict-transport-security", "if-none-match", "x-very-long-name-of-a-vendor",
        "link",
    ];

    public static List<string> Next(Random random)
    {
        var list = new List<string> { random.Next(2) == 0 ? ":method: GET" : ":method: POST", ":scheme: https" };
        for (int n = random.Next(30); n > 0; n--)
        {
            string name = random.Next(12) == 0 ? "x-" + random.Next(1000) : Names[random.Next(Names.Length)];
            string value = random.Next(4) switch
            {
                0 => "v" + random.Next(5),
                1 => Text(random, random.Next(20)),
                2 => Text(random, random.Next(random.Next(10) == 0 ? 3000 : 200)),
                _ => "",
            };
            list.Add($"{name}: {value}");
        }
        return list;
    }

    private static string Text(Random random, int length)
    {
        var text = new StringBuilder();
        bool odd = random.Next(8) == 0;
        for (; length > 0; length--) text.Append(odd ? (char)random.Next(256) : (char)random.Next(0x20, 0x7F));
        return text.ToString();
    }
}
