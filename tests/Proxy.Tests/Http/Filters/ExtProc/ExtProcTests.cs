using Managed.TestKit;
using Xunit;
using static Managed.Proxy.Tests.Http.Filters.ExtProc.ProcessorMessage;
using static Managed.Proxy.Tests.Http.Filters.ExtProc.ProcessorServer;

namespace Managed.Proxy.Tests.Http.Filters.ExtProc;

public sealed class ExtProcTests(ProcessorEdge edge) : IClassFixture<ProcessorEdge>
{
    private ProcessorServer Server => edge.Server;

    private async Task<(RawResponse Answer, UpstreamRequest? Forwarded)> AskAsync(Func<ProcessorMessage, byte[][]?> answer, string request,
        string listener = "edge", string status = "0", string? upstream = null)
    {
        Server.Reset(answer, status);
        edge.Upstream.Clear();
        edge.Upstream.Answer = _ => upstream;
        await using var client = await edge.Proxy.ConnectAsync(listener);
        var response = await client.AskAsync(request);
        return (response, edge.Upstream.Requests.LastOrDefault());
    }

    private static string Get(string path = "/x?q=1", string fields = "") => $"GET {path} HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n";

    private static string Post(string body, string fields = "", string path = "/x")
        => $"POST {path} HTTP/1.1\r\nHost: a.test\r\ncontent-length: {body.Length}\r\n{fields}\r\n{body}";

    // Answers one kind so, and agrees to everything else.
    private static Func<ProcessorMessage, byte[][]?> On(int kind, Func<ProcessorMessage, byte[][]?> answer)
        => m => m.Kind == kind ? answer(m) : Agree(m);

    private static Func<ProcessorMessage, byte[][]?> On(int kind, params (int, object)[] common) => On(kind, _ => [Answered(kind, common)]);

    private long Stat(string listener, string name) => edge.Proxy.Stat($"http.{listener}.ext_proc.{name}");

    [Fact]
    public async Task Headers_AreSentWithMetadataAndAttributes()
    {
        var (answer, forwarded) = await AskAsync(Agree, Get(fields: "x-a: 1\r\nx-hidden: no\r\n"));
        Assert.Equal((200, "/x?q=1"), (answer.Status, forwarded!.Target));
        Assert.Equal("/envoy.service.ext_proc.v3.ExternalProcessor/Process", Server.SeenPath);
        Assert.Equal("GET", Server.SeenMetadata);
        Assert.Equal([RequestHeaders, ResponseHeaders], Server.Messages.Select(m => m.Kind));
        var request = Server.Messages[0];
        Assert.Equal(("GET", "/x?q=1", "a.test", "1", null, true), (request[":method"], request[":path"], request[":authority"],
            request["x-a"], request["x-hidden"], request.Ends));
        Assert.Equal("envoy.filters.http.ext_proc", request.Field(9, 1));
        Assert.Contains("request.path", request.Field(9, 2), StringComparison.Ordinal);
        Assert.Contains("/x?q=1", request.Field(9, 2), StringComparison.Ordinal);
        Assert.Contains("127.0.0.1:", request.Field(9, 2), StringComparison.Ordinal);
        var response = Server.Messages[1];
        Assert.Equal(("200", false), (response[":status"], response.Ends));
        Assert.Contains("response.code", response.Field(9, 2), StringComparison.Ordinal);
        Assert.True(Stat("edge", "x.streams_started") >= 1);
        await Eventually.Async(() => Server.Ended == Server.Streams, "the stream ends with its request");
    }

    [Fact]
    public async Task HeaderAnswers_ChangeRequestAndResponse()
    {
        long rejected = Stat("edge", "x.rejected_header_mutations");
        var (answer, forwarded) = await AskAsync(m => [Answered(m.Kind, (2, Mutation(["x-gone", "host", ":path"], ("x-seen", "yes"),
            ("X-Role", "admin"), (":path", "/other"), ("host", "evil"), (":method", "PUT"), ("x-envoy-retry-on", "5xx"),
            ("content-length", "7"), ("bad name", "x"), ("x-bad", "a\r\nb: c"))), (5, 1))],
            Get(fields: "x-gone: 1\r\n"));
        Assert.Equal(("/adminother", "a.test", "yes", null, "GET"), (forwarded!.Target, forwarded["host"], forwarded["x-seen"],
            forwarded["x-gone"], forwarded.Method)); // clear_route_cache: the route of x-role
        Assert.Equal(("yes", "admin", null), (answer["x-seen"], answer["x-role"], answer["x-bad"]));
        Assert.True(Stat("edge", "x.rejected_header_mutations") >= rejected + 16);
    }

