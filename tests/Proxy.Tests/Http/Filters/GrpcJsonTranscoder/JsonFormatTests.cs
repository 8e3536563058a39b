using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Filters.GrpcJsonTranscoder;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.GrpcJsonTranscoder;

/// <summary>The JSON format of protocol buffers, both ways.</summary>
public sealed class JsonFormatTests
{
    private static readonly DescriptorSet Types = DescriptorSet.Read(LibraryDescriptor.Bytes(), out _)!;

    [Theory]
    [InlineData("""{"name":"a","title":"\"q\" \\ \n \u0001 ü €"}""")]
    [InlineData("""{"author":{"name":"x","bornIn":"9223372036854775807"}}""")]
    [InlineData("""{"tags":["a","","b"],"ids":[1,-2,2147483647]}""")]
    [InlineData("""{"size":"LARGE","sizes":["SMALL","SIZE_UNKNOWN"]}""")]
    [InlineData("""{"counts":{"a":1,"b":-2}}""")]
    [InlineData("""{"printed":"2026-11-30T12:34:56.789Z"}""")]
    [InlineData("""{"printed":"1969-12-31T23:59:59.000000001Z"}""")]
    [InlineData("""{"cover":"/+8AAQ=="}""")]
    [InlineData("""{"price":1.5,"ratio":0.25}""")]
    [InlineData("""{"price":"NaN","ratio":"-Infinity"}""")]
    [InlineData("""{"pages":0}""")]
    [InlineData("""{"shift":-2147483648}""")]
    [InlineData("""{"rating":0}""")]
    [InlineData("""{"extra":{"a":null,"b":[1,"x",true,{"c":{}}],"d":-1.25}}""")]
    [InlineData("""{"sold":true,"big":"18446744073709551615","fixed":4294967295,"exact":"-9223372036854775808"}""")]
    [InlineData("""{"detail":{"@type":"type.googleapis.com/shop.Author","name":"n","bornIn":"7"}}""")]
    [InlineData("""{"detail":{"@type":"x/google.protobuf.Duration","value":"1.500s"}}""")]
    [InlineData("""{"reading":"-0.000000001s","mask":"author.bornIn,title"}""")]
    [InlineData("""{"next":{"next":{"title":"deep"}}}""")]
    [InlineData("{}")]
    public void Messages_ComeBackAsTheyWere(string json) => Assert.Equal(json, There(json, out string wire) ? Back(wire) : "refused");

