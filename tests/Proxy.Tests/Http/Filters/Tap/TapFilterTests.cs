using System.Text;
using System.Text.Json;
using Managed.Proxy.Core.Buffers;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Tap;

public sealed class TapFilterTests(TapFixture fixture) : IClassFixture<TapFixture>
{
    [Fact]
    public async Task Json_HasTheWholeStream()
    {
        string target = await fixture.AskAsync();
        using var trace = JsonDocument.Parse((await fixture.ReadAsync("string", target))!);
        var (request, response) = (Side(trace, "request"), Side(trace, "response"));
        Assert.Equal("POST", Field(request, "headers", ":method"));
        Assert.Equal(target, Field(request, "headers", ":path"));
        Assert.Equal("7", Field(request, "trailers", "x-sum"));
        Assert.Equal("200", Field(response, "headers", ":status"));
        Assert.Equal("yes", Field(response, "trailers", "x-end"));
        // Cut at max_buffered_rx_bytes.
        Assert.Equal(("01234567", true), (request.GetProperty("body").GetProperty("as_string").GetString(), Truncated(request)));
        Assert.Equal(("an answer", false), (response.GetProperty("body").GetProperty("as_string").GetString(), Truncated(response)));

        using var coded = JsonDocument.Parse((await fixture.ReadAsync("bytes", target))!);
        Assert.Equal("MDEyMzQ1Njc4OQ==", Side(coded, "request").GetProperty("body").GetProperty("as_bytes").GetString());
        // A value that is no UTF-8 has a field of its own.
        var bytes = Side(coded, "response").GetProperty("headers").EnumerateArray()
            .Single(f => f.GetProperty("key").GetString() == "x-bytes");
        Assert.Equal("6Q==", bytes.GetProperty("raw_value").GetString());
    }

    [Fact]
    public async Task Text_IsThatOfProtocolBuffers()
    {
        string target = await fixture.AskAsync();
        string text = Encoding.UTF8.GetString((await fixture.ReadAsync("text", target))!);
        Assert.StartsWith("http_buffered_trace {\n  request {\n    headers {\n      key: \"", text);
        Assert.Contains($"      key: \":path\"\n      value: \"{target}\"\n", text);
        Assert.Contains("    body {\n      as_bytes: \"0123456789\"\n      truncated: false\n    }\n    trailers {\n      key: \"x-sum\"",
            text);
        Assert.Contains("      key: \"x-bytes\"\n      raw_value: \"\\351\"\n", text);
        Assert.Matches("    headers_received_time {\n      seconds: [0-9]{10}\n", text);
        Assert.EndsWith("  }\n}\n", text);
    }

    [Fact]
    public async Task Binary_IsReadByItsNumbers()
    {
        string target = await fixture.AskAsync();
        var trace = (await fixture.ReadAsync("binary", target))!;
        Assert.True(ProtoReader.TryField(trace, 1, out var buffered));
        Assert.True(ProtoReader.TryField(buffered, 1, out var request));
        Assert.True(ProtoReader.TryField(request, 2, out var sent));
        Assert.False(ProtoReader.TryField(sent, 1, out _));
        Assert.Equal(1u, ProtoReader.Number(sent, 3, 0));
        Assert.True(ProtoReader.TryField(buffered, 2, out var response));
        Assert.True(ProtoReader.TryField(response, 2, out var body));
        Assert.True(ProtoReader.TryField(body, 1, out var bytes));
        Assert.Equal("an a", Encoding.ASCII.GetString(bytes));
        Assert.Equal(1u, ProtoReader.Number(body, 3, 0));
        Assert.True(ProtoReader.TryField(response, 3, out var trailer));
        Assert.True(ProtoReader.TryField(trailer, 1, out var key));
        Assert.Equal("x-end", Encoding.ASCII.GetString(key));
    }

    /// <summary>Piece by piece as it passes; where the condition holds late, with all that came before.</summary>
    [Theory]
    [InlineData("streamed", "01234567", 1)]
    [InlineData("late", "0123456789", 0)]
    public async Task StreamedTrace_IsManyMessages(string tap, string sent, uint truncated)
    {
        string target = await fixture.AskAsync();
        var pieces = new List<int>();
        foreach (byte[] message in Messages((await fixture.ReadAsync(tap, target))!))
        {
            Assert.True(ProtoReader.TryField(message, 2, out var segment));
            Assert.NotEqual(0u, ProtoReader.Number(segment, 1, 0));
            for (int i = 2; i <= 7; i++)
            {
                if (!ProtoReader.TryField(segment, i, out var piece)) continue;
                pieces.Add(i);
                if (i != 3) continue;
                Assert.True(ProtoReader.TryField(piece, 1, out var bytes));
                Assert.Equal(sent, Encoding.ASCII.GetString(bytes));
                Assert.Equal(truncated, ProtoReader.Number(piece, 3, 0));
            }
        }
        Assert.Equal([2, 3, 4, 5, 6, 7], pieces);
    }

