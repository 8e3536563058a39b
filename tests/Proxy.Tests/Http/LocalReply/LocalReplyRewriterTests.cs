using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.LocalReply;
using Managed.Proxy.Streams;
using Xunit;

namespace Managed.Proxy.Tests.Http.LocalReply;

public sealed class LocalReplyRewriterTests
{
    private const string Config = """
        mappers:
        - filter: {status_code_filter: {comparison: {op: EQ, value: {default_value: 503}}}}
          status_code: 599
          body: {inline_string: mapped}
          headers_to_add: [{header: {key: x-mapped, value: '%RESPONSE_CODE%'}}]
        - filter: {response_flag_filter: {flags: [RL]}}
          body_format_override: {text_format: 'own %LOCAL_REPLY_BODY%', content_type: text/html}
        - filter: {header_filter: {header: {name: x-plain}}}
          status_code: 200
        body_format: {json_format: {status: '%RESPONSE_CODE%', text: '%LOCAL_REPLY_BODY%', path: '%REQ(:PATH)%'}}
        """;

    [Theory]
    [InlineData(503, ResponseFlags.None, 599, "{\"status\":599,\"text\":\"mapped\",\"path\":\"/a\\\"b\"}\n", "application/json", "599")]
    [InlineData(429, ResponseFlags.RateLimited, 429, "own was", "text/html", "")]
    [InlineData(404, ResponseFlags.None, 404, "{\"status\":404,\"text\":\"was\",\"path\":\"/a\\\"b\"}\n", "application/json", "")]
    public void FirstMapper_AndTheFormatApply(int status, ResponseFlags flags, int newStatus, string newBody, string contentType,
        string mapped)
    {
        var response = Requests.Fields("content-type: text/plain");
        var info = new StreamInfo { RequestHeaders = Requests.Get("h", "/a\"b"), ResponseHeaders = response, Flags = flags };
        var body = new ByteWriter();
        body.Write("was"u8);
        Build(Config)!.Rewrite(response, info, ref status, body);
        Assert.Equal((newStatus, newBody, contentType, mapped),
            (status, body.Text(), response.All("content-type"), response.All("x-mapped")));
        Assert.Equal(newStatus, info.ResponseCode);
    }

    [Fact]
    public void NoConfiguration_IsNoRewriter() => Assert.Null(LocalReplyRewriter.Build(null, new ConfigErrors()));

    [Fact]
    public void WrongParts_AreAllReported()
    {
        var errors = new ConfigErrors();
        var config = Requests.Bind<LocalReplyConfig>(
            "{mappers: [{filter: {response_flag_filter: {flags: [XX]}}, body_format_override: {text_format: '%NO%'}}], body_format: "
                + "{text_format: '%'}}");
        Assert.Null(LocalReplyRewriter.Build(config, errors));
        Assert.Equal(["#/mappers/0/filter/response_flag_filter/flags/0", "#/mappers/0/body_format_override/text_format",
            "#/body_format/text_format"], errors.Errors.Select(e => e.Pointer));
    }

    private static LocalReplyRewriter? Build(string yaml)
    {
        var errors = new ConfigErrors();
        var built = LocalReplyRewriter.Build(Requests.Bind<LocalReplyConfig>(yaml), errors);
        Assert.Empty(errors.Errors);
        return built;
    }
}
