using System.Text;
using Grpc.Core;
using Grpc.Net.Client;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Http2;

/// <summary>.NET's gRPC client and server with the proxy between.</summary>
public sealed class GrpcTests : IAsyncLifetime
{
    private KestrelServer _server = null!;
    private ProxyFixture _proxy = null!;
    private GrpcChannel _channel = null!;
    private CallInvoker _calls = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await KestrelServer.StartAsync();
        _proxy = await ProxyFixture.StartAsync(Document(_server.Port));
        _channel = GrpcChannel.ForAddress($"http://127.0.0.1:{_proxy.Port()}");
        _calls = _channel.CreateCallInvoker();
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await _proxy.DisposeAsync();
        await _server.DisposeAsync();
    }

    private static string Document(int port, string route = "timeout: 0s, max_stream_duration: {grpc_timeout_header_max: 0s}")
        => new EdgeDocument
    {
        Clusters = $"- {{name: up, endpoints: [\"127.0.0.1:{port}\"], http2: true}}",
        Routes = $"- {{match: {{prefix: /}}, route: {{cluster: up, {route}}}}}",
    }.ToString();

    // What taking a bootstrap of Envoy's writes into it: trailers are off, those of HTTP/1 alone are meant.
    [Fact]
    public async Task Unary_WithTheDefaultsOfAnEnvoyFile_HasItsTrailers()
    {
        await _proxy.PublishAsync((new EdgeDocument
        {
            Clusters = $"- {{name: up, endpoints: [\"127.0.0.1:{_server.Port}\"], http2: true}}",
            Manager = "use_remote_address: false\nhttp_protocol_options: {accept_http_10: false, enable_trailers: false}",
        }).ToString());
        using var call = _calls.AsyncUnaryCall(EchoMethods.Unary, null, default, Bytes("hello"));
        Assert.Equal("hello", Encoding.ASCII.GetString(await call));
        Assert.Equal((StatusCode.OK, "t"), (call.GetStatus().StatusCode, call.GetTrailers().GetValue("x-trailer")));
    }

    private static byte[] Bytes(string text) => Encoding.ASCII.GetBytes(text);

    [Fact]
    public async Task Unary_Answers()
    {
        using var call = _calls.AsyncUnaryCall(EchoMethods.Unary, null, default, Bytes("hello"));
        Assert.Equal("hello", Encoding.ASCII.GetString(await call));
        Assert.Equal((StatusCode.OK, "t"), (call.GetStatus().StatusCode, call.GetTrailers().GetValue("x-trailer")));
    }

    [Fact]
    public async Task Unary_Fails_WithTheServersStatusAndText()
    {
        var error = await Assert.ThrowsAsync<RpcException>(async () => await _calls.AsyncUnaryCall(EchoMethods.Unary, null, default,
            Bytes("fail")));
        Assert.Equal((StatusCode.FailedPrecondition, "not now: 5%"), (error.StatusCode, error.Status.Detail));
    }

    [Fact]
    public async Task ManyAtOnce_ShareOneConnection()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(async i =>
            Encoding.ASCII.GetString(await _calls.AsyncUnaryCall(EchoMethods.Unary, null, default, Bytes($"{i}")))));
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"{i}"), answers);
        Assert.Equal(1, _proxy.Stat("cluster.up.upstream_cx_total"));
    }

    [Fact]
    public async Task ClientStream_IsTakenWhole()
    {
        using var call = _calls.AsyncClientStreamingCall(EchoMethods.Client, null, default);
        for (int i = 0; i < 20; i++) await call.RequestStream.WriteAsync(new byte[10_000]);
        await call.RequestStream.CompleteAsync();
        Assert.Equal("20 200000", Encoding.ASCII.GetString(await call));
    }

    [Fact]
    public async Task ServerStream_ComesWhole()
    {
        using var call = _calls.AsyncServerStreamingCall(EchoMethods.Server, null, default, new byte[50_000]);
        int count = 0;
        await foreach (var message in call.ResponseStream.ReadAllAsync()) count += message.Length;
        Assert.Equal(500_000, count);
    }

    [Fact]
    public async Task Duplex_AnswersEachMessageWhileItIsOpen()
    {
        using var call = _calls.AsyncDuplexStreamingCall(EchoMethods.Duplex, null, default);
        for (int i = 0; i < 20; i++)
        {
            await call.RequestStream.WriteAsync(Bytes($"{i}"));
            Assert.True(await call.ResponseStream.MoveNext());
            Assert.Equal($"{i}", Encoding.ASCII.GetString(call.ResponseStream.Current));
        }
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext());
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task OpenStreams_OutliveVersionsThatLeaveThemAlone()
    {
        var calls = Enumerable.Range(0, 20).Select(_ => _calls.AsyncDuplexStreamingCall(EchoMethods.Duplex, null, default)).ToList();
        for (int version = 0; version < 10; version++)
        {
            foreach (var call in calls)
            {
                await call.RequestStream.WriteAsync(Bytes("x"));
                Assert.True(await call.ResponseStream.MoveNext());
            }
            await _proxy.PublishAsync(Document(_server.Port,
                $"timeout: {version + 1}s, max_stream_duration: {{grpc_timeout_header_max: 0s}}"));
        }
        foreach (var call in calls)
        {
            await call.RequestStream.CompleteAsync();
            Assert.False(await call.ResponseStream.MoveNext());
            Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
            call.Dispose();
        }
        Assert.Equal(1, _proxy.Stat("cluster.up.upstream_cx_total"));
    }

    [Fact]
    public async Task Deadline_ReachesTheClientFromHere()
    {
        var error = await Assert.ThrowsAsync<RpcException>(async () => await _calls.AsyncUnaryCall(EchoMethods.Unary, null,
            new CallOptions(deadline: DateTime.UtcNow.AddSeconds(0.3)), Bytes("wait")));
        Assert.Equal(StatusCode.DeadlineExceeded, error.StatusCode);
        await Eventually.Async(() => _proxy.Stat("cluster.up.upstream_rq_active") == 0, "nothing is left of it");
    }

    [Fact]
    public async Task CallThatIsGivenUp_EndsBehindAsWell()
    {
        using var given = new CancellationTokenSource();
        var call = _calls.AsyncUnaryCall(EchoMethods.Unary, null, new CallOptions(cancellationToken: given.Token), Bytes("wait"));
        await Eventually.Async(() => _proxy.Stat("cluster.up.upstream_rq_active") == 1, "it is under way");
        await given.CancelAsync();
        await Assert.ThrowsAsync<RpcException>(async () => await call);
        await Eventually.Async(() => _proxy.Stat("cluster.up.upstream_rq_active") == 0, "nothing is left of it");
    }

    [Fact]
    public async Task ServiceThatIsAway_IsUnavailable()
    {
        await _proxy.PublishAsync(Document(FreePort.Next()));
        var error = await Assert.ThrowsAsync<RpcException>(async () => await _calls.AsyncUnaryCall(EchoMethods.Unary, null, default,
            Bytes("x")));
        Assert.Equal(StatusCode.Unavailable, error.StatusCode);
        Assert.Contains("connection failure", error.Status.Detail, StringComparison.Ordinal);
    }
}
