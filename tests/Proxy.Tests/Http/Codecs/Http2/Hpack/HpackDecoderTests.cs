using System.Text;
using Managed.Proxy.Http.Codecs.Http2.Hpack;
using Xunit;

namespace Managed.Proxy.Tests.Http.Codecs.Http2.Hpack;

public sealed class HpackDecoderTests
{
    private readonly HpackDecoder _decoder = new(HpackCodec.Pool());

    [Theory]
    [InlineData("80", "index 0")]
    [InlineData("be", "an index behind the table")]
    [InlineData("ffffffffff7f", "an index without end")]
    [InlineData("ff8080808000", "an index of too many bytes")]
    [InlineData("ff", "an index cut off")]
    [InlineData("40", "a literal without name")]
    [InlineData("4001", "a name cut off")]
    [InlineData("400161", "a literal without value")]
    [InlineData("40016105", "a value cut off")]
    [InlineData("4001617f", "a length cut off")]
    [InlineData("4001617fffffff7f", "a length behind the block")]
    [InlineData("7f0001", "a name index behind the table")]
    [InlineData("3fe21f", "a table larger than allowed")]
    [InlineData("8220", "a size behind a field")]
    [InlineData("40016182ffff", "padding of more than seven bits")]
    [InlineData("400161811e", "padding of zeroes: 'a' and 110")]
    [InlineData("40016184ffffffff", "the end-of-string symbol")]
    [InlineData("40016185ffffffffff", "the end-of-string symbol and more")]
    [InlineData("40016186fffffffcffff", "half a code and no end")]
    public void WhatIsNoBlock_IsAnError(string hex, string what)
        => Assert.True(HpackCodec.Decode(_decoder, Convert.FromHexString(hex)) is null, what);

    [Fact]
    public void SizeUpdates_EvictAndGoOn()
    {
        Assert.Equal(["a: b"], HpackCodec.Decode(_decoder, Convert.FromHexString("4001610162")));
        Assert.Equal(34, _decoder.TableSize);
        Assert.Equal(["a: b"], HpackCodec.Decode(_decoder, Convert.FromHexString("be")));
        Assert.Equal([], HpackCodec.Decode(_decoder, Convert.FromHexString("203fe11f")));
        Assert.Equal(0, _decoder.TableSize);
        Assert.Null(HpackCodec.Decode(_decoder, Convert.FromHexString("be")));
    }

    [Fact]
    public void FieldLargerThanTheTable_EmptiesItAndIsGivenOut()
    {
        HpackCodec.Decode(_decoder, Convert.FromHexString("4001610162"));
        byte[] large = [0x40, 1, (byte)'x', 0x7F, 0x81, 0x20, .. Enumerable.Repeat((byte)'y', 0x7F + 0x81 - 0x80 + (0x20 << 7))];
        Assert.Equal(["x: " + new string('y', 4224)], HpackCodec.Decode(_decoder, large));
        Assert.Equal(0, _decoder.TableSize);
    }

    // The name that is referred to is the one that adding evicts.
    [Fact]
    public void NameThatItsOwnFieldEvicts_IsStillTheName()
    {
        string name = new('n', 2000);
        var first = HpackCodec.Encode(new HpackEncoder(HpackCodec.Pool()), [$"{name}: {new string('v', 10)}"]);
        Assert.NotNull(HpackCodec.Decode(_decoder, first));
        Assert.NotNull(HpackCodec.Decode(_decoder, [0x40, 1, (byte)'z', 1, (byte)'z']));
        byte[] value = [.. Enumerable.Repeat((byte)'w', 2000)];
        // Index 63 as the name, with incremental indexing, a raw value of 2000 bytes.
        byte[] second = [0x7F, 0x00, 0x7F, 0xD1, 0x0E, .. value];
        Assert.Equal([$"{name}: {Encoding.ASCII.GetString(value)}"], HpackCodec.Decode(_decoder, second));
    }

    [Fact]
    public void AfterASmallerLimit_TheNextBlockMustSaySo()
    {
        _decoder.SetLimit(100);
        Assert.Null(HpackCodec.Decode(_decoder, [0x82]));
        var other = new HpackDecoder(HpackCodec.Pool());
        other.SetLimit(100);
        Assert.Equal([":method: GET"], HpackCodec.Decode(other, [0x3F, 100 - 31, 0x82]));
        Assert.Equal([":method: GET"], HpackCodec.Decode(other, [0x82]));
        Assert.Null(HpackCodec.Decode(other, [0x3F, 101 - 31, 0x82]));
    }

    // A small block that stands for megabytes is read without copying any of it.
    [Fact]
    public void Bomb_CostsWhatItsBytesCost()
    {
        var pool = HpackCodec.Pool();
        var decoder = new HpackDecoder(pool);
        byte[] block = [0x40, 1, (byte)'x', 0x7F, 0x81, 0x1E, .. Enumerable.Repeat((byte)'y', 0x7F + 1 + (0x1E << 7)),
            .. Enumerable.Repeat((byte)0xBE, 60_000)];
        long before = GC.GetAllocatedBytesForCurrentThread();
        int at = 0, count = 0;
        decoder.Begin();
        while (decoder.Next(block, ref at, out _) == HpackResult.Field) count++;
        Assert.Equal(60_001, count);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 64 * 1024);
        Assert.True(pool.Used < 64 * 1024);
    }
}
