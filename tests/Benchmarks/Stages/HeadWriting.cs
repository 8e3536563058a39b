using BenchmarkDotNet.Attributes;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Codecs.Http1;
using Managed.Proxy.Http.Headers;

namespace Managed.Benchmarks.Stages;

/// <summary>[4][7] A head into the bytes that are sent; nothing is sent.</summary>
[MemoryDiagnoser]
public class HeadWriting
{
    private readonly MessageWriter _writer = new(new BufferPool(new MemoryBudget(long.MaxValue)));
    private readonly HeaderMap _request = new(), _response = new();

    public HeadWriting()
    {
        foreach (var (name, value) in new[] { (":method", "GET"), (":authority", "www.example.test"), (":path", "/some/path"),
            (":scheme", "http"), ("user-agent", "bench/1.0"), ("accept", "*/*"),
            ("x-forwarded-proto", "http"), ("x-request-id", "01234567-89ab-4def-8123-456789abcdef"),
                ("x-envoy-expected-rq-timeout-ms", "15000") }) _request.Add(name, value);
        foreach (var (name, value) in new[] { (":status", "200"), ("server", "managed"), ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("content-type", "text/plain"), ("content-length", "64"),
            ("x-envoy-upstream-service-time", "1") }) _response.Add(name, value);
    }

    [Benchmark]
    public long Request()
    {
        _writer.Begin(null!);
        _writer.RequestHead(_request, -1, chunked: false, upgrade: false);
        return _writer.HeadBytes;
    }

    [Benchmark]
    public long Response()
    {
        _writer.Begin(null!);
        _writer.ResponseHead(_response, 200, 64, chunked: false, default);
        return _writer.HeadBytes;
    }
}
