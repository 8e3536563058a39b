using System.Text.Json;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Traffic;

public sealed class AccessLogTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    private async Task<string[]> LinesAsync(int count)
    {
        string[] lines = [];
        await Eventually.Async(() => (lines = File.ReadAllLines(_file)).Length >= count, $"{count} log lines");
        return lines;
    }

    [Fact]
    public async Task TextFormat_OneLineForEachRequest()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with
        {
            Manager = $$$$$"""
                access_log:
                - name: file
                  typed_config:
                    path: {{{{{_file}}}}}
                    log_format: {text_format: "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_CLUSTER% %ROUTE_NAME% %REQ(X-NONE)%\n"}
                """,
        }).ToString());
        await using var client = await proxy.ConnectAsync();

        await client.AskAsync("POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
        await client.AskAsync("GET /bad HTTP/1.1\r\n\r\n");

        var lines = await LinesAsync(2);
        Assert.Equal($"POST /a?b 200 - 3 {"up /a?b".Length} up all -", lines[0]);
        Assert.Contains(" 400 ", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task JsonFormat_IsJsonWithTypes_WhateverTheClientSends()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with
        {
            Manager = $$$$$"""
                access_log:
                - name: envoy.access_loggers.file
                  typed_config:
                    path: {{{{{_file}}}}}
                    log_format: {json_format: {code: "%RESPONSE_CODE%", agent: "%REQ(USER-AGENT)%", none: "%REQ(X-NONE)%", where: {path: "%REQ(:PATH)%"}}}
                """,
        }).ToString());

        await proxy.GetAsync("/x", headers: "User-Agent: a\"b\\c\t\u00e9\r\n");

        using var line = JsonDocument.Parse((await LinesAsync(1))[0]);
        Assert.Equal(200, line.RootElement.GetProperty("code").GetInt32());
        Assert.StartsWith("a\"b\\c\t", line.RootElement.GetProperty("agent").GetString(), StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Null, line.RootElement.GetProperty("none").ValueKind);
        Assert.Equal("/x", line.RootElement.GetProperty("where").GetProperty("path").GetString());
    }

    [Fact]
    public async Task Filter_LogsOnlyWhatItSays()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = r => r.Target == "/bad" ? "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n" : null;
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with
        {
            Manager = $$$$$"""
                access_log:
                - name: file
                  filter: {status_code_filter: {comparison: {op: GE, value: {default_value: 500}}}}
                  typed_config: {path: {{{{{_file}}}}}, log_format: {text_format: "%REQ(:PATH)%\n"}}
                """,
        }).ToString());

        await proxy.GetAsync("/good");
        await proxy.GetAsync("/bad");
        await proxy.GetAsync("/good");
        await proxy.GetAsync("/bad");

        Assert.Equal(["/bad", "/bad"], await LinesAsync(2));
    }

    [Fact]
    public async Task AFileThatCannotBeOpened_IsAConfigurationError()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());

        var result = await proxy.TryPublishAsync(
            (EdgeDocument.To(up) with { Manager = "access_log: [{name: file, typed_config: {path: /nowhere/at/all.log}}]" }).ToString());

        Assert.False(result.Applied);
        Assert.Contains("/nowhere/at/all.log", Assert.Single(result.Errors).Detail, StringComparison.Ordinal);
    }
}
