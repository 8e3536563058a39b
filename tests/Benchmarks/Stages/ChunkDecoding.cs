using System.Text;
using BenchmarkDotNet.Attributes;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Codecs.Http1;
using Managed.Proxy.Http.Headers;

namespace Managed.Benchmarks.Stages;

/// <summary>[4][7] One chunked body of eight KiB from the input buffer: in one chunk, and in sixty-four.</summary>
[MemoryDiagnoser]
public class ChunkDecoding
{
    private static readonly byte[] One = Encoding.ASCII.GetBytes("2000\r\n" + new string('x', 8192) + "\r\n0\r\n\r\n");
    private static readonly byte[] Many = Encoding.ASCII.GetBytes(
        string.Concat(Enumerable.Repeat("80\r\n" + new string('x', 128) + "\r\n", 64)) + "0\r\n\r\n");

    private readonly InputBuffer _input = new(new BufferPool(new MemoryBudget(long.MaxValue)));
    private readonly ChunkedDecoder _decoder = new();
    private readonly HeaderMap _trailers = new();

    [Benchmark]
    public int OneChunk() => Decode(One);

    [Benchmark]
    public int SixtyFourChunks() => Decode(Many);

    private int Decode(byte[] bytes)
    {
        bytes.CopyTo(_input.Space());
        _input.Filled(bytes.Length);
        _decoder.Begin(_trailers);
        int sum = 0;
        while (_decoder.Next(_input, out int length) == BodyResult.Data)
        {
            sum += length;
            _input.Consume(length);
        }
        return sum == 8192 ? sum : throw new InvalidOperationException("decoded " + sum);
    }
}
