using System.Security.Cryptography;
using Managed.Proxy.Core.Tls;
using Xunit;

namespace Managed.Proxy.Tests.Core.Tls;

public sealed class ClientHelloTests
{
    [Fact]
    public void WholeHello_TellsNameProtocolsAndVersion()
    {
        var hello = Read(HelloBytes.Records(HelloBytes.Message("WWW.Example.test", ["h2", "http/1.1"])));
        Assert.Equal("www.example.test", hello.ServerName);
        Assert.Equal(["h2", "http/1.1"], hello.Alpn);
        Assert.Equal(0x0304, hello.Version);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(100)]
    public void HelloInManyRecords_IsTheSame(int recordLength)
    {
        byte[] message = HelloBytes.Message("split.test", ["h2"]);
        Assert.Equal("split.test", Read(HelloBytes.Records(message, recordLength)).ServerName);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    public void HelloByteByByte_NeedsMoreUntilItsLast(int recordLength)
    {
        byte[] bytes = HelloBytes.Records(HelloBytes.Message("slow.test", []), recordLength);
        var reader = new ClientHelloReader(ClientHelloReader.MaxLength);
        for (int n = 0; n < bytes.Length; n++) Assert.Equal(HelloStatus.NeedMore, reader.Read(bytes.AsSpan(0, n), out _));
        Assert.Equal(HelloStatus.Done, reader.Read(bytes, out var hello));
        Assert.Equal("slow.test", hello!.ServerName);
    }

    [Fact]
    public void LargeHello_IsReadUpToTheLimit()
    {
        Assert.Equal("large.test", Read(HelloBytes.Records(HelloBytes.Message("large.test", [], padding: 16_000))).ServerName);
        var reader = new ClientHelloReader(ClientHelloReader.MaxLength);
        Assert.Equal(HelloStatus.TooLong, reader.Read(HelloBytes.Records(HelloBytes.Message("large.test", [], padding: 17_000)), out _));
        // Its head is enough to know.
        var early = new ClientHelloReader(ClientHelloReader.MaxLength);
        Assert.Equal(HelloStatus.TooLong, early.Read(HelloBytes.Records(HelloBytes.Message("large.test", [], padding: 17_000)).AsSpan(0, 9),
            out _));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n")]
    [InlineData("\u0016GET")]
    [InlineData("\u0016\u0003\u0001\0\0")]
    [InlineData("\u0016\u0003\u0001\0\u0005\u0002")]
    public void OtherBytes_AreNoTls(string text)
    {
        var reader = new ClientHelloReader(ClientHelloReader.MaxLength);
        Assert.Equal(HelloStatus.NotTls, reader.Read(System.Text.Encoding.Latin1.GetBytes(text), out _));
    }

    [Theory]
    [InlineData("a\0b.test")]
    [InlineData("a b.test")]
    [InlineData("ä.test")]
    [InlineData("")]
    public void StrangeServerName_IsMalformed(string name)
    {
        var reader = new ClientHelloReader(ClientHelloReader.MaxLength);
        Assert.Equal(HelloStatus.Malformed, reader.Read(HelloBytes.Records(HelloBytes.Message(name, [])), out _));
    }

    // The example of JA3's authors: "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0".
    [Fact]
    public void Ja3_IsItsAuthorsExample()
    {
        byte[] message = HelloBytes.Message("example.test", [], version: 0x0301,
            ciphers: [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4], groups: [23, 24, 25], pointFormats: [0], modern: false);
        Assert.Equal("ada70206e40642a3e4461f35503241d5", Read(HelloBytes.Records(message)).Ja3);
    }

    // A Chrome hello in the document of JA4's authors: t13d1516h2_8daaf6152771_e5627efa2ab1.
    [Fact]
    public void Ja4_IsItsAuthorsExample()
    {
        byte[] message = HelloBytes.Raw(0x0303, [0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
            0xc014, 0x009c, 0x009d, 0x002f, 0x0035],
        [
            (0x1a1a, []), (0x001b, [2, 0, 2]), (0x0000, HelloBytes.Sni("example.test")), (0x0033, []),
            (0x0010, HelloBytes.Alpn(["h2", "http/1.1"])), (0x4469, []),
            (0x0017, []), (0x002d, [1, 1]), (0x000d, HelloBytes.List(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)),
            (0x0005, []), (0x0023, []), (0x0012, []),
            (0x002b, [6, 0x0a, 0x0a, 3, 4, 3, 3]), (0xff01, [0]), (0x000b, [1, 0]), (0x000a, HelloBytes.List(0x0a0a, 29, 23, 24)),
            (0x0015, [0, 0]),
        ]);
        Assert.Equal("t13d1516h2_8daaf6152771_e5627efa2ab1", Read(HelloBytes.Records(message)).Ja4);
    }

    [Fact]
    public void Ja4WithoutAnything_HasItsZeros()
    {
        byte[] message = HelloBytes.Raw(0x0303, [0x002f], []);
        Assert.StartsWith("t12i010000_", Read(HelloBytes.Records(message)).Ja4, StringComparison.Ordinal);
        Assert.EndsWith("_000000000000", Read(HelloBytes.Records(message)).Ja4, StringComparison.Ordinal);
    }

    /// <summary>Whatever comes, in whatever pieces: a verdict, no exception, and the same verdict as for the whole.</summary>
    [Fact]
    public void MutatedHellos_AlwaysEndInAVerdict()
    {
        var random = new Random(14);
        var verdicts = new Dictionary<HelloStatus, int>();
        for (int round = 0; round < 10_000; round++)
        {
            byte[] bytes = HelloBytes.Records(HelloBytes.Message($"host{round}.test", round % 2 == 0 ? ["h2", "http/1.1"] : [],
                padding: round % 50), 1 + random.Next(300));
            for (int flips = random.Next(4); flips > 0; flips--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (random.Next(4) == 0) bytes = bytes[..random.Next(bytes.Length)];
            var whole = new ClientHelloReader(ClientHelloReader.MaxLength);
            var verdict = whole.Read(bytes, out var hello, ja3: true, ja4: true);
            verdicts[verdict] = verdicts.GetValueOrDefault(verdict) + 1;
            var pieces = new ClientHelloReader(ClientHelloReader.MaxLength);
            var last = HelloStatus.NeedMore;
            ClientHello? found = null;
            for (int n = 0; last == HelloStatus.NeedMore && n < bytes.Length;)
                last = pieces.Read(bytes.AsSpan(0, n = Math.Min(bytes.Length, n + 1 + random.Next(80))), out found, ja3: true, ja4: true);
            if (bytes.Length == 0) continue;
            Assert.Equal(verdict, last);
            Assert.Equal(hello?.Ja4, found?.Ja4);
        }
        Assert.True(verdicts.Count >= 4, string.Join(' ', verdicts));
    }

    [Fact]
    public void RandomBytes_AlwaysEndInAVerdict()
    {
        byte[] bytes = new byte[2000];
        for (int round = 0; round < 10_000; round++)
        {
            RandomNumberGenerator.Fill(bytes);
            (bytes[0], bytes[1], bytes[3], bytes[5]) = (22, 3, (byte)(bytes[3] & 7), 1);
            var reader = new ClientHelloReader(ClientHelloReader.MaxLength);
            Assert.True(Enum.IsDefined(reader.Read(bytes.AsSpan(0, round % bytes.Length), out _)));
        }
    }

    private static ClientHello Read(byte[] bytes)
    {
        var reader = new ClientHelloReader(ClientHelloReader.MaxLength);
        Assert.Equal(HelloStatus.Done, reader.Read(bytes, out var hello, ja3: true, ja4: true));
        return hello!;
    }
}
