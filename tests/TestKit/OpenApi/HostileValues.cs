using System.Text;
using System.Text.RegularExpressions;

namespace Managed.TestKit.OpenApi;

/// <summary>Values that a careless or hostile client sends, and mutations of right ones.</summary>
internal static partial class HostileValues
{
    /// <summary>
    /// For a segment of a path, as they stand on the wire. Those that make it another address are in <see cref="Shifting"/>.
    /// </summary>
    public static readonly string[] Segments =
    [
        "%00", "a%00b", "%2F", "a%2Fb", "%5c", "..%5cadmin", "%252e", "%ff", "%c0%ae", "%e2%88%9e", "%F0%9F%92%A9", "%zz", "%", "a%20b",
        "%0d%0aX:%20y", "%7f", "%1b", "~", "'", "%22", "{}", "|", "outbound|80||web.default",
        "NaN", "-1", "0", "v1", "1e400", "0x10", "99999999999999999999999", "latest", "%D9%A1", ";a=b", "a;b", "*", "@", ":", "%3F", "%23",
        "sha256:" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        new('a', 300), new('a', 3000), new('a', 40_000), string.Concat(Enumerable.Repeat("%e2%88%9e", 500)),
    ];

    public static readonly string[] Shifting = ["", ".", "..", "%2e", "%2e%2e", "../..", "a/b", "a b", "a?b", "a#b", "\u00e9"];

    /// <summary>For a query parameter, as they stand on the wire.</summary>
    public static readonly string[] Arguments =
    [
        "", "NaN", "NaNs", "nanms", "Infinity", "-Infinity", "Infinitys", "-1", "-1s", "-0", "+1", "1e400", "1e3s", "0x10", "0x10s",
        "1_000", "1,5s", ".5s", ".", "..s", "s", "ms", "%20", "1%20s", "99999999999999999999", "9999999999999999999h",
        "9223372036854775807", "9223372036854775808", "1.7976931348623157e308s", "%E2%88%9E", "%D9%A1s", "%00", "a%00b", "%ff", "%zz", "%",
        "true", "maybe", "null", "[]", "%7B%7D", "(((((", "(a%2B)%2B$", "[z-a]", "%5C", "'", "%22", "*", "%0d%0aX:y",
        "%F0%9F%92%A9", "AAAA", "MTIz", "LTE", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk", new('9', 400), $"{new string('9', 400)}s", new('x', 5000),
        new('(', 500), new('x', 40_000),
    ];

    public static readonly string[] HeaderValues =
    [
        "", "*", "\"x\"", "W/\"x\"", "\"", "\"x", "x", "\"a\", \"b\"", "*, \"a\"", ",", ",,,", "\"\u00ff\"", "NaN", "respond-async",
        "respond-async, wait=99999999999999999999", "wait=NaN", "sha-256=:AAAA:", "sha-256=:!!:", "sha-256=", "0-0",
        "zz-99999999999999999999",
        new('x', 4000), new('"', 200), "application/yaml", "text/html", "text/x-diff", "*/*;q=nan", "application/json;q=9",
        "application/json;q=-1, */*;q=0", ";;;", "a/b/c",
    ];

    public static readonly string[] MediaTypes =
    [
        "application/json", "application/yaml", "application/merge-patch+json", "application/json-patch+json", "text/x-lua",
        "application/wasm", "text/plain", "application/xml", "multipart/form-data", "application/x-www-form-urlencoded",
        "application/json; charset=utf-16", "application/json; charset=nonsense", "APPLICATION/JSON", "garbage", ";;", "", "*/*",
    ];

    private static readonly string[] Bodies =
    [
        "", " ", "null", "true", "0", "-0", "NaN", "1e400", "[]", "{}", "[[]]", "\"\"", "\"a\"", "\0", "{", "}", "[", "{\"a\":",
        "{\"a\":1,\"a\":2}", "{\"\":1}", "a: &a [*a]", "? a", "- - - a", "---\n---\n", "a: !!python/object b", "<<: *x",
        "%YAML 9.9\n---\na: b",
        "{\"name\":\"\"}", "{\"name\":null}", "{\"name\":5}", "{\"name\":\"a\\u0000b\"}", "{\"name\":\"\\ud800\"}",
        "{\"name\":\"\\r\\nx: y\"}", "{\"name\":\"\u221e\"}", "{\"comment\":5}", "{\"from\":NaN,\"to\":1}",
        "{\"from\":1e400,\"to\":\"active\"}", "{\"from\":{},\"to\":{}}", "{\"version\":{}}",
        "[{\"op\":\"move\",\"from\":\"\",\"path\":\"/a\"}]", "[{\"op\":\"replace\",\"path\":\"/-1\",\"value\":1}]",
        "[{\"op\":\"test\",\"path\":\"/99999999999999999999\",\"value\":1}]", "[{\"op\":\"add\",\"path\":\"~2\",\"value\":1}]",
        "[{\"op\":\"remove\",\"path\":\"\"}]", "[{}]", "[null]", "[[[]]]", "[{\"op\":5}]",
    ];

    private static readonly string[] Scalars =
        ["null", "true", "-1", "0", "1e400", "99999999999999999999", "\"\"", "\"NaNs\"", "\"Infinitys\"", "\"-1s\"", "\"a\\u0000b\"",
            "\"\\ud800\"", "\"\u221e\"", "[]", "{}", "[[]]", "{\"a\":{}}", "0.5", "\"*\"", "\"../..\"", "\"%\""];

    /// <summary>Something near to a right body, or nowhere near. Addresses are never others than loopback with a free port.</summary>
    public static byte[] Body(Random random, string example)
    {
        var text = random.Next(10) switch
        {
            < 3 => example,
            < 7 => Mutated(random, example),
            < 9 => Bodies[random.Next(Bodies.Length)],
            _ => random.Next(4) switch
            {
                0 => new string('[', 100_000),
                1 => string.Concat(Enumerable.Repeat("{\"a\":", 2000)) + "1" + new string('}', 2000),
                2 => "{\"name\":\"" + new string('n', 100_000) + "\"}",
                _ => string.Concat(Enumerable.Repeat("- ", 5000)) + "a",
            },
        };
        var bytes = Encoding.UTF8.GetBytes(Address().Replace(text, "127.0.0.1:0"));
        if (bytes.Length > 0 && random.Next(12) == 0)
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        return bytes;
    }

    private static string Mutated(Random random, string example)
    {
        if (example.Length == 0)
            return Bodies[random.Next(Bodies.Length)];
        var places = Scalar().Matches(example);
        var place = places.Count > 0 && random.Next(4) > 0 ? places[random.Next(places.Count)] : null;
        if (place is not null)
            return example[..place.Index] + Scalars[random.Next(Scalars.Length)] + example[(place.Index + place.Length)..];
        int at = random.Next(example.Length), end = Math.Min(example.Length, at + 1 + random.Next(12));
        return random.Next(3) switch
        {
            0 => example[..at],
            1 => example[..at] + example[end..],
            _ => example[..at] + example[at..end] + example[at..],
        };
    }

    [GeneratedRegex("\"[^\"\\\\]*\"(?!\\s*:)|\\b\\d+\\b")]
    private static partial Regex Scalar();

    [GeneratedRegex(@"(0\.0\.0\.0|127\.0\.0\.1|\[::\]):\d+")]
    private static partial Regex Address();
}
