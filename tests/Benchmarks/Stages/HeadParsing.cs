using System.Text;
using BenchmarkDotNet.Attributes;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Codecs.Http1;
using Managed.Proxy.Http.Headers;

namespace Managed.Benchmarks.Stages;

/// <summary>
/// [4] One request head from the input buffer into a header map; the copy into the buffer is part of it, as the kernel's would be.
/// </summary>
[MemoryDiagnoser]
public class HeadParsing
{
    private static readonly byte[] Short = Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n");
    private static readonly byte[] Browser = Encoding.ASCII.GetBytes(
        "GET /assets/app.js?v=12 HTTP/1.1\r\nHost: www.example.test\r\nConnection: keep-alive\r\nUser-Agent: Mozilla/5.0 (X11; Linux "
            + "x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36\r\n"
        + "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Encoding: gzip, deflate, "
            + "br\r\nAccept-Language: en-GB,en;q=0.9\r\nCache-Control: no-cache\r\n"
        + "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\nReferer: https://www.example.test/\r\nSec-Fetch-Dest: "
            + "script\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Site: same-origin\r\n\r\n");

    private readonly InputBuffer _input = new(new BufferPool(new MemoryBudget(long.MaxValue)));
    private readonly RequestHead _head = new() { Scheme = "http"u8.ToArray() };
    private readonly HeaderMap _headers = new();

    [Benchmark]
    public bool OneField() => Read(Short);

    [Benchmark]
    public bool TwelveFields() => Read(Browser);

    private bool Read(byte[] bytes)
    {
        bytes.CopyTo(_input.Space());
        _input.Filled(bytes.Length);
        _head.Begin(_headers);
        return _head.Read(_input) == HeadResult.Done ? true : throw new InvalidOperationException("not a head");
    }
}
