using System.Globalization;
using System.Net;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;

/// <summary>Clients of HTTP/2 by other hands, through the product: .NET's, and curl, nghttp and h2load where they are installed.</summary>
public sealed class Http2ClientsTests
{
    private const int Size = 1_000_000;

    [Theory]
    [InlineData("curl", "-sS --http2-prior-knowledge -w |%{http_version}|%{http_code} URL/a", "up /a|2|200")]
    [InlineData("curl", "-sS --http2-prior-knowledge --data-binary @FILE -o /dev/null -w %{size_download} URL/echo", "1000000")]
    [InlineData("curl", "-sS --http1.1 -w |%{http_version}|%{http_code} URL/a", "up /a|1.1|200")]
    [InlineData("nghttp", "-nv URL/a", ":status: 200")]
    [InlineData("nghttp", "-nv --data=FILE URL/echo", ":status: 200")]
    [InlineData("h2load", "-n 2000 -c 4 -m 20 URL/a", "2000 succeeded, 0 failed")]
    [InlineData("h2load", "-n 40 -c 2 -m 10 -d FILE URL/echo", "40 succeeded, 0 failed")]
    public async Task Tool_IsServed(string tool, string arguments, string expected)
    {
        Assert.SkipUnless(Tool.IsThere(tool), tool + " is not installed");
        await using var up = Echo();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        string file = Path.GetTempFileName();
        await File.WriteAllBytesAsync(file, new byte[Size]);
        try
        {
            string url = $"http://127.0.0.1:{proxy.Port().ToString(CultureInfo.InvariantCulture)}";
            string output = await Tool.RunAsync(tool,
                arguments.Replace("URL", url, StringComparison.Ordinal).Replace("FILE", file, StringComparison.Ordinal));
            Assert.Contains(expected, output, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
        Assert.Equal((0, 0), (proxy.Stat("http2.protocol_error"), proxy.Stat("http.edge.downstream_cx_protocol_error")));
        await Eventually.Async(() => proxy.Stat("http2.streams_active") == 0 && proxy.Stat("http.edge.downstream_rq_active") == 0,
            "all is over");
    }

    [Fact]
    public async Task HttpClient_ManyAtOnceAndCancelled()
    {
        await using var up = Echo();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{proxy.Port()}"),
            DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        var answers = await Task.WhenAll(Enumerable.Range(0, 300).Select(async i =>
        {
            if (i % 10 == 0)
            {
                using var soon = new CancellationTokenSource(i / 10);
                try { await client.GetAsync(new Uri("/a", UriKind.Relative), soon.Token); }
                catch (OperationCanceledException) { }
                return true;
            }
            using var content = new ByteArrayContent(new byte[i * 500]);
            using var answer = i % 2 == 0 ? await client.GetAsync(new Uri($"/{i}", UriKind.Relative))
                : await client.PostAsync(new Uri("/echo", UriKind.Relative), content);
            return answer.Version == HttpVersion.Version20
                && (i % 2 == 0 ? await answer.Content.ReadAsStringAsync() == $"up /{i}"
                    : (await answer.Content.ReadAsByteArrayAsync()).Length == i * 500);
        }));
        Assert.DoesNotContain(false, answers);
        await Eventually.Async(() => proxy.Stat("http2.streams_active") == 0 && proxy.Stat("http.edge.downstream_rq_active") == 0,
            "all is over");
        Assert.InRange(proxy.Stat("http.edge.downstream_cx_http2_total"), 1, 20);
    }

    private static RecordingUpstream Echo()
    {
        var up = RecordingUpstream.Start();
        up.Answer = r => r.Target == "/echo" ? RecordingUpstream.Ok(System.Text.Encoding.Latin1.GetString(r.Body)) : null;
        return up;
    }
}
