using System.Text;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Tests.Core.EventLoop;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Codecs.Http2;

/// <summary>The upstream's side of a stream as router and calls use it.</summary>
public sealed class ClientExchangeTests
{
    [Theory]
    [InlineData("GET", "/", "", "200|hello")]
    [InlineData("HEAD", "/bytes/0", "", "200|")]
    [InlineData("GET", "/hints", "", "103|200|hello")]
    [InlineData("GET", "/trailers", "", "200|hello|grpc-status: 0")]
    [InlineData("POST", "/echo", "some body", "200|some body")]
    [InlineData("GET", "/fields", "", "200|:method: GET,:scheme: http,:authority: a.test,:path: /fields,x-mine: 1,")]
    public void Answer_IsReadPartByPart(string method, string path, string body, string expected)
        => PairTests.Run(new Http2Options(), async pair =>
        {
            var exchange = new Http2ClientExchange(pair.Loop);
            for (int again = 0; again < 3; again++) Assert.Equal(expected, await AskAsync(pair, exchange, method, path, body));
            return true;
        });

    [Fact]
    public void LengthOfTheBody_IsTheCodecsToSay() => PairTests.Run(new Http2Options(), async pair =>
    {
        var exchange = new Http2ClientExchange(pair.Loop);
        exchange.Begin(pair.Client);
        var headers = Request("GET", "/fields");
        headers.Add("content-length", "77");
        exchange.WriteHead(headers, 0, hasBody: false, upgrade: false);
        exchange.WriteEnd(null);
        Assert.Equal("content-length: 0", (await ReadAsync(exchange)).Split(',')[^2]);
        exchange.Finish();
        return true;
    });

    [Fact]
    public void RefusedRequest_IsKnownToBe() => PairTests.Run(new Http2Options(), async pair =>
    {
        var exchange = new Http2ClientExchange(pair.Loop);
        Assert.Equal("200|hello", await AskAsync(pair, exchange, "GET", "/", ""));
        pair.Server.FinishDrain();
        while (!pair.Client.IsGoingAway) await pair.TurnAsync();
        exchange.Begin(pair.Client);
        exchange.WriteHead(Request("GET", "/"), -1, hasBody: false, upgrade: false);
        Assert.True(await exchange.FlushAsync() < 0);
        Assert.True(exchange is { IsRefused: true, ReceivedAnything: false });
        exchange.Finish();
        return true;
    });

    [Fact]
    public void AnotherProtocol_PassesOverTheStream() => PairTests.Run(new Http2Options { AllowConnect = true }, async pair =>
    {
        var exchange = new Http2ClientExchange(pair.Loop);
        Assert.Equal("200|hello", await AskAsync(pair, exchange, "GET", "/", ""));
        exchange.Begin(pair.Client);
        var headers = Request("GET", "/echo");
        headers.Add("upgrade", "websocket");
        exchange.WriteHead(headers, -1, hasBody: false, upgrade: true);
        exchange.WriteEnd(null);
        Assert.True(await exchange.FlushAsync() >= 0);
        var response = new HeaderMap();
        Assert.Equal(HeadResult.Done, await ReadHeadAsync(exchange, response));
        Assert.Equal((101, true, "websocket"), (exchange.Status, exchange.MayUpgrade, response.GetString("upgrade")));
        var transport = exchange.Tunnel(out _);
        var buffer = new byte[100];
        Assert.Equal(0, await transport.WriteAsync("ping"u8.ToArray()));
        Assert.Equal(4, await transport.ReadAsync(buffer));
        transport.ShutdownWrite();
        Assert.Equal(0, await transport.ReadAsync(buffer));
        exchange.Finish();
        return true;
    });

    // A peer that has not offered it is not asked.
    [Fact]
    public void AnotherProtocol_IsNotAskedOfWhoDoesNotKnowIt() => PairTests.Run(new Http2Options(), async pair =>
    {
        var exchange = new Http2ClientExchange(pair.Loop);
        exchange.Begin(pair.Client);
        exchange.WriteHead(Request("GET", "/"), -1, hasBody: false, upgrade: true);
        exchange.BeginResponse(new HeaderMap());
        Assert.Equal(HeadResult.Error, exchange.TryReadHead());
        exchange.Finish();
        await pair.TurnAsync();
        return true;
    });