    [Theory]
    [InlineData("edge", "/off", "", 0)]
    [InlineData("edge", "/open", "", 1)] // nobody there, and it goes on
    [InlineData("edge", "/x", "", 2)]
    public async Task Routes_HaveTheirOwn(string listener, string path, string fields, int streams)
    {
        long before = Stat(listener, "x.stream_msgs_sent");
        var (answer, _) = await AskAsync(Agree, Get(path, fields), listener);
        Assert.Equal((200, before + streams), (answer.Status, Stat(listener, "x.stream_msgs_sent")));
    }

    [Fact]
    public async Task RouteMode_SendsTheBodyAlone()
    {
        var (_, forwarded) = await AskAsync(On(RequestBody, (3, Body("changed")), (2, Mutation([], ("x-late", "1")))),
            Post("abc", path: "/whole"));
        Assert.Equal([RequestBody], Server.Messages.Select(m => m.Kind));
        Assert.Equal(("abc", true, "of-route"), (Server.Messages[0].Body, Server.Messages[0].Ends, Server.SeenMetadata));
        Assert.Equal(("changed", null), (forwarded!.Text, forwarded["x-late"])); // its headers have gone on before
    }

    [Theory]
    [InlineData("buffered", "abc")]
    [InlineData("streamed", "abc")]
    [InlineData("partial", "abc")]
    [InlineData("duplex", "abc")]
    public async Task Bodies_AreSeenAndChanged(string listener, string body)
    {
        byte[][] Answer(ProcessorMessage m) => m.Kind is RequestBody or ResponseBody
            ? [Answered(m.Kind, (3, listener == "duplex" ? Piece($"<{m.Body}>", m.Ends) : Body($"<{m.Body}>")))] : Agree(m);
        var (answer, forwarded) = await AskAsync(Answer, Post(body), listener, upstream: RecordingUpstream.Ok("def"));
        Assert.Equal(body, string.Concat(Server.Messages.Where(m => m.Kind == RequestBody).Select(m => m.Body)));
        Assert.StartsWith("<abc>", forwarded!.Text, StringComparison.Ordinal);
        Assert.StartsWith("<def>", answer.Text, StringComparison.Ordinal);
        Assert.Equal(listener == "buffered" ? "5" : null, answer["content-length"]); // known only where it is whole
    }

    [Theory]
    [InlineData("buffered")]
    [InlineData("streamed")]
    [InlineData("partial")]
    public async Task Bodies_ThatAreNotChanged_GoOnAsTheyAre(string listener)
    {
        var (answer, forwarded) = await AskAsync(Agree, Post("abc"), listener, upstream: RecordingUpstream.Ok("def"));
        Assert.Equal(("abc", "def"), (forwarded!.Text, answer.Text));
    }

    [Fact]
    public async Task BodyAnswer_OfAWholeBody_ChangesHeadersToo()
    {
        var (answer, forwarded) = await AskAsync(m => [Answered(m.Kind, (2, Mutation([], ("x-kind", $"{m.Kind}"))),
            (3, m.Kind is RequestBody or ResponseBody ? Message((2, 1)) : []))], Post("abc"), "buffered",
            upstream: RecordingUpstream.Ok("def"));
        Assert.Equal(($"{RequestBody}", "", "0"), (forwarded!["x-kind"], forwarded.Text, forwarded["content-length"]));
        Assert.Equal(($"{ResponseBody}", ""), (answer["x-kind"], answer.Text));
    }

    [Fact]
    public async Task WholeBody_OverTheLimit_IsRefused()
    {
        var (answer, _) = await AskAsync(Agree, Post(new string('a', 3000)), "buffered");
        Assert.Equal(413, answer.Status);
        (answer, _) = await AskAsync(Agree, Get(), "buffered", upstream: RecordingUpstream.Ok(new string('a', 3000)));
        Assert.Equal(500, answer.Status);
    }