    [Theory]
    [InlineData("""{"bornIn":5,"name":null}""", """{"bornIn":"5"}""", "shop.Author")]
    [InlineData("""{ "born_in" : "5" , "nobody" : [ { "x" : [ ] } , 1e5 ] }""", """{"bornIn":"5"}""", "shop.Author")]
    [InlineData("""{"bornIn":1.0}""", """{"bornIn":"1"}""", "shop.Author")]
    [InlineData("""{"bornIn":1e3}""", """{"bornIn":"1000"}""", "shop.Author")]
    [InlineData("""{"name":"\ud83d\ude00 \u00e4"}""", """{"name":"😀 ä"}""", "shop.Author")]
    [InlineData("""{"size":2}""", """{"size":"SMALL"}""")]
    [InlineData("""{"size":99}""", """{"size":99}""")]
    [InlineData("""{"printed":"2026-11-30T12:00:00+02:00"}""", """{"printed":"2026-11-30T10:00:00Z"}""")]
    [InlineData("""{"cover":"_-8"}""", """{"cover":"/+8="}""")]
    [InlineData("""{"detail":{"name":"n","@type":"t/shop.Author"}}""", """{"detail":{"@type":"t/shop.Author","name":"n"}}""")]
    public void OtherSpellings_AreRead(string json, string canonical, string type = "shop.Book")
        => Assert.Equal(canonical, There(json, out string wire, type) ? Back(wire, type) : "refused");

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"name":1}""")]
    [InlineData("""{"name":"a"}x""")]
    [InlineData("""{"name":"\ud83d"}""")]
    [InlineData("{\"name\":\"a\u0001\"}")]
    [InlineData("""{"name":"a",}""")]
    [InlineData("""{"ids":[2147483648]}""")]
    [InlineData("""{"ids":[1.5]}""")]
    [InlineData("""{"ids":[01]}""")]
    [InlineData("""{"ids":1}""")]
    [InlineData("""{"big":-1}""")]
    [InlineData("""{"big":"x"}""")]
    [InlineData("""{"sold":"true"}""")]
    [InlineData("""{"size":"HUGE"}""")]
    [InlineData("""{"cover":"!"}""")]
    [InlineData("""{"printed":"yesterday"}""")]
    [InlineData("""{"printed":"2026-11-30T12:00:00"}""")]
    [InlineData("""{"reading":"1"}""")]
    [InlineData("""{"detail":{"name":"n"}}""")]
    [InlineData("""{"detail":{"@type":"t/shop.Nobody"}}""")]
    [InlineData("""{"counts":{"a":"b"}}""")]
    [InlineData("""{"price":1e999}""")]
    [InlineData("""{"price":.5}""")]
    [InlineData("""{"author":[]}""")]
    public void WhatIsNone_IsRefused(string json) => Assert.False(There(json, out _));

    [Fact]
    public void Depth_IsBounded()
    {
        string Deep(int levels) => string.Concat(Enumerable.Repeat("""{"next":""", levels)) + "{}" + new string('}', levels);
        Assert.True(There(Deep(60), out string wire));
        Assert.Equal(Deep(60), Back(wire));
        Assert.False(There(Deep(100), out _));
        Assert.False(There("""{"extra":{"a":""" + new string('[', 5000) + new string(']', 5000) + "}}", out _));
        Assert.False(There("""{"nobody":""" + new string('[', 50_000), out _));
    }

    [Fact]
    public void PrintOptions_ChangeHowItLooks()
    {
        Assert.True(There("""{"author":{"bornIn":5},"size":"LARGE","tags":["a"]}""", out string wire));

        Assert.Equal("{\n \"author\": {\n  \"born_in\": \"5\"\n },\n \"tags\": [\n  \"a\"\n ],\n \"size\": 1\n}",
            Back(wire, print: new JsonPrint(true, false, true, true)));
        Assert.True(There("{}", out wire, "shop.Author"));
        Assert.Equal("""{"name":"","bornIn":"0"}""", Back(wire, "shop.Author", new JsonPrint(false, true, false, false)));
    }

    [Fact]
    public void PackedAndUnpacked_AreTheSame()
    {
        string packed = "\x62\x03\x01\x02\x03", single = "\x60\x01\x60\x02\x60\x03"; // field 12
        Assert.Equal("""{"ids":[1,2,3]}""", Back(packed));
        Assert.Equal("""{"ids":[1,2,3]}""", Back(single));
        Assert.Equal("""{"ids":[1,2,3,1,2,3]}""", Back(packed + single));
    }

    [Theory]
    [InlineData("\x0a\x05x")]
    [InlineData("\x0b")]
    [InlineData("\x1a\x02\x0a\x09")]
    public void BrokenMessages_AreNone(string wire) => Assert.Null(Back(wire));

    private static bool There(string json, out string wire, string type = "shop.Book")
    {
        var into = new ByteWriter();
        bool ok = new JsonToProto(Types, false).TryMessage(Encoding.UTF8.GetBytes(json), Types.Messages[type], into, out string wrong);
        Assert.Equal(ok, wrong.Length == 0);
        wire = Encoding.Latin1.GetString(into.Written);
        return ok;
    }

    private static string? Back(string wire, string type = "shop.Book", JsonPrint? print = null)
    {
        var into = new ByteWriter();
        return new ProtoToJson(Types, print ?? new JsonPrint(false, false, false, false))
            .TryWrite(Encoding.Latin1.GetBytes(wire), Types.Messages[type], into) ? Encoding.UTF8.GetString(into.Written) : null;
    }
}
