using System.Globalization;
using Managed.TestKit;

namespace Managed.Proxy.Tests.Http.Filters.OAuth2;

/// <summary>Requests with the cookies that earlier answers have set, as a browser sends them to one host.</summary>
internal sealed class Browser(ProxyFixture proxy, string listener = "edge")
{
    public Dictionary<string, string> Cookies { get; } = [];

    public async Task<RawResponse> GetAsync(string path, string fields = "", string host = "shop.test")
    {
        await using var client = await proxy.ConnectAsync(listener);
        string cookie = Cookies.Count == 0 ? "" : $"cookie: {string.Join("; ", Cookies.Select(c => $"{c.Key}={c.Value}"))}\r\n";
        var answer = await client.AskAsync($"GET {path} HTTP/1.1\r\nHost: {host}\r\n{cookie}{fields}\r\n");
        foreach (var (_, line) in answer.Headers.Where(h => h.Key == "set-cookie"))
        {
            string[] parts = line.Split(';');
            string[] pair = parts[0].Split('=', 2);
            bool gone = parts.Any(p => p.Trim().StartsWith("expires=Thu, 01 Jan 1970", StringComparison.Ordinal));
            if (gone) Cookies.Remove(pair[0]); else Cookies[pair[0]] = pair[1];
        }
        return answer;
    }

    /// <summary>A parameter of the URL that the answer redirects to.</summary>
    public static string Parameter(RawResponse answer, string name)
        => new Uri(answer["location"]!).Query.TrimStart('?').Split('&').Select(p => p.Split('=', 2))
            .Where(p => p[0] == name).Select(p => Uri.UnescapeDataString(p[1])).Single();

    /// <summary>Max-Age of a cookie that the answer sets.</summary>
    public static long MaxAge(RawResponse answer, string cookie)
        => long.Parse(answer.Headers.Single(h => h.Key == "set-cookie" && h.Value.StartsWith(cookie + "=", StringComparison.Ordinal)).Value
            .Split(';').Single(p => p.StartsWith("Max-Age=", StringComparison.Ordinal))[8..], CultureInfo.InvariantCulture);
}