    [Theory]
    [InlineData(":status: 200|x: a\nb", HeadResult.Error)]
    [InlineData(":status: 200|content-length: 5", HeadResult.Error)] // with an end
    [InlineData("x: y", HeadResult.Error)]
    public void AnswerThatIsNone_IsAnError(string fields, object expected)
    {
        using var thread = new LoopThread();
        object? result = null;
        thread.Run(() => Body().Forget());
        Assert.Empty(thread.Caught);
        Assert.Equal(expected, result);

        async IoTask<bool> Body()
        {
            var side = new TestSide(thread.Loop, new Http2Options());
            var (near, far) = InMemoryTransport.Pair(thread.Loop);
            var client = new Http2ClientConnection(thread.Loop, side.Cells, near, side.Options, side.Stats, isSecure: false);
            client.RunAsync().Forget();
            var exchange = new Http2ClientExchange(thread.Loop);
            exchange.Begin(client);
            exchange.WriteHead(Request("GET", "/"), -1, hasBody: false, upgrade: false);
            exchange.WriteEnd(null);
            await exchange.FlushAsync();
            await far.WriteAsync(new Http2Script().Settings().Headers(1, true, fields.Split('|')).Bytes);
            result = await ReadHeadAsync(exchange, new HeaderMap());
            exchange.Finish();
            far.Close();
            thread.Done();
            return true;
        }
    }

    private static HeaderMap Request(string method, string path)
    {
        var headers = new HeaderMap();
        foreach (var (name, value) in ((string, string)[])[(":method", method), (":scheme", "http"), (":authority", "a.test"),
            (":path", path), ("x-mine", "1"), ("connection", "close")]) headers.Add(name, value);
        return headers;
    }

    private static async IoTask<string> AskAsync(TestPair pair, Http2ClientExchange exchange, string method, string path, string body)
    {
        exchange.Begin(pair.Client);
        exchange.WriteHead(Request(method, path), body.Length > 0 ? body.Length : -1, hasBody: body.Length > 0, upgrade: false);
        if (body.Length > 0) Assert.Equal(0, await exchange.WriteBodyAsync(Encoding.ASCII.GetBytes(body)));
        exchange.WriteEnd(null);
        await exchange.FlushAsync();
        string answer = await ReadAsync(exchange);
        exchange.Finish();
        return answer;
    }

    private static async IoTask<string> ReadAsync(Http2ClientExchange exchange)
    {
        var parts = new List<string>();
        HeaderMap head = new(), trailers = new();
        do
        {
            Assert.Equal(HeadResult.Done, await ReadHeadAsync(exchange, head));
            Assert.Equal(exchange.Status.ToString(System.Globalization.CultureInfo.InvariantCulture), head.GetString(":status"));
            parts.Add(head.GetString(":status")!);
        }
        while (exchange.Status < 200);
        exchange.BeginBody(isHead: false, trailers);
        var body = new StringBuilder();
        BodyResult result;
        while ((result = exchange.TryReadBody(out var piece)) != BodyResult.End)
        {
            Assert.NotEqual(BodyResult.Error, result);
            body.Append(Encoding.ASCII.GetString(piece.Span));
            if (result == BodyResult.NeedMore) await exchange.FillAsync();
        }
        Assert.True(exchange.BodyEnded);
        parts.Add(body.ToString().Replace('\n', ','));
        if (trailers.Count > 0) parts.Add(trailers.ToString().TrimEnd('\n'));
        return string.Join('|', parts);
    }

    private static async IoTask<HeadResult> ReadHeadAsync(Http2ClientExchange exchange, HeaderMap into)
    {
        exchange.BeginResponse(into);
        HeadResult result;
        while ((result = exchange.TryReadHead()) == HeadResult.NeedMore) await exchange.FillAsync();
        return result;
    }
}