    [Fact]
    public async Task PartOfABody_OverTheLimit_IsSent()
    {
        string body = new('a', 300_000);
        var (answer, forwarded) = await AskAsync(On(RequestBody, m => [Answered(m.Kind, (3, Body("b")))]), Post(body), "partial");
        var sent = Assert.Single(Server.Messages, m => m.Kind == RequestBody);
        Assert.True(sent.Body.Length is >= 1024 and < 300_000 && !sent.Ends);
        Assert.Equal((200, "b" + body[sent.Body.Length..]), (answer.Status, forwarded!.Text));
    }

    [Theory]
    [InlineData("streamed")]
    [InlineData("duplex")]
    public async Task LongBody_GoesInPieces(string listener)
    {
        string body = string.Concat(Enumerable.Range(0, 300_000).Select(i => (char)('a' + i % 26)));
        byte[][] Upper(ProcessorMessage m) => m.Kind is RequestBody or ResponseBody
            ? [Answered(m.Kind, (3, listener == "duplex" ? Piece(m.Body.ToUpperInvariant(), m.Ends) : Body(m.Body.ToUpperInvariant())))]
            : Agree(m);
        var (answer, forwarded) = await AskAsync(Upper, Post(body), listener, upstream: RecordingUpstream.Ok(body));
        Assert.True(Server.Messages.Count(m => m.Kind == RequestBody) > 1);
        Assert.Equal(body.ToUpperInvariant(), forwarded!.Text);
        Assert.Equal(body.ToUpperInvariant(), answer.Text);
    }

    [Fact]
    public async Task BothWays_MayAnswerWhenAllHasCome()
    {
        var parts = new List<string>();
        byte[][] Answer(ProcessorMessage m)
        {
            if (m.Kind is ResponseHeaders) return Agree(m);
            if (m.Kind is ResponseBody) return [Answered(m.Kind, (3, Piece("r", m.Ends)))];
            if (m.Kind == RequestBody) lock (parts) parts.Add(m.Body);
            return m.Ends ? [Answered(RequestHeaders, (2, Mutation([], ("x-late", "1")))), Answered(RequestBody, (3, Piece("one,"))),
                Answered(RequestBody, (3, Piece(string.Concat(parts), end: true)))] : [];
        }
        var (answer, forwarded) = await AskAsync(Answer, Post("abc"), "duplex");
        Assert.Equal((200, "one,abc", "1"), (answer.Status, forwarded!.Text, forwarded["x-late"]));
    }

