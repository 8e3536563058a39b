using System.Globalization;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Codecs.Http2;

/// <summary>Clients by other hands: curl, nghttp and h2load, where they are installed.</summary>
public sealed class ToolsTests
{
    [Theory]
    [InlineData("curl", "-sS --http2-prior-knowledge -w |%{http_version}|%{http_code} URL/", "hello|2|200")]
    [InlineData("curl", "-sS --http2-prior-knowledge -o /dev/null -w %{size_download} URL/bytes/3000000", "3000000")]
    [InlineData("curl", "-sS --http2-prior-knowledge --data-binary @FILE -o /dev/null -w %{size_download} URL/echo", "1000000")]
    [InlineData("nghttp", "-nv URL/trailers", "grpc-status: 0")]
    [InlineData("nghttp", "-v URL/hints", ":status: 103")]
    [InlineData("nghttp", "-nv --data=FILE --padding=100 --continuation URL/echo", ":status: 200")]
    [InlineData("h2load", "-n 5000 -c 4 -m 50 URL/", "5000 succeeded, 0 failed")]
    [InlineData("h2load", "-n 300 -c 3 -m 20 -w 20 -W 22 URL/bytes/100000", "300 succeeded, 0 failed")]
    [InlineData("h2load", "-n 60 -c 2 -m 10 -d FILE URL/echo", "60 succeeded, 0 failed")]
    public async Task Tool_IsServed(string tool, string arguments, string expected)
    {
        Assert.SkipUnless(Tool.IsThere(tool), tool + " is not installed");
        await using var server = new Http2TestServer();
        string file = Path.GetTempFileName();
        await File.WriteAllBytesAsync(file, new byte[1_000_000]);
        try
        {
            string output = await Tool.RunAsync(tool,
                arguments.Replace("URL", $"http://127.0.0.1:{server.Port.ToString(CultureInfo.InvariantCulture)}", StringComparison.Ordinal)
                    .Replace("FILE", file, StringComparison.Ordinal));
            Assert.Contains(expected, output, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
        Assert.Empty(server.Caught);
        Assert.Equal(0, server.Stat("protocol_error"));
    }
}
