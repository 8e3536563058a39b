using Managed.Proxy.Http.Codecs.Http2.Hpack;
using Xunit;

namespace Managed.Proxy.Tests.Http.Codecs.Http2.Hpack;

/// <summary>The examples of RFC 7541 appendix C: what is decoded, and how large the table is afterwards.</summary>
public sealed class HpackExamplesTests
{
    private static readonly string[] First = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
    private static readonly string[] Second = [.. First, "cache-control: no-cache"];
    private static readonly string[] Third =
        [":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"];

    private const string Location = "location: https://www.example.com", Date = "date: Mon, 21 Oct 2013 20:13:21 GMT";
    private static readonly string[] Found = [":status: 302", "cache-control: private", Date, Location];
    private static readonly string[] Temporary = [":status: 307", "cache-control: private", Date, Location];
    private static readonly string[] Good =
    [
        ":status: 200", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:22 GMT", Location, "content-encoding: gzip",
        "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
    ];

    [Theory]
    [InlineData("400a637573746f6d2d6b65790d637573746f6d2d686561646572", "custom-key: custom-header", 55)]
    [InlineData("040c2f73616d706c652f70617468", ":path: /sample/path", 0)]
    [InlineData("100870617373776f726406736563726574", "password: secret", 0)]
    [InlineData("82", ":method: GET", 0)]
    public void C2_Representations(string block, string field, int size)
    {
        var decoder = new HpackDecoder(HpackCodec.Pool());
        Assert.Equal([field], HpackCodec.Decode(decoder, Convert.FromHexString(block)));
        Assert.Equal(size, decoder.TableSize);
    }

    [Fact]
    public void C3_RequestsWithoutHuffman() => Check(4096, [First, Second, Third], [57, 110, 164],
    [
        "828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865",
        "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
    ]);

    [Fact]
    public void C4_RequestsWithHuffman() => Check(4096, [First, Second, Third], [57, 110, 164],
        ["828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf", "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"]);

    [Fact]
    public void C5_ResponsesWithoutHuffman_Evict() => Check(256, [Found, Temporary, Good], [222, 222, 215],
    [
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        "4803333037c1c0bf",
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
    ]);

    [Fact]
    public void C6_ResponsesWithHuffman_Evict() => Check(256, [Found, Temporary, Good], [222, 222, 215],
    [
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
        "4883640effc1c0bf",
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ]);

    // The same lists go out of our encoder and come back; what it makes of the first is what the RFC has, table and all.
    [Fact]
    public void OurEncoder_MakesOfTheFirstRequestWhatTheRfcHas()
        => Assert.Equal("828684418cf1e3c2e5f23a6ba0ab90f4ff",
            Convert.ToHexStringLower(HpackCodec.Encode(new HpackEncoder(HpackCodec.Pool()), First)));

    [Theory]
    [InlineData(5, 10, "0a")]
    [InlineData(5, 1337, "1f9a0a")]
    [InlineData(8, 42, "2a")]
    public void C1_Integers(int prefix, int value, string hex)
    {
        var to = new byte[6];
        int n = HpackInteger.Write(to, 0, prefix, value), at = 0;
        Assert.Equal(hex, Convert.ToHexStringLower(to.AsSpan(0, n)));
        Assert.True(HpackInteger.TryRead(to.AsSpan(0, n), ref at, prefix, out int back));
        Assert.Equal((n, value), (at, back));
    }

    private static void Check(int tableSize, string[][] lists, int[] sizes, string[] blocks)
    {
        var pool = HpackCodec.Pool();
        var decoder = new HpackDecoder(pool);
        decoder.SetLimit(tableSize);
        byte[] resize = new byte[6];
        int n = HpackInteger.Write(resize, 0x20, 5, tableSize);
        for (int i = 0; i < lists.Length; i++)
        {
            byte[] block = Convert.FromHexString(blocks[i]);
            if (i == 0 && tableSize != 4096) block = [.. resize.AsSpan(0, n), .. block];
            Assert.Equal(lists[i], HpackCodec.Decode(decoder, block));
            Assert.Equal(sizes[i], decoder.TableSize);
        }
        decoder.Release();
        Assert.Equal(0, pool.Used);
    }
}
