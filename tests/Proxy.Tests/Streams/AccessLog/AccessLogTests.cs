using System.Text.Json;
using Managed.Proxy.Tests.Http.Filters;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Streams.AccessLog;

public sealed class AccessLogTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public async Task OneRequest_IsOneJsonLine()
    {
        await using var proxy = await LiveProxy.StartAsync("",
            more: $"access_log: [{{name: file, typed_config: {{path: {_path}, log_format: {{json_format: {{ua: '%REQ(USER-AGENT)%', "
                + $"code: '%RESPONSE_CODE%', route: '%ROUTE_NAME%'}}}}}}}}]");
        await proxy.GetAsync("/", "user-agent: a\"b\\c\t\u00e9");
        await Eventually.Async(() => new FileInfo(_path).Length > 0, "the line");
        string line = Assert.Single(File.ReadAllLines(_path));
        using var json = JsonDocument.Parse(line);
        Assert.Equal(200, json.RootElement.GetProperty("code").GetInt32());
        Assert.StartsWith("a\"b\\c\t", json.RootElement.GetProperty("ua").GetString());
    }
}
