using System.Text.Json;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.Formatting;
using Managed.Proxy.Tests.Http;
using Xunit;

namespace Managed.Proxy.Tests.Streams.Formatting;

public sealed class JsonTemplateTests
{
    [Fact]
    public void Types_AreKept()
        => Assert.Equal(
            """{"code":200,"ms":25,"port":1234,"method":"GET","mixed":"GET """
                + """200","none":null,"mixed_none":"a-","num":3,"yes":true,"nil":null,"in":{"ua":"curl","list":[10,"x"]}"""
                    + ""","meta":{"n":1.5,"l":[1,true,null]}}""",
            Write("""
                code: '%RESPONSE_CODE%'
                ms: '%DURATION%'
                port: '%DOWNSTREAM_REMOTE_PORT%'
                method: '%REQ(:METHOD)%'
                mixed: '%REQ(:METHOD)% %RESPONSE_CODE%'
                none: '%REQ(nope)%'
                mixed_none: 'a%REQ(nope)%'
                num: 3
                yes: true
                nil: null
                in: {ua: '%REQ(user-agent)%', list: ['%BYTES_RECEIVED%', x]}
                meta: '%DYNAMIC_METADATA(ns:map)%'
                """, FormatTemplateTests.Info(), omitEmpty: false));

    [Fact]
    public void NoFlags_AreADash() => Assert.Equal("""{"f":"-"}""",
        Write("{f: '%RESPONSE_FLAGS%', n: '%REQ(nope)%'}", new StreamInfo(), omitEmpty: true));

    [Fact]
    public void OmittedEmptyValues_LeaveMembersOut()
        => Assert.Equal("""{"b":"a","d":{}}""", Write("{a: '%REQ(nope)%', b: 'a%REQ(nope)%', c: '%DURATION%', d: {e: '%REQ(nope)%'}}",
            new StreamInfo(), omitEmpty: true));

    [Fact]
    public void CutValue_StaysAText() => Assert.Equal("""{"a":"/a"}""",
        Write("{a: '%REQ(:PATH):2%'}", FormatTemplateTests.Info(), omitEmpty: false));

    [Theory]
    [InlineData("\",\"admin\":true,\"x\":\"")]
    [InlineData("a\r\n{\"forged\":1}")]
    [InlineData("back\\slash \u0000\u0001\u007f \u2028 caf\u00e9")]
    public void InjectedValue_StaysOneText(string value)
    {
        string line = Write("{a: '%UPSTREAM_TRANSPORT_FAILURE_REASON%', b: 'x%UPSTREAM_TRANSPORT_FAILURE_REASON%'}",
            new StreamInfo { UpstreamFailure = value }, omitEmpty: false);
        Assert.DoesNotContain('\n', line);
        using var parsed = JsonDocument.Parse(line);
        Assert.Equal(["a", "b"], parsed.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Equal(value, parsed.RootElement.GetProperty("a").GetString());
        Assert.Equal("x" + value, parsed.RootElement.GetProperty("b").GetString());
    }

    [Fact]
    public void BrokenUtf8_StaysValidJson()
    {
        var headers = new HeaderMap();
        headers.Add("x"u8, [(byte)'a', 0xFF]);
        using var parsed = JsonDocument.Parse(Write("{a: '%REQ(x)%'}", new StreamInfo { RequestHeaders = headers }, omitEmpty: false));
        Assert.Equal("a\ufffd", parsed.RootElement.GetProperty("a").GetString());
    }

    [Fact]
    public void WrongOperators_AreAllReported()
    {
        var errors = new ConfigErrors();
        Assert.Null(JsonTemplate.Compile(Requests.Node("{a: '%NOPE%', b: {c: '%'}}"), errors, omitEmpty: false));
        Assert.Equal(["#/a", "#/b/c"], errors.Errors.Select(e => e.Pointer));
    }

    private static string Write(string yaml, StreamInfo info, bool omitEmpty)
    {
        var errors = new ConfigErrors();
        var template = JsonTemplate.Compile(Requests.Node(yaml), errors, omitEmpty);
        Assert.Empty(errors.Errors);
        var writer = new ByteWriter();
        template!.Write(writer, info);
        return writer.Text();
    }
}
