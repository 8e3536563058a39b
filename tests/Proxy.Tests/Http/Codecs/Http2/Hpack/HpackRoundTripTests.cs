using Managed.Proxy.Http.Codecs.Http2.Hpack;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Codecs.Http2.Hpack;

/// <summary>Random field lists through our encoder and decoder, and through those of nghttp2, in every pairing.</summary>
public sealed class HpackRoundTripTests
{
    [Theory]
    [InlineData(1, 4096, 4096)]
    [InlineData(2, 4096, 0)]
    [InlineData(3, 256, 4096)]
    [InlineData(4, 65536, 65536)]
    [InlineData(5, 100, 100)]
    public void OurEncoder_OurDecoder(int seed, int ours, int peers)
    {
        var pool = HpackCodec.Pool();
        var encoder = new HpackEncoder(pool) { MaxTableSize = ours };
        var decoder = new HpackDecoder(pool);
        encoder.SetPeerLimit(peers);
        decoder.SetLimit(peers);
        var random = new Random(seed);
        for (int i = 0; i < 2000; i++)
        {
            var list = RandomLists.Next(random);
            Assert.Equal(list, HpackCodec.Decode(decoder, HpackCodec.Encode(encoder, list)));
            Assert.InRange(decoder.TableSize, 0, Math.Min(ours, peers));
            if (random.Next(200) != 0) continue;
            // The peer changes its mind, twice before the next block.
            int last = random.Next(peers + 1);
            encoder.SetPeerLimit(random.Next(peers + 1));
            encoder.SetPeerLimit(last);
        }
        encoder.Release();
        decoder.Release();
        Assert.Equal(0, pool.Used);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public void OurEncoder_TheirDecoder(int seed, bool huffman)
    {
        Assert.SkipUnless(Nghttp2Hpack.IsThere, "libnghttp2 is not installed");
        var encoder = new HpackEncoder(HpackCodec.Pool()) { UsesHuffman = huffman };
        using var theirs = new Nghttp2Hpack();
        var random = new Random(seed);
        for (int i = 0; i < 2000; i++)
        {
            var list = RandomLists.Next(random);
            Assert.Equal(list, theirs.Inflate(HpackCodec.Encode(encoder, list)));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void TheirEncoder_OurDecoder(int seed)
    {
        Assert.SkipUnless(Nghttp2Hpack.IsThere, "libnghttp2 is not installed");
        var decoder = new HpackDecoder(HpackCodec.Pool());
        using var theirs = new Nghttp2Hpack();
        var random = new Random(seed);
        for (int i = 0; i < 2000; i++)
        {
            var list = RandomLists.Next(random);
            Assert.Equal(list, HpackCodec.Decode(decoder, theirs.Deflate([.. list.Select(HpackCodec.Split)])));
        }
    }

    [Fact]
    public void EveryByte_HuffmanThereAndBack()
    {
        var random = new Random(1);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] text = new byte[i < 256 ? 1 : random.Next(60)];
            random.NextBytes(text);
            if (i < 256) text[0] = (byte)i;
            byte[] coded = new byte[Huffman.EncodedLength(text) + 4];
            int n = Huffman.Encode(text, coded);
            Assert.Equal(Huffman.EncodedLength(text), n);
            byte[] back = new byte[Huffman.MaxDecoded(n)];
            Assert.Equal(text.Length, Huffman.Decode(coded.AsSpan(0, n), back));
            Assert.Equal(text, back[..text.Length]);
        }
    }

    [Fact]
    public void Secrets_AreNeverIndexed_AndWhatDiffersEachTimeLeavesTheTable()
    {
        var encoder = new HpackEncoder(HpackCodec.Pool());
        string[] list = ["authorization: Basic abc", "cookie: short=1", "proxy-authorization: x", "set-cookie: a=b", "content-length: 17",
            "traceparent: 00-1"];
        byte[] first = HpackCodec.Encode(encoder, list), second = HpackCodec.Encode(encoder, list);
        Assert.Equal(first, second);
        Assert.Equal(0, encoder.TableSize);
        Assert.Equal(0x1F, first[0]); // never indexed, a name of the static table
        string[] usual = ["server: managed", "x-app: 1"];
        Assert.True(HpackCodec.Encode(encoder, usual).Length > 10);
        Assert.Equal(2, HpackCodec.Encode(encoder, usual).Length);
    }
}
