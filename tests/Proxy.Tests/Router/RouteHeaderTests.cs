using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;
using Managed.Proxy.Tests.Http;
using Xunit;

namespace Managed.Proxy.Tests.Router;

public sealed class RouteHeaderTests
{
    private static string Levels(string mostSpecific, string action) => $$"""
        most_specific_header_mutations_wins: {{mostSpecific}}
        request_headers_to_add: [{header: {key: x, value: table}, append_action: {{action}}}]
        response_headers_to_add: [{header: {key: x, value: table}, append_action: {{action}}}]
        virtual_hosts:
        - name: v
          domains: ['*']
          request_headers_to_add: [{header: {key: x, value: host}, append_action: {{action}}}]
          response_headers_to_add: [{header: {key: x, value: host}, append_action: {{action}}}]
          routes:
          - match: {prefix: /}
            request_headers_to_add: [{header: {key: x, value: route}, append_action: {{action}}}]
            response_headers_to_add: [{header: {key: x, value: route}, append_action: {{action}}}]
            route:
              weighted_clusters:
                clusters:
                - name: a
                  weight: 1
                  request_headers_to_add: [{header: {key: x, value: cluster}, append_action: {{action}}}]
                  response_headers_to_add: [{header: {key: x, value: cluster}, append_action: {{action}}}]
        """;

    [Theory]
    [InlineData("false", "APPEND_IF_EXISTS_OR_ADD", "own|cluster|route|host|table")]
    [InlineData("true", "APPEND_IF_EXISTS_OR_ADD", "own|table|host|route|cluster")]
    [InlineData("false", "OVERWRITE_IF_EXISTS_OR_ADD", "table")]
    [InlineData("true", "OVERWRITE_IF_EXISTS_OR_ADD", "cluster")]
    [InlineData("false", "OVERWRITE_IF_EXISTS", "table")]
    [InlineData("false", "ADD_IF_ABSENT", "own")]
    public void Levels_ApplyInEnvoysOrder(string mostSpecific, string action, string expected)
    {
        var request = Requests.Get("h", "/", "x: own");
        var entry = Tables.Build(Levels(mostSpecific, action)).Match(request)!;
        entry.PrepareRequest(request, new StreamInfo { RequestHeaders = request }, envoyHeaders: true);
        Assert.Equal(expected, request.All("x"));
        var response = Requests.Fields("x: own");
        entry.PrepareResponse(response, new StreamInfo { ResponseHeaders = response });
        Assert.Equal(expected, response.All("x"));
    }

    [Theory]
    [InlineData("ADD_IF_ABSENT", "cluster")]
    [InlineData("OVERWRITE_IF_EXISTS", "")]
    public void AbsentHeader_IsTreatedByItsAction(string action, string expected)
    {
        var request = Requests.Get("h", "/");
        Tables.Build(Levels("false", action)).Match(request)!.PrepareRequest(request, new StreamInfo { RequestHeaders = request },
            envoyHeaders: true);
        Assert.Equal(expected, request.All("x"));
    }

    [Fact]
    public void Removal_ComesBeforeAddition()
        => Assert.Equal("new", Applied("request_headers_to_remove: [X], request_headers_to_add: [{header: {key: x, value: new}}]", "x: old")
            .All("x"));

    [Fact]
    public void Formats_SeeTheRequestAsItCame()
        => Assert.Equal("GET /a?b h old", Applied(
            "request_headers_to_add: [{header: {key: x, value: '%REQ(:METHOD)% %REQ(:PATH)% %REQ(:AUTHORITY)% %REQ(x)%'}, "
                + "append_action: OVERWRITE_IF_EXISTS_OR_ADD}]", "x: old").All("x"));

    [Theory]
    [InlineData("", false)]
    [InlineData(", keep_empty_value: true", true)]
    public void EmptyValue_IsLeftOutUnlessKept(string keep, bool present)
        => Assert.Equal(present, Applied($"request_headers_to_add: [{{header: {{key: x, value: '%REQ(nope)%'}}{keep}}}]")
            .TryGet("x"u8, out _));

    [Fact]
    public void DeprecatedAppend_IsUnderstood()
        => Assert.Equal("new", Applied("request_headers_to_add: [{header: {key: x, value: new}, append: false}]", "x: old").All("x"));

    [Fact]
    public void Percent_IsWrittenTwice()
        => Assert.Equal("100%", Applied("request_headers_to_add: [{header: {key: x, value: '100%%'}}]").All("x"));

    [Fact]
    public void InjectedLineEnds_BecomeSpaces()
    {
        var request = Requests.Get("h", "/");
        var info = new StreamInfo { RequestHeaders = request, UpstreamFailure = "a\r\nset-cookie: x\0y" };
        Tables.Routes(
            "- {match: {prefix: /}, route: {cluster: a}, request_headers_to_add: [{header: {key: x, value: "
                + "'%UPSTREAM_TRANSPORT_FAILURE_REASON%'}}]}")
            .Match(request)!.PrepareRequest(request, info, envoyHeaders: true);
        Assert.Equal("a  set-cookie: x y", request.All("x"));
    }

    [Fact]
    public void HeaderChanges_AllocateNothing()
    {
        var table = Tables.Routes("""
            - match: {prefix: /a}
              route: {cluster: a, prefix_rewrite: /b, host_rewrite_literal: o, append_x_forwarded_host: true}
              request_headers_to_add: [{header: {key: x, value: '%REQ(:PATH)%-%PROTOCOL%-%START_TIME%'}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
              request_headers_to_remove: [y]
            """);
        var original = Requests.Get("h", "/a/b", "y: 1");
        var request = new HeaderMap();
        var info = new StreamInfo { RequestHeaders = request, Protocol = HttpProtocol.Http11, StartWallClock = 1_700_000_000_000_000 };
        long before = 0;
        for (int i = 0; i < 200; i++)
        {
            if (i == 100) before = GC.GetAllocatedBytesForCurrentThread();
            request.CopyFrom(original);
            table.Match(request, info, 0)!.PrepareRequest(request, info, envoyHeaders: true);
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static HeaderMap Applied(string level, params string[] fields)
    {
        var request = Requests.Get("h", "/a?b", fields);
        Tables.Routes($"- {{match: {{prefix: /}}, route: {{cluster: a, prefix_rewrite: /z}}, {level}}}")
            .Match(request)!.PrepareRequest(request, new StreamInfo { RequestHeaders = request }, envoyHeaders: true);
        return request;
    }
}