    [Fact]
    public async Task Conditions_SayWhichStreamsAreWritten()
    {
        string target = await fixture.AskAsync();
        for (int i = 0; i < TapFixture.Conditions.Length; i++)
        {
            var (condition, holds) = TapFixture.Conditions[i];
            Assert.True(holds == (await fixture.ReadAsync($"c{i}", target) is not null), condition);
        }
        Assert.Null(await fixture.ReadAsync("off", target));
    }

    [Fact]
    public async Task Statistics_CountStreamsOfAllTaps()
    {
        int each = TapFixture.Conditions.Count(c => c.Holds) + 7;
        long before = fixture.Proxy.Stat("http.edge.tap.rq_tapped");
        string target = await fixture.AskAsync();
        await fixture.ReadAsync("last", target);
        Assert.Equal(each, fixture.Proxy.Stat("http.edge.tap.rq_tapped") - before);
        Assert.Equal(0, fixture.Proxy.Stat("http.edge.tap.rq_dropped") + fixture.Proxy.Stat("http.edge.tap.write_failed"));
    }

    [Theory]
    [InlineData("{}", "'common_config' is missing")]
    [InlineData("{common_config: {admin_config: {config_id: x}}}", "'admin_config' is not supported")]
    [InlineData("{common_config: {static_config: {match: {any_match: true}}}}", "'output_config' is missing")]
    [InlineData("{common_config: {static_config: {match: {any_match: false}, OUTPUT}}}", "must be true")]
    [InlineData("{common_config: {static_config: {OUTPUT}}}", "match")]
    [InlineData("{common_config: {static_config: {match: {or_match: {rules: [{any_match: true}]}}, OUTPUT}}}", "items")]
    [InlineData("{common_config: {static_config: {match: {http_request_generic_body_match: {patterns: [{binary_match: '!'}]}}, OUTPUT}}}",
        "is not base64")]
    [InlineData("{common_config: {static_config: {match: {any_match: true}, output_config: {sinks: [{streaming_admin: {}}]}}}}",
        "'streaming_admin' is not supported")]
    [InlineData("{common_config: {static_config: {match: {any_match: true}, output_config: {sinks: [{file_per_tap: {path_prefix: "
        + "/nowhere/at/all}}]}}}}", "there is no folder '/nowhere/at'")]
    [InlineData("{record_downstream_connection: true, common_config: {static_config: {match: {any_match: true}, OUTPUT}}}",
        "'record_downstream_connection' is not supported")]
    public void WhatIsWrong_IsSaidAtItsPlace(string config, string says)
    {
        config = config.Replace("OUTPUT", "output_config: {sinks: [{file_per_tap: {path_prefix: /tmp/x}}]}", StringComparison.Ordinal);
        var built = fixture.Proxy.Build($$"""
            listeners:
            - {name: edge, address: "127.0.0.1:0", http_filters: [{name: tap, typed_config: {{config}} }], routes: []}
            """);
        Assert.Contains(built.Errors, e => e.ToString().Contains(says, StringComparison.Ordinal));
    }

    private static JsonElement Side(JsonDocument trace, string side)
        => trace.RootElement.GetProperty("http_buffered_trace").GetProperty(side);

    private static bool Truncated(JsonElement side) => side.GetProperty("body").GetProperty("truncated").GetBoolean();

    private static string? Field(JsonElement side, string list, string name)
        => side.GetProperty(list).EnumerateArray().Single(f => f.GetProperty("key").GetString() == name).GetProperty("value").GetString();

    private static List<byte[]> Messages(byte[] file)
    {
        var all = new List<byte[]>();
        ReadOnlySpan<byte> rest = file;
        while (!rest.IsEmpty)
        {
            Assert.True(ProtoReader.TryVarint(ref rest, out ulong length));
            all.Add(rest[..(int)length].ToArray());
            rest = rest[(int)length..];
        }
        return all;
    }
}
