using BenchmarkDotNet.Attributes;
using Managed.Proxy.Http.Headers;

namespace Managed.Benchmarks.Stages;

/// <summary>Reading and writing a header map of a usual request.</summary>
[MemoryDiagnoser]
public class HeaderAccess
{
    private readonly HeaderMap _headers = new();

    public HeaderAccess() => Fill();

    [Benchmark]
    public int GetKnown() => _headers.Get(HeaderId.UserAgent).Length;

    [Benchmark]
    public bool GetByName() => _headers.TryGet("x-custom"u8, out _);

    [Benchmark]
    public void SetKnown() => _headers.Set(HeaderId.XForwardedProto, "https"u8);

    [Benchmark]
    public void SetByName() => _headers.Set("x-custom"u8, "1"u8);

    [Benchmark]
    public int FillEight()
    {
        _headers.Clear();
        Fill();
        return _headers.Count;
    }

    private void Fill()
    {
        _headers.Add(HeaderId.Method, "GET"u8);
        _headers.Add(HeaderId.Authority, "www.example.test"u8);
        _headers.Add(HeaderId.Path, "/some/path"u8);
        _headers.Add(HeaderId.Scheme, "http"u8);
        _headers.Add("user-agent"u8, "bench/1.0"u8);
        _headers.Add("accept"u8, "*/*"u8);
        _headers.Add("x-custom"u8, "2"u8);
        _headers.Add(HeaderId.XForwardedProto, "https"u8);
    }
}