    [Theory]
    [InlineData("streamed")]
    [InlineData("duplex")]
    public async Task Trailers_AreSeenAndChanged(string listener)
    {
        const string chunked = "POST /x HTTP/1.1\r\nHost: a\r\nte: trailers\r\n"
            + "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-t: 1\r\nx-gone: 2\r\n\r\n";
        byte[][] Answer(ProcessorMessage m) => m.Kind switch
        {
            RequestTrailers or ResponseTrailers => [Answered(m.Kind, (1, Mutation(["x-gone"], ("x-t", m["x-t"] + "!"))))],
            RequestBody or ResponseBody when listener == "duplex" => [Answered(m.Kind, (3, Piece(m.Body)))],
            _ => Agree(m),
        };
        var (answer, forwarded) = await AskAsync(Answer, chunked, listener,
            upstream: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\ndef\r\n0\r\nx-t: a\r\n\r\n");
        Assert.Equal(("abc", "def"), (forwarded!.Text, answer.Text));
        Assert.Equal(["x-t=a!"], answer.Trailers.Select(t => $"{t.Key}={t.Value}"));
        Assert.Contains(Server.Messages, m => m.Kind == RequestTrailers && m["x-gone"] == "2");
    }

    [Fact]
    public async Task StreamedBody_MayGoBeforeTheAnswerAboutHeaders()
    {
        byte[][] Answer(ProcessorMessage m) => m.Ends
            ? [Answered(RequestHeaders, (2, Mutation([], ("x-late", "1")))), .. Server.Messages.Where(b => b.Kind == RequestBody)
                .Select(b => Answered(RequestBody, (3, Body(b.Body.ToUpperInvariant()))))] : [];
        var (answer, forwarded) = await AskAsync(Answer, Post("abc"), "early");
        Assert.Equal((200, "ABC", "1"), (answer.Status, forwarded!.Text, forwarded["x-late"]));
    }

    [Fact]
    public async Task EmptyLastPiece_IsGoneOnWithWhenTheServiceEnds()
    {
        edge.Upstream.Answer = _ => null;
        const string chunked = "POST /x HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\n\r\n";
        Server.Reset(m => m is { Kind: RequestBody, Ends: true } ? null : Agree(m));
        edge.Upstream.Clear();
        await using var client = await edge.Proxy.ConnectAsync("streamed");
        await client.SendAsync(chunked + "3\r\nabc\r\n");
        await Eventually.Async(() => Server.Messages.Any(m => m.Kind == RequestBody), "the first piece");
        await client.SendAsync("0\r\n\r\n");
        Assert.Equal(200, (await client.ReadAsync()).Status);
        Assert.Equal("abc", edge.Upstream.Requests.Last().Text);
    }

    [Theory]
    [InlineData("content-length: 3\r\n\r\nold")]
    [InlineData("transfer-encoding: chunked\r\n\r\n3\r\nold\r\n0\r\nx-t: 1\r\n\r\n")]
    public async Task Replacement_WaitsForTheEndOfWhatItReplaces(string rest)
    {
        Server.Reset(On(RequestHeaders, (1, 1), (3, Body("new"))));
        edge.Upstream.Clear();
        edge.Upstream.Answer = _ => null; // whatever a test before had it say
        int end = rest.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
        await using var client = await edge.Proxy.ConnectAsync("buffered");
        await client.SendAsync("POST /x HTTP/1.1\r\nHost: a\r\n" + rest[..end]);
        await Eventually.Async(() => Server.Messages.Count == 1, "asked");
        await client.SendAsync(rest[end..]);
        Assert.Equal(200, (await client.ReadAsync()).Status);
        Assert.Equal("new", edge.Upstream.Requests.Last().Text);
    }

    [Fact]
    public async Task Replacement_TakesThePlaceOfTheBody()
    {
        var (answer, forwarded) = await AskAsync(m => [Answered(m.Kind, (1, 1), (3, Body("new")), (2, Mutation([], (":method", "PUT"))))],
            Post("the old one"), "buffered", upstream: RecordingUpstream.Ok("the old answer"));
        Assert.Equal(("PUT", "new", "new"), (forwarded!.Method, forwarded.Text, answer.Text));
        Assert.Equal([RequestHeaders, ResponseHeaders], Server.Messages.Select(m => m.Kind)); // no further messages
    }

    [Fact]
    public async Task Replacement_GivesABodyToAMessageWithout()
    {
        var (answer, forwarded) = await AskAsync(m => [Answered(m.Kind, (1, 1), (3, Body("new")), (2, Mutation([], (":method", "POST"))))],
            Get(), upstream: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        Assert.Equal(("POST", "new", "3", "new"), (forwarded!.Method, forwarded.Text, forwarded["content-length"], answer.Text));
    }

    [Fact]
    public async Task ImmediateResponse_AnswersFromEitherSide()
    {
        byte[] immediate = Message((7, Message((1, Message((1, 418))),
            (2, Mutation([], ("x-why", "tea"), ("transfer-encoding", "chunked"))),
            (3, "short and stout"), (5, "no coffee"))));
        var (answer, forwarded) = await AskAsync(On(RequestHeaders, _ => [immediate]), Get());
        Assert.Equal((418, "short and stout", "tea", null), (answer.Status, answer.Text, answer["x-why"], answer["transfer-encoding"]));
        Assert.Null(forwarded);
        (answer, forwarded) = await AskAsync(On(ResponseHeaders, _ => [immediate]), Get());
        Assert.Equal((418, "short and stout"), (answer.Status, answer.Text));
        Assert.NotNull(forwarded);
        (answer, forwarded) = await AskAsync(On(RequestHeaders, _ => [immediate]), Get(), "rules"); // disabled: it is asked no more
        Assert.Equal(200, answer.Status);
        Assert.Single(Server.Messages);
    }

    [Fact]
    public async Task Rules_AllowWhatTheySay()
    {
        var (_, forwarded) = await AskAsync(On(RequestHeaders, (2, Mutation([], ("host", "b.test"), (":method", "PUT"), ("x-envoy-x", "1"),
            ("x-secret-a", "no"))), (5, 1)), Get(), "rules");
        Assert.Equal(("b.test", "PUT", "1", null), (forwarded!["host"], forwarded.Method, forwarded["x-envoy-x"], forwarded["x-secret-a"]));
        Assert.True(Stat("rules", "clear_route_cache_disabled") >= 1);
        (var answer, forwarded) = await AskAsync(On(RequestHeaders, (2, Mutation([], ("x-fine", "1")))), Get(), "strict");
        Assert.Equal((200, "1"), (answer.Status, forwarded!["x-fine"]));
        (answer, _) = await AskAsync(On(RequestHeaders, (2, Mutation([], ("x-other", "1")))), Get(), "strict");
        Assert.Equal(500, answer.Status);
    }

    [Fact]
    public async Task ModeOverride_IsTakenWhereItIsAllowed()
    {
        byte[] With(params (int, object)[] mode) => [.. Answered(RequestHeaders), .. Message((9, Message(mode)))];
        await AskAsync(On(RequestHeaders, _ => [With((2, 2), (3, 2))]), Post("abc"), "override");
        Assert.Equal([RequestHeaders, RequestBody], Server.Messages.Select(m => m.Kind));
        await AskAsync(On(RequestHeaders, _ => [With((3, 1))]), Post("abc"), "override"); // not one of the allowed
        Assert.Equal([RequestHeaders, ResponseHeaders], Server.Messages.Select(m => m.Kind));
        await AskAsync(On(RequestHeaders, _ => [With((2, 2), (3, 2))]), Post("abc"));
        Assert.Equal([RequestHeaders, ResponseHeaders], Server.Messages.Select(m => m.Kind));
    }

    [Fact]
    public async Task DynamicMetadata_IsTakenFromNamedSpaces()
    {
        byte[] Entry(string key, byte[] value) => Message((1, Message((1, key), (2, value))));
        byte[] Space(string name) => Entry(name, Message((5, Entry("k", Message((3, "v"))))));
        byte[] spaces = Message((8, (byte[])[.. Space("taken"), .. Space("other")]));
        var (answer, _) = await AskAsync(m => [[.. Answered(m.Kind), .. spaces]], Get());
        Assert.Equal(("v", null), (answer["x-taken"], answer["x-other"]));
    }

    [Fact]
    public async Task MoreTime_IsGivenOnce()
    {
        long ignored = Stat("override", "override_message_timeout_ignored");
        byte[] more = Message((10, Message((1, 9))));
        await AskAsync(On(RequestHeaders, _ => [more, more, Message((10, Message((1, 11)))), Answered(RequestHeaders)]), Get(), "override");
        Assert.Equal(ignored + 2, Stat("override", "override_message_timeout_ignored"));
    }

    [Theory]
    [InlineData("quick", 504)]
    [InlineData("open", 200)]
    public async Task SlowProcessor_TimesOut(string listener, int status)
    {
        var (answer, _) = await AskAsync(_ => [], Get(), listener);
        Assert.Equal(status, answer.Status);
        Assert.Equal(1, Stat(listener, "message_timeouts"));
    }

    [Theory]
    [InlineData("quick", 599)]
    [InlineData("duplex", 200)] // failure_mode_allow
    public async Task FailedStream_IsAFailure(string listener, int status)
    {
        long failed = Stat(listener, "streams_failed");
        var (answer, _) = await AskAsync(_ => null, Get(), listener, status: "13");
        Assert.Equal((status, failed + 1), (answer.Status, Stat(listener, "streams_failed")));
    }

    [Fact]
    public async Task ClosedStream_LetsTheRequestGoOn()
    {
        var (answer, forwarded) = await AskAsync(_ => null, Post("abc"), "buffered");
        Assert.Equal((200, "abc"), (answer.Status, forwarded!.Text));
        // What is with the processor alone is lost, and half a message is none, whatever failure_mode_allow says.
        (answer, _) = await AskAsync(On(RequestBody, _ => null), Post("abc"), "duplex");
        Assert.Equal(500, answer.Status);
    }

    [Fact]
    public async Task DeadProcessor_IsAFailure()
    {
        var (answer, forwarded) = await AskAsync(Agree, Get(), "dead");
        Assert.Equal((503, null), (answer.Status, forwarded));
    }

    public static TheoryData<string> BadAnswers => ["another kind", "no kind", "garbage", "status", "streamed piece", "twice"];

    [Theory, MemberData(nameof(BadAnswers))]
    public async Task WrongAnswer_IsAFailure(string which)
    {
        byte[][] Bad(ProcessorMessage m) => which switch
        {
            "another kind" => [Answered(ResponseBody)],
            "no kind" => [Message((8, Message()))],
            "garbage" => [[0xFF, 0xFF, 0xFF, 0xFF]],
            "status" => [Message((7, Message((1, Message((1, 99))))))],
            "streamed piece" => m.Kind == RequestBody ? [Answered(RequestBody, (3, Piece("x")))] : Agree(m),
            _ => [Answered(RequestHeaders), Answered(RequestHeaders)],
        };
        var (answer, forwarded) = await AskAsync(Bad, Post("abc"), "buffered");
        Assert.Equal((500, null), (answer.Status, forwarded));
    }

    [Fact]
    public async Task HugeAnswers_AreRefused()
    {
        var (answer, _) = await AskAsync(On(RequestHeaders, (2, new byte[5 << 20])), Get());
        Assert.Equal(500, answer.Status);
        string value = new('v', 60_000);
        (string, string)[] many = [.. Enumerable.Range(0, 40).Select(i => ($"x-{i}", value))];
        (answer, _) = await AskAsync(On(RequestHeaders, (2, Mutation([], many))), Get());
        Assert.Equal(500, answer.Status); // more headers than a message may have
    }

    [Fact]
    public async Task ClientThatGoes_EndsTheStream()
    {
        Server.Reset(_ => []);
        int streams = Server.Streams;
        await using (var client = await edge.Proxy.ConnectAsync())
        {
            await client.SendAsync(Get());
            await Eventually.Async(() => Server.Messages.Count == 1, "the processor is asked");
            client.Reset();
        }
        await Eventually.Async(() => Server.Streams > streams && Server.Ended == Server.Streams, "the stream has ended");
    }

    [Fact]
    public async Task Observer_IsToldAndNotWaitedFor()
    {
        var (answer, forwarded) = await AskAsync(_ => [Message((7, Message((1, Message((1, 418))))))], Post("abc"), "watched");
        Assert.Equal((200, "abc"), (answer.Status, forwarded!.Text));
        await Eventually.Async(() => Server.Messages.Count == 3, "request headers and body, response headers");
        Assert.Equal([RequestHeaders, RequestBody, ResponseHeaders], Server.Messages.Select(m => m.Kind));
        Assert.Equal(0, Stat("watched", "stream_msgs_received"));
    }

    [Theory]
    [InlineData("grpc_service: {envoy_grpc: {cluster_name: none}}", "cluster 'none' does not exist")]
    [InlineData("grpc_service: {envoy_grpc: {cluster_name: proc}}, http_service: {}", "'http_service' is not supported")]
    [InlineData("grpc_service: {envoy_grpc: {cluster_name: proc}}, processing_mode: {request_body_mode: FULL_DUPLEX_STREAMED}",
        "a body that is FULL_DUPLEX_STREAMED needs SEND")]
    [InlineData("grpc_service: {envoy_grpc: {cluster_name: proc}}, processing_mode: {request_body_mode: GRPC}", "GRPC")]
    [InlineData("grpc_service: {envoy_grpc: {cluster_name: proc}}, request_attributes: [request.pth]",
        "attribute 'request.pth' is not supported")]
    [InlineData("grpc_service: {envoy_grpc: {cluster_name: proc}}, metadata_options: {forwarding_namespaces: {typed: [a]}}",
        "'typed' is not supported")]
    [InlineData("grpc_service: {envoy_grpc: {cluster_name: proc}}, disable_clear_route_cache: true, route_cache_action: CLEAR", "only one")]
    [InlineData("failure_mode_allow: true", "'grpc_service' is missing")]
    public void WrongConfiguration_IsRefused(string config, string says)
    {
        var built = edge.Proxy.Build("listeners: [{name: a, address: '127.0.0.1:0', routes: [], http_filters: [{name: ext_proc, "
            + $"typed_config: {{{config}}}}}]}}]\nclusters: [{{name: proc, endpoints: ['127.0.0.1:1']}}]");
        Assert.Contains(built.Errors, e => e.Detail.Contains(says, StringComparison.Ordinal));
    }
}
