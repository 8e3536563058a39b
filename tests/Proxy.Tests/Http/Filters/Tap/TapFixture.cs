using System.Globalization;
using System.Text;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Tap;

/// <summary>A proxy whose chain has a tap for each format and for each condition, before an upstream whose answers have trailers.</summary>
public sealed class TapFixture : IAsyncLifetime
{
    /// <summary>What a POST of <see cref="AskAsync"/> is asked for, and whether it is so.</summary>
    internal static readonly (string Condition, bool Holds)[] Conditions =
    [
        ("{any_match: true}", true),
        ("{not_match: {any_match: true}}", false),
        ("{http_request_headers_match: {headers: [{name: x-kind, string_match: {exact: order}}]}}", true),
        ("{http_request_headers_match: {headers: [{name: x-kind, string_match: {exact: invoice}}]}}", false),
        ("{http_request_headers_match: {headers: [{name: x-kind, string_match: {exact: order}}, {name: x-other}]}}", false),
        ("{http_request_headers_match: {}}", true),
        ("{http_request_trailers_match: {headers: [{name: x-sum, string_match: {exact: '7'}}]}}", true),
        ("{http_request_trailers_match: {headers: [{name: x-kind}]}}", false),
        ("{http_response_headers_match: {headers: [{name: ':status', string_match: {exact: '200'}}]}}", true),
        ("{http_response_headers_match: {headers: [{name: ':status', string_match: {exact: '500'}}]}}", false),
        ("{http_response_trailers_match: {headers: [{name: x-end, string_match: {exact: yes}}]}}", true),
        ("{http_response_trailers_match: {headers: [{name: x-end, string_match: {exact: no}}]}}", false),
        ("{http_request_generic_body_match: {patterns: [{string_match: '0123'}]}}", true),
        ("{http_request_generic_body_match: {patterns: [{string_match: '0123'}, {string_match: 'nothere'}]}}", false),
        ("{http_request_generic_body_match: {patterns: [{binary_match: MjM0}]}}", true),
        ("{http_request_generic_body_match: {bytes_limit: 4, patterns: [{string_match: '0123'}]}}", true),
        ("{http_request_generic_body_match: {bytes_limit: 4, patterns: [{string_match: '1234'}]}}", false),
        ("{http_response_generic_body_match: {patterns: [{string_match: 'answer'}]}}", true),
        ("{http_response_generic_body_match: {patterns: [{string_match: '0123'}]}}", false),
        ("{or_match: {rules: [{not_match: {any_match: true}}, {http_response_headers_match: {headers: [{name: x-absent}]}}]}}", false),
        ("{or_match: {rules: [{not_match: {any_match: true}}, {http_response_trailers_match: {headers: [{name: x-end}]}}]}}", true),
        ("{and_match: {rules: [{any_match: true}, {http_response_trailers_match: {headers: [{name: x-end}]}}]}}", true),
        ("{and_match: {rules: [{http_request_headers_match: {headers: [{name: x-kind}]}}, {not_match: {any_match: true}}]}}", false),
        ("{not_match: {http_request_trailers_match: {headers: [{name: x-sum}]}}}", false),
        ("{not_match: {http_response_headers_match: {headers: [{name: x-absent}]}}}", true),
    ];

    private readonly RecordingUpstream _up = RecordingUpstream.Start();
    private int _asked;

    public string Folder { get; } = Directory.CreateTempSubdirectory("tap-").FullName;
    public ProxyFixture Proxy { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _up.Answer = _ => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-end\r\nx-bytes: \u00e9\r\n\r\n"
            + "9\r\nan answer\r\n0\r\nx-end: yes\r\n\r\n";
        var taps = new List<string>();
        void Add(string name, string format, string match = "match: {any_match: true}", string output = "", string more = "",
            string config = "")
            => taps.Add($"- {{name: {name}, typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.http.tap.v3.Tap, "
                + $"common_config: {{static_config: {{{match}{config}, output_config: {{sinks: [{{format: {format}, file_per_tap: "
                + $"{{path_prefix: {Folder}/{name}}}}}]{output}}}}}}}{more}}}}}");
        Add("string", "JSON_BODY_AS_STRING", output: ", max_buffered_rx_bytes: 8");
        Add("bytes", "JSON_BODY_AS_BYTES", match: "match_config: {any_match: true}");
        Add("text", "PROTO_TEXT", more: ", record_headers_received_time: true");
        Add("binary", "PROTO_BINARY", output: ", max_buffered_rx_bytes: 0, max_buffered_tx_bytes: 4");
        Add("streamed", "PROTO_BINARY_LENGTH_DELIMITED", output: ", streaming: true, max_buffered_rx_bytes: 8");
        Add("late", "PROTO_BINARY_LENGTH_DELIMITED", output: ", streaming: true",
            match: "match: {http_response_trailers_match: {headers: [{name: x-end}]}}");
        Add("off", "PROTO_TEXT", config: ", tap_enabled: {default_value: {numerator: 0}}");
        for (int i = 0; i < Conditions.Length; i++) Add($"c{i}", "PROTO_TEXT", $"match: {Conditions[i].Condition}");
        Add("last", "PROTO_TEXT");
        Proxy = await ProxyFixture.StartAsync($$"""
            listeners:
            - name: edge
              address: "127.0.0.1:0"
              http_filters:
              {{string.Join("\n  ", taps)}}
              routes: [{match: {prefix: /}, route: {cluster: up} }]
            clusters: [{name: up, endpoints: ["{{_up.Address}}"]}]
            """);
    }

    public async ValueTask DisposeAsync()
    {
        if (Proxy is not null) await Proxy.DisposeAsync();
        await _up.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>A POST with a body of ten bytes and a trailer; its target, which no other has.</summary>
    public async Task<string> AskAsync()
    {
        string target = "/ask/" + Interlocked.Increment(ref _asked).ToString(CultureInfo.InvariantCulture) + "/end";
        await using var client = await Proxy.ConnectAsync();
        await client.SendAsync($"POST {target} HTTP/1.1\r\nhost: a\r\nx-kind: order\r\ntransfer-encoding: chunked\r\n\r\n"
            + "a\r\n0123456789\r\n0\r\nx-sum: 7\r\n\r\n");
        var answer = await client.ReadAsync();
        Assert.Equal((200, "an answer"), (answer.Status, answer.Text));
        return target;
    }

    /// <summary>The file of a tap in which the target is, once the stream's last file is there.</summary>
    public async Task<byte[]?> ReadAsync(string tap, string target)
    {
        await Eventually.Async(() => Find("last", target) is not null, "the last tap has written");
        return Find(tap, target);
    }

    private byte[]? Find(string tap, string target)
    {
        foreach (string path in Directory.EnumerateFiles(Folder, tap + "_*"))
        {
            byte[] bytes = File.ReadAllBytes(path);
            if (bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(target)) >= 0) return bytes;
        }
        return null;
    }
}
