using System.IO.Compression;
using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Compression;
using Xunit;
using BrotliDecoder = Managed.Proxy.Core.Compression.BrotliDecoder;
using BrotliEncoder = Managed.Proxy.Core.Compression.BrotliEncoder;
using Decoder = Managed.Proxy.Core.Compression.Decoder;
using Encoder = Managed.Proxy.Core.Compression.Encoder;

namespace Managed.Proxy.Tests.Core.Compression;

public sealed class CodecTests
{
    private static readonly byte[] Text = Encoding.UTF8.GetBytes(
        string.Concat(Enumerable.Range(0, 3000).Select(i => $"line {i * 7919 % 997}\n")));

    private static Encoder NewEncoder(string kind) => kind switch
    {
        "gzip" => new GzipEncoder(-1, 12, 5, 0),
        "gzip-9" => new GzipEncoder(9, 15, 9, 1),
        "gzip-small" => new GzipEncoder(1, 9, 1, 2),
        "br" => new BrotliEncoder(new(0, 3, 18, 24, false)),
        "br-11" => new BrotliEncoder(new(1, 11, 24, 16, true)),
        "zstd" => new ZstdEncoder(3, false, 0),
        _ => new ZstdEncoder(9, true, 4),
    };

    private static Decoder NewDecoder(string kind) => kind[0] switch
    {
        'g' => new GzipDecoder(15), 'b' => new BrotliDecoder(), _ => new ZstdDecoder(),
    };

    private static byte[] Encode(Encoder encoder, byte[] message, int piece)
    {
        encoder.Reset();
        var to = new ByteWriter();
        for (int at = 0; at < message.Length; at += piece)
            encoder.Write(message.AsSpan(at, Math.Min(piece, message.Length - at)), to, end: false);
        encoder.Write([], to, end: true);
        return to.Written.ToArray();
    }

    private static byte[] ByOthers(string kind, byte[] message)
    {
        var to = new MemoryStream();
        if (kind[0] == 'z')
        {
            using var zstd = new ZstdSharp.Decompressor();
            using var stream = new ZstdSharp.DecompressionStream(new MemoryStream(message));
            stream.CopyTo(to);
        }
        else
        {
            using Stream stream = kind[0] == 'g' ? new GZipStream(new MemoryStream(message), CompressionMode.Decompress)
                : new BrotliStream(new MemoryStream(message), CompressionMode.Decompress);
            stream.CopyTo(to);
        }
        return to.ToArray();
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("gzip-9")]
    [InlineData("gzip-small")]
    [InlineData("br")]
    [InlineData("br-11")]
    [InlineData("zstd")]
    [InlineData("zstd-9")]
    public void Messages_AreReadByOthersAndByUs_HoweverOftenAContextIsUsed(string kind)
    {
        using var encoder = NewEncoder(kind);
        using var decoder = NewDecoder(kind);
        foreach (int piece in new[] { 100_000, 1000, 7919, 20_000 })
        {
            byte[] message = piece == 1000 ? [] : Text, encoded = Encode(encoder, message, piece);
            Assert.Equal(message, ByOthers(kind, encoded));
            decoder.Reset();
            var decoded = new ByteWriter();
            for (int at = 0; at < encoded.Length; at += piece)
                Assert.True(decoder.TryWrite(encoded.AsSpan(at, Math.Min(piece, encoded.Length - at)), decoded, 1 << 20));
            Assert.True(decoder.IsWhole);
            Assert.Equal(message, decoded.Written.ToArray());
            // Given up in the middle: nothing of it comes into the next message.
            encoder.Reset();
            encoder.Write("left behind"u8, new ByteWriter(), end: false);
        }
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("zstd")]
    public void Piece_CanBeReadAtOnce(string kind)
    {
        using var encoder = NewEncoder(kind);
        using var decoder = NewDecoder(kind);
        decoder.Reset();
        encoder.Reset();
        var (wire, read) = (new ByteWriter(), new ByteWriter());
        for (int i = 0; i < 5; i++)
        {
            wire.Clear();
            read.Clear();
            encoder.Write(Encoding.ASCII.GetBytes($"event {i}"), wire, end: false);
            Assert.True(decoder.TryWrite(wire.Written, read, 1000));
            Assert.Equal($"event {i}", Encoding.ASCII.GetString(read.Written));
            Assert.False(decoder.IsWhole);
        }
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("zstd")]
    public void Bomb_IsStoppedAtItsBound(string kind)
    {
        using var encoder = NewEncoder(kind);
        byte[] bomb = Encode(encoder, new byte[8 << 20], 1 << 20);
        using var decoder = NewDecoder(kind);
        decoder.Reset();
        var to = new ByteWriter();
        decoder.TryWrite(bomb, to, 100_000);
        Assert.InRange(to.Length, 100_001, 100_000 + 3 * 16 * 1024);
        // And the context is as good as new.
        decoder.Reset();
        to.Clear();
        Assert.True(decoder.TryWrite(Encode(encoder, Text, 1000), to, 1 << 20) && decoder.IsWhole);
        Assert.Equal(Text, to.Written.ToArray());
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("zstd")]
    public void BrokenBytes_AreRefusedOrUnfinished(string kind)
    {
        using var encoder = NewEncoder(kind);
        byte[] message = Encode(encoder, Text, 5000);
        using var decoder = NewDecoder(kind);
        var random = new Random(7);
        var to = new ByteWriter();
        for (int i = 0; i < 300; i++)
        {
            byte[] broken = (byte[])message.Clone();
            for (int n = 0; n < 3; n++) broken[random.Next(broken.Length)] ^= (byte)(1 << random.Next(8));
            int length = random.Next(broken.Length + 1);
            decoder.Reset();
            to.Clear();
            bool read = decoder.TryWrite(broken.AsSpan(0, length), to, 1 << 20);
            Assert.InRange(to.Length, 0, (1 << 20) + 3 * 16 * 1024);
            if (read && decoder.IsWhole && kind == "gzip" && length > 0) Assert.Equal(Text, to.Written.ToArray()); // it has a check sum
        }
    }

    [Fact]
    public void Members_FollowEachOtherAndWindowsAreBounded()
    {
        using var encoder = NewEncoder("gzip");
        byte[] two = [.. Encode(encoder, Text, 5000), .. Encode(encoder, Text, 100)];
        using var decoder = NewDecoder("gzip");
        decoder.Reset();
        var to = new ByteWriter();
        for (int at = 0; at < two.Length; at += 100)
            Assert.True(decoder.TryWrite(two.AsSpan(at, Math.Min(100, two.Length - at)), to, 1 << 20));
        Assert.True(decoder.IsWhole);
        Assert.Equal(2 * Text.Length, to.Length);

        // A frame that asks for a window of 128 MiB (RFC 8878 section 3.1.1.1.2: 2^(10 + 17)).
        using var zstd = NewDecoder("zstd");
        zstd.Reset();
        Assert.False(zstd.TryWrite([0x28, 0xB5, 0x2F, 0xFD, 0x00, 17 << 3, 1, 0, 0], to, 1000));
    }
}
