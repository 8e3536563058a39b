using System.Net;
using BenchmarkDotNet.Attributes;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.AccessLog;

namespace Managed.Benchmarks.Stages;

/// <summary>One line of the default access log.</summary>
[MemoryDiagnoser]
public class AccessLogLine
{
    private readonly LogFormat _format = LogFormat.Compile(null, null, new ConfigErrors(), null)!;
    private readonly ByteWriter _line = new(4096);
    private readonly StreamInfo _info = Info();

    [Benchmark]
    public int Default()
    {
        _line.Clear();
        _info.StartWallClock += 137; // time goes on from line to line
        _format.Write(_line, _info);
        return _line.Length;
    }

    private static StreamInfo Info()
    {
        var request = new HeaderMap();
        request.Add(":method", "GET");
        request.Add(":authority", "www.example.test");
        request.Add(":path", "/some/path?query=1");
        request.Add("user-agent", "bench/1.0");
        request.Add("x-request-id", "01234567-89ab-4def-8123-456789abcdef");
        return new StreamInfo
        {
            RequestHeaders = request, ResponseHeaders = new HeaderMap(), ResponseTrailers = new HeaderMap(), Protocol = HttpProtocol.Http11,
            ResponseCode = 200, Details = "via_upstream",
            StartTime = 1_000_000, UpstreamFirstByte = 1_010_000, EndTime = 1_025_900, StartWallClock = 1_709_211_845_678_901,
            BytesSent = 64,
            RemoteAddress = new IPEndPoint(IPAddress.Loopback, 40000), UpstreamHost = "127.0.0.1:8080", UpstreamCluster = "up",
        };
    }
}
