using System.Net;
using System.Net.Sockets;
using System.Text;
using Managed.Proxy.Core.Telemetry;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters;

/// <summary>A data plane with one listener whose routes answer from the configuration, and a raw client.</summary>
internal sealed class LiveProxy : IAsyncDisposable
{
    private readonly ProxyServer _server;
    private long _version;

    private LiveProxy(int workers) => _server =
        new ProxyServer(new ProxyOptions { Workers = workers, LoggerFactory = NullLoggerFactory.Instance });

    public StatsRegistry Stats => _server.Stats;

    /// <param name="filters">Items of <c>http_filters</c> without the router.</param>
    /// <param name="routes">Items of <c>routes</c>; null: 200 with the method, path and field x of the request as the filters left
    /// it.</param>
    /// <param name="more">Further fields of the connection manager.</param>
    public static async Task<LiveProxy> StartAsync(string filters, string? routes = null, int workers = 1, string more = "",
        string table = "")
    {
        var proxy = new LiveProxy(workers);
        proxy._server.Start();
        await proxy.PublishAsync(filters, routes, more, table);
        return proxy;
    }

    public const string EchoRoute =
        """{match: {prefix: /}, direct_response: {status: 200, body_format: {text_format: "%REQ(:METHOD)% %REQ(:PATH)% """
            + """%REQ(:AUTHORITY)% [%REQ(x)%]"}}}""";

    public async Task PublishAsync(string filters, string? routes = null, string more = "", string table = "")
    {
        // Flow style on one line: indentation of the callers' texts does not count.
        filters = filters.ReplaceLineEndings(" ");
        routes = (routes ?? EchoRoute).ReplaceLineEndings(" ");
        string yaml = $$"""
            clusters:
            - {name: a, endpoints: [127.0.0.1:1]}
            listeners:
            - name: edge
              address: 127.0.0.1:0
              filter_chains:
              - name: main
                filters:
                - name: http_connection_manager
                  typed_config:
                    stat_prefix: edge
                    {{more}}
                    http_filters: [{{filters}}{{(filters.Length > 0 ? ", " : "")}}{name: router}]
                    route_config: { {{table}} name: local, virtual_hosts: [{name: all, domains: ["*"], routes: [{{routes}}]}]}
            """;
        var built = _server.Build(Requests.Node(yaml), ++_version);
        Assert.Empty(built.Errors);
        var result = await _server.PublishAsync(built.Snapshot!);
        Assert.True(result.Applied);
    }

    public async Task<Connection> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPEndPoint.Parse(_server.Listeners()[0].BoundAddress));
        return new Connection(socket);
    }

    /// <summary>One GET on a connection of its own; the whole response as text.</summary>
    public async Task<string> GetAsync(string path = "/", params string[] fields)
    {
        using var connection = await ConnectAsync();
        return await connection.SendAsync("GET", path, fields);
    }

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();

    internal sealed class Connection(Socket socket) : IDisposable
    {
        private readonly byte[] _buffer = new byte[64 * 1024];

        /// <summary>Sends a request and reads to the end of a response with content-length.</summary>
        public async Task<string> SendAsync(string method, string path, params string[] fields)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(Managed.TestKit.Eventually.Limit));
            string head = $"{method} {path} HTTP/1.1\r\nhost: h.com\r\n{string.Concat(fields.Select(f => f + "\r\n"))}\r\n";
            await socket.SendAsync(Encoding.Latin1.GetBytes(head), limit.Token);
            int length = 0;
            while (true)
            {
                int read = await socket.ReceiveAsync(_buffer.AsMemory(length), limit.Token);
                length += read;
                string text = Encoding.Latin1.GetString(_buffer, 0, length);
                int end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
                if (end >= 0 && ContentLength(text[..end]) is { } body && length >= end + 4 + body) return text;
                if (read == 0) return text;
            }
        }

        public void Dispose() => socket.Dispose();

        private static int? ContentLength(string head)
            => head.Split("\r\n").FirstOrDefault(l => l.StartsWith("content-length:", StringComparison.OrdinalIgnoreCase)) is { } line
            ? int.Parse(line[15..].Trim(), null) : null;
    }
}
